"""How are bookings asked for? By day, canceled ones too."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any

from bookings.models import Client
from integrations.acuity.errors import BadAnswer
from integrations.acuity.reading.listing import Row
from integrations.acuity.resources.base import Context
from integrations.acuity.source.closed import FIRST
from integrations.acuity.source.paging import ALL, Keyset
from integrations.acuity.source.slices import People, Person


def list_appointments(context: Context, **params: Any) -> list[Row]:
    rows = context.source.get("/appointments", **params)
    if not isinstance(rows, list):
        raise BadAnswer("/appointments is not a list")
    return rows


def first_booking(context: Context) -> str | None:
    """The day to start from, or None if the account has no booking in the window.

    No answer says which booking is the first, so the walk starts before all of them.
    """
    if context.first_day:
        return context.first_day.isoformat()
    some = list_appointments(context, **ALL, max=1, minDate=FIRST.isoformat())
    some = some or list_appointments(context, showall="true", max=1)
    some = some or list_appointments(context, canceled="true", max=1)
    return FIRST.isoformat() if some else None


def last_booking(context: Context) -> str:
    """The last day that has a booking, or the window's last; only progress is told by it."""
    rows = list_appointments(context, **ALL | {"direction": "DESC"}, max=1)
    days = walk(context, "1970-01-01", 1).dates(rows[0]) if rows else []
    return min([max(days, default=date.max), context.last_day or date.max]).isoformat()


def estimate(read: int, cursor: dict[str, Any]) -> int | None:
    """How many there will be, if the rest of the time is as busy as what was read of it."""
    if "begins" not in cursor:
        return None
    first, last, now = (date.fromisoformat(cursor[key]) for key in ("begins", "last", "day"))
    if now <= first or last <= first:
        return None
    return round(read * max(1.0, (last - first) / (now - first)))


def walk(
    context: Context, first: str, limit: int, last_day: date | None = None, **params: Any
) -> Keyset:
    """The keyset walk from `first` to `last_day`, or to the end of this run's window."""
    return Keyset(
        lambda **asked: list_appointments(context, **params, **asked),
        limit,
        date.fromisoformat(first),
        last_day=last_day or context.last_day,
        zones=context.zones,
        calendars=context.calendars,
        types=context.types,
        people=known_people(context),
    )


def known_people(context: Context) -> People:
    """Who might have booked; asked of the database only where a day has to be divided by people."""
    rows = Client.objects.filter(tenant=context.tenant, source="acuity")
    names = rows.values_list("first_name", "last_name", "email", "phone", "listed")
    return (Person(*person) for person in names.iterator())


def by_month(context: Context, rows: Iterable[Row]) -> Counter[str]:
    """How many rows of the run's window take place in each month."""
    low, high = (str(day or "") for day in (context.run.min_date, context.run.max_date))
    return Counter(row.day[:7] for row in rows if low <= row.day and (not high or row.day <= high))
