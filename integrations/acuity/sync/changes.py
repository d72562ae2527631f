"""What has changed at the business since a run or a day? In names and money, from the history.

A month is closed from the end of the first completed run that ended after it: what was seen before
that, its own last evening too, is no change to a closed month.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from bookings import history, zones
from bookings.amounts import decimals, shortest, written
from bookings.models import Appointment, Change, Client, Payment, Tenant
from integrations.acuity.runs.states import PROVABLE
from integrations.models import ImportRun

NAMES = {"first_name", "last_name"}
# What is told of, and what a sentence needs besides the row.
TOLD: dict[type[Model], tuple[str, ...]] = {
    Appointment: ("client",),
    Payment: ("appointment__client",),
    Client: (),
}


# Rows of which a month has a number and a sum, and the columns that decide on these.
COUNTED: tuple[type[Model], ...] = (Appointment, Payment)


class Line(NamedTuple):
    """One change: `kind` is new, moved, canceled, repriced, renamed, paid, refunded, gone or changed."""

    kind: str
    resource: str
    id: str
    text: str


class Changes(NamedTuple):
    """`closed` is what changed in months after they were closed: counts and cents, before and after.
    `currencies` are those of their payments, where the business had several."""

    since: datetime
    closed: dict[str, dict[str, list[int]]]
    lines: list[Line]
    currencies: dict[str, str] = {}

    def as_json(self) -> dict[str, Any]:
        return {
            "since": self.since.isoformat(),
            "closed_months": self.closed,
            "changes": [line._asdict() for line in self.lines],
        }

    def closed_words(self, currency: str) -> list[str]:
        """`2026-05: now 139 bookings, USD 5,402.50 (was 138 and USD 5,232.50)`."""
        places = decimals(currency)
        named = {month: self.currencies.get(month, currency) for month in self.closed}
        return [
            f"{month}: now {n['bookings'][1]:,} bookings, {named[month]} {written(n['cents'][1], places)}"
            f" (was {n['bookings'][0]:,} and {named[month]} {written(n['cents'][0], places)})"
            for month, n in self.closed.items()
        ]


def of(tenant: Tenant, since: datetime, until: datetime | None = None) -> Changes:
    """What was seen to change after `since`; months that were closed come first."""
    until = until or timezone.now()
    lines = [*_new(tenant, since, until), *_changed(tenant, since, until)]
    return closed_only(tenant, since, until)._replace(lines=lines)


def closed_only(tenant: Tenant, since: datetime, until: datetime) -> Changes:
    """As `of`, without a line for each change."""
    changed = history.since(tenant, since, [history.NAMES[model] for model in COUNTED])
    changed = changed.filter(seen_at__lte=until, changed__has_any_keys=history.COUNTS)
    new = (model._default_manager.filter(tenant=tenant, first_seen__gt=since) for model in COUNTED)
    if not (changed.exists() or any(rows.exists() for rows in new)):
        return Changes(since, {}, [])
    closed = _closed(tenant, since, until)
    return Changes(
        since, closed, [], _currencies(tenant, closed) if tenant.former_currencies else {}
    )


def _currencies(tenant: Tenant, months: Iterable[str]) -> dict[str, str]:
    """`USD`, or `EUR+USD` of a month with payments in both."""
    found = {}
    for month in months:
        day = date.fromisoformat(f"{month}-01")
        days = Q(service_date__year=day.year, service_date__month=day.month)
        rows = Payment.objects.filter(days, tenant=tenant).order_by()
        if names := {name.upper() for name in rows.values_list("currency", flat=True).distinct()}:
            found[month] = "+".join(sorted(names))
    return found


def _closed(tenant: Tenant, since: datetime, until: datetime) -> dict[str, dict[str, list[int]]]:
    """Each month as it was `since`, or when it was closed if that was later, and as it is `until`."""
    turns = _turns(tenant, until)
    was = {at: history.months(tenant, at) for at in {since, *turns.values()} if at >= since}
    now = history.months(tenant, until)
    found = {}
    for month in sorted(now.keys() | {month for months in was.values() for month in months}):
        closed_at = next((at for turn, at in turns.items() if turn > month), None)
        if closed_at is None:
            continue
        before, after = was[max(since, closed_at)].get(month, (0, 0)), now.get(month, (0, 0))
        if before != after:
            found[month] = {
                "bookings": [before[0], after[0]],
                "cents": [before[1], after[1]],
            }
    return found


def _turns(tenant: Tenant, until: datetime) -> dict[str, datetime]:
    """The months in which runs completed up to then, in order, each with the end of its first one."""
    done = ImportRun.objects.filter(account__tenant=tenant, status__in=PROVABLE)
    ends = done.filter(finished_at__lte=until).order_by("finished_at")
    found: dict[str, datetime] = {}
    for at in ends.values_list("finished_at", flat=True).iterator():
        if at:
            found.setdefault(f"{at.astimezone(zones.of(tenant)):%Y-%m}", at)
    return found


def of_run(run: ImportRun) -> Changes:
    """What changed from the beginning of the run to its end, or to now."""
    return of(run.account.tenant, run.created_at, run.finished_at)


def first_open_month(tenant: Tenant) -> str:
    """The month in which the last completed run ended; those before it are closed."""
    done = ImportRun.objects.filter(account__tenant=tenant, status__startswith="completed")
    ended = done.exclude(finished_at=None).order_by("-finished_at").first()
    at = ended.finished_at if ended and ended.finished_at else timezone.now()
    return f"{at.astimezone(zones.of(tenant)):%Y-%m}"


def _new(tenant: Tenant, since: datetime, until: datetime) -> Iterator[Line]:
    def seen(rows: QuerySet[Any]) -> QuerySet[Any]:
        rows = rows.filter(tenant=tenant, first_seen__gt=since, first_seen__lte=until)
        return rows.order_by("pk")

    for booking in seen(Appointment.objects.select_related("client")).iterator():
        text = f"{booking.client} booked {_when(booking.starts_at, tenant)}, {shortest(booking.price):f}"
        yield Line("new", history.NAMES[Appointment], booking.external_id, text)
    payments = Payment.objects.select_related("appointment__client")
    for payment in seen(payments).iterator():
        yield _money(payment, tenant)


def _money(payment: Payment, tenant: Tenant, gone: bool = False) -> Line:
    booking = payment.appointment
    refunded = payment.amount < 0
    what = "no longer listed" if gone else "refunded" if refunded else "paid"
    text = (
        f"{booking.client}, {_when(booking.starts_at, tenant)}:"
        f" {shortest(abs(payment.amount)):f} {payment.currency} by {payment.processor} {what}"
    )
    kind = "gone" if gone else "refunded" if refunded else "paid"
    return Line(kind, history.NAMES[Payment], booking.external_id, text)


def _changed(tenant: Tenant, since: datetime, until: datetime) -> Iterator[Line]:
    found = history.since(tenant, since, [history.NAMES[model] for model in TOLD])
    for change in found.filter(seen_at__lte=until).iterator():
        row = _row(change)
        if isinstance(row, Appointment):
            kind, text = _booking(row, change.changed, tenant)
            yield Line(kind, change.resource, change.external_id, text)
        elif isinstance(row, Payment):
            if "removed_at" in change.changed:
                yield _money(row, tenant, gone=change.changed["removed_at"][1] is not None)
            elif "amount" in change.changed:
                before, after = change.changed["amount"]
                kind = "refunded" if Decimal(after) < Decimal(before) else "paid"
                text = f"{row.appointment.client}: payment {after}, was {before}"
                yield Line(kind, change.resource, row.appointment.external_id, text)
        elif isinstance(row, Client) and NAMES & change.changed.keys():
            had = [change.changed.get(name, [getattr(row, name)])[0] for name in sorted(NAMES)]
            yield Line("renamed", change.resource, change.external_id, f"{row} was {' '.join(had)}")


def _booking(row: Appointment, changed: dict[str, Any], tenant: Tenant) -> tuple[str, str]:
    """The kind of what weighs most, and the sentence."""
    about = f"{row.client}, {_when(row.starts_at, tenant)}"
    if changed.get("removed_at", [0, None])[1]:
        return "gone", f"{about}: no longer at Acuity"
    if changed.get("canceled", [0, False])[1]:
        return "canceled", f"{about}: canceled"
    if "starts_at" in changed:
        before, after = (_when(datetime.fromisoformat(at), tenant) for at in changed["starts_at"])
        return "moved", f"{row.client} moved from {before} to {after}"
    if "price" in changed:
        before, after = changed["price"]
        return "repriced", f"{about}: price {after}, was {before}"
    return "changed", f"{about}: {', '.join(sorted(changed)).replace('_', ' ')} changed"


def _row(change: Change) -> Model | None:
    model = history.TABLES[change.resource]
    rows: QuerySet[Any] = model._default_manager.all()
    if related := TOLD[model]:
        rows = rows.select_related(*related)
    found: Model | None = rows.filter(pk=change.row).first()
    return found


def _when(at: datetime, tenant: Tenant) -> str:
    """`3 May 2026, 10:00` in the business's zone."""
    return f"{at.astimezone(zones.of(tenant)):%-d %b %Y, %H:%M}"
