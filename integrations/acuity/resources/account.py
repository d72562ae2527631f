"""Whose account is it? Read before anything else, and compared with what is known of it."""

from typing import Any, NamedTuple

from bookings.models import Appointment, AppointmentType, Calendar, Client, Payment
from integrations.acuity.accounts.addresses import is_own
from integrations.acuity.errors import AnotherAccount, UnknownAccount
from integrations.acuity.reading import zones
from integrations.acuity.reading.stored import Stored
from integrations.acuity.reading.values import clean, currency
from integrations.acuity.resources.base import Context, Fetched
from integrations.acuity.store.upsert import Counts
from integrations.models import AcuityAccount


class Facts(NamedTuple):
    """What an import wants to know of an account."""

    id: str
    name: str
    timezone: str
    currency: str
    country: str
    by_phone: bool | None


class Account:
    name = "account"
    title = "Account"
    task = "acuity.begin"

    def fetch(self, context: Context) -> Fetched:
        return Fetched([_whose(context)], Stored(), done=True, count=0)

    def save(self, context: Context, page: Fetched) -> Counts:
        (facts,) = page.records
        account, tenant = context.account, context.tenant
        if not account.source_id:
            _adopt(context, facts.id)
        account.source_id, account.country = facts.id, facts.country or account.country
        account.name = facts.name or account.name
        account.timezone = facts.timezone
        account.clients_distinct_by_phone = facts.by_phone
        account.save(
            update_fields=["source_id", "country", "name", "timezone", "clients_distinct_by_phone"]
        )
        tenant.timezone, tenant.currency = facts.timezone, facts.currency
        tenant.save(update_fields=["timezone", "currency"])
        return Counts()


def _adopt(context: Context, source_id: str) -> None:
    """Rows from before anybody wrote down whose they are belong to the first account that asks."""
    for model in (Client, Calendar, AppointmentType, Appointment):
        context.account.rows(model).update(source_account=source_id)


def _whose(context: Context) -> Facts:
    """Whose account this is. Raises UnknownAccount or AnotherAccount, in words for the owner."""
    account, tenant = context.account, context.tenant
    try:
        facts = of_answer(account, context.source.get("/me"))
    except UnknownAccount:
        facts = of_answer(account, context.source.get("/me"))
    if account.source_id and facts.id != account.source_id:
        shown = facts.id if is_own(account) else "another"
        raise AnotherAccount(
            f"it was {account.source_id} and is {shown}; enter the key of {account.source_id}"
            " in the admin, or add an account there for the other one"
        )
    currency = tenant.currency.upper()
    if facts.currency != currency and Payment.objects.filter(tenant=tenant).exists():
        raise AnotherAccount(
            f"payments are stored in {currency} and Acuity now says {facts.currency};"
            " change the tenant's currency in the admin if that is right"
        )
    return facts


def of_answer(account: AcuityAccount, me: Any) -> Facts:
    """Whose account an answer of `/me` names. Raises UnknownAccount, in words for the owner.

    Whatever address answered so has an account: of any other answer of a stranger's nothing is said.
    """
    had = Facts(account.source_id, "", account.timezone, "", "", None)
    if account.source_id:
        had = had._replace(currency=account.tenant.currency)
    facts, lacking = _facts(me, had)
    if lacking:
        said = lacking if is_own(account) else lacking.partition(":")[0]
        raise UnknownAccount(f"/me has no {said}")
    return facts


def _facts(me: Any, had: Facts) -> tuple[Facts, str]:
    """What `/me` says, and the words for what it should say and does not. What was known before
    stands until something better comes. /me may carry tokens: nothing else is kept of it."""
    if not isinstance(me, dict):
        return had, "object"
    me = clean(me)
    ids, name, zone, money_, where = (
        str(me.get(key) or "").strip() for key in ("id", "name", "timezone", "currency", "country")
    )
    by_phone = me.get("clientsDistinctByPhone")
    facts = Facts(
        id=ids[:64],
        name=name[:200],
        timezone=zones.resolve(zone) or zones.resolve(had.timezone),
        currency=currency(money_) or currency(had.currency),
        country=where.upper() if len(where) == 2 and where.isalpha() else "",
        by_phone=by_phone if isinstance(by_phone, bool) else None,
    )
    if not facts.id:
        return facts, "ID"
    if not facts.timezone:
        return facts, f"time zone that exists: {zone[:64]!r}"
    if not facts.currency:
        return facts, f"currency code (ISO 4217): {money_[:16]!r}"
    return facts, ""
