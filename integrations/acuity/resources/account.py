"""The account itself, with the calendars and types that bookings refer to."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from bookings.models import AppointmentType, Calendar
from integrations.acuity.errors import BadAnswer
from integrations.acuity.reading.values import Reject, clean, digest, money, number, text
from integrations.acuity.resources.base import Context, Fetched
from integrations.acuity.store.bulk import Row
from integrations.acuity.store.upsert import Counts, upsert

CALENDAR = ["external_id", "name", "timezone", "raw", "content_hash"]
TYPE = ["external_id", "name", "duration", "price", "active", "raw", "content_hash"]


class Account:
    name = "account"
    title = "Account"
    task = "acuity.begin"

    def fetch(self, context: Context) -> Fetched:
        me = context.source.get("/me")
        calendars = context.source.get("/calendars")
        types = context.source.get("/appointment-types", includeDeleted="true")
        if (
            not isinstance(me, dict)
            or not isinstance(calendars, list)
            or not isinstance(types, list)
        ):
            raise BadAnswer("/me, /calendars or /appointment-types has another shape")
        # /me may carry tokens: nothing but these few facts is kept.
        facts = {k: me.get(k) for k in ("name", "timezone", "currency", "clientsDistinctByPhone")}
        return Fetched([clean(facts), clean(calendars), clean(types)], {}, done=True, count=0)

    def save(self, context: Context, page: Fetched) -> Counts:
        facts, calendars, types = page.records
        account, tenant = context.account, context.tenant
        account.name = str(facts["name"] or account.name)[:200]
        account.timezone = str(facts["timezone"] or "")[:64]
        by_phone = facts["clientsDistinctByPhone"]
        account.clients_distinct_by_phone = by_phone if isinstance(by_phone, bool) else None
        account.save(update_fields=["name", "timezone", "clients_distinct_by_phone"])
        tenant.timezone = account.timezone or tenant.timezone
        currency = str(facts["currency"] or "")
        tenant.currency = currency if len(currency) == 3 else tenant.currency
        tenant.save(update_fields=["timezone", "currency"])
        upsert(tenant, Calendar, CALENDAR, _readable(calendars, calendar))
        upsert(tenant, AppointmentType, TYPE, _readable(types, appointment_type))
        return Counts()


def calendar(payload: dict[str, Any]) -> Row:
    return (
        number(payload.get("id"), "id"),
        text(payload.get("name"), "name").strip()[:255],
        text(payload.get("timezone"), "timezone")[:64],
        payload,
        digest(payload),
    )


def appointment_type(payload: dict[str, Any]) -> Row:
    duration = payload.get("duration")
    return (
        number(payload.get("id"), "id"),
        text(payload.get("name"), "name").strip()[:255],
        int(number(payload.get("duration"), "duration")) if duration not in (None, "") else None,
        money(payload.get("price"), "price") if payload.get("price") is not None else Decimal(0),
        payload.get("active") in (True, "true", "yes", "1"),
        payload,
        digest(payload),
    )


def _readable(payloads: list[Any], parse: Callable[[Any], Row]) -> list[Row]:
    """Calendars and types only explain bookings: an unreadable one is left out, not fatal."""
    rows = {}
    for payload in payloads:
        try:
            row = parse(payload)
        except (Reject, AttributeError):
            continue
        rows[row[0]] = row
    return list(rows.values())
