"""The account itself, with the calendars and types that bookings refer to."""

from decimal import Decimal
from typing import Any

from bookings.models import AppointmentType, Calendar
from integrations.acuity.errors import BadAnswer
from integrations.acuity.records import Reject, clean, digest, money, number, text
from integrations.acuity.resources.base import Context, Fetched
from integrations.acuity.sink import Counts, upsert


class Account:
    name = "account"
    task = "acuity.begin"

    def fetch(self, context: Context) -> Fetched:
        me = context.source.get("/me")
        calendars = context.source.get("/calendars")
        types = context.source.get("/appointment-types", includeDeleted="true")
        if not isinstance(me, dict) or not isinstance(calendars, list) or not isinstance(types, list):
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
        upsert(tenant, _readable(calendars, lambda p: calendar(tenant, p)), ["name", "timezone", "raw"])
        upsert(
            tenant,
            _readable(types, lambda p: appointment_type(tenant, p)),
            ["name", "duration", "price", "active", "raw"],
        )
        return Counts()


def calendar(tenant: Any, payload: dict[str, Any]) -> Calendar:
    return Calendar(
        tenant=tenant,
        external_id=number(payload, "id"),
        name=text(payload, "name").strip()[:255],
        timezone=text(payload, "timezone")[:64],
        raw=payload,
        content_hash=digest(payload),
    )


def appointment_type(tenant: Any, payload: dict[str, Any]) -> AppointmentType:
    duration = payload.get("duration")
    return AppointmentType(
        tenant=tenant,
        external_id=number(payload, "id"),
        name=text(payload, "name").strip()[:255],
        duration=int(number(payload, "duration")) if duration not in (None, "") else None,
        price=money(payload, "price") if payload.get("price") is not None else Decimal(0),
        active=payload.get("active") in (True, "true", "yes", "1"),
        raw=payload,
        content_hash=digest(payload),
    )


def _readable(payloads: list[Any], parse: Any) -> list[Any]:
    """Calendars and types only explain bookings: an unreadable one is left out, not fatal."""
    rows = {}
    for payload in payloads:
        try:
            row = parse(payload)
        except (Reject, AttributeError):
            continue
        rows[row.external_id] = row
    return list(rows.values())
