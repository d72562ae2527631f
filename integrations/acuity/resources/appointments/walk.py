"""How are bookings asked for? By day, canceled ones too, and single ones by their ID."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from django.utils import timezone

from bookings.models import Client
from integrations.acuity.errors import BadAnswer
from integrations.acuity.reading.listing import Row, decode, decode_one
from integrations.acuity.resources.appointments.cursors import WalkCursor
from integrations.acuity.resources.base import Context, in_window
from integrations.acuity.source.checks import FIRST
from integrations.acuity.source.paging import ALL, DayCursor, Keyset, Page
from integrations.acuity.source.slices import People, Person
from integrations.models import ImportStep, RejectedRecord

# For so long a refused page size is not tried again.
REFUSAL_HOLDS = timedelta(days=30)


def list_appointments(context: Context, **params: Any) -> list[Row]:
    rows = context.source.get("/appointments", decode, **params)
    if not isinstance(rows, list):
        raise BadAnswer("/appointments is not a list")
    return rows


def by_id(context: Context, keys: list[str]) -> tuple[list[Row], list[str]]:
    """Ask for single bookings: what they are now, and the IDs that Acuity denies (a 404)."""
    if not keys:
        # Whatever is asked for by ID takes the place of a page that was fetched ahead.
        return [], []
    keys = list(dict.fromkeys(keys))
    answers = context.source.each([f"/appointments/{key}" for key in keys], decode=decode_one)
    found = [answer for answer in answers if isinstance(answer, Row)]
    return found, [key for key, answer in zip(keys, answers, strict=True) if answer is None]


def first_booking(context: Context) -> tuple[str | None, list[Row]]:
    """The day to start from, or None if the account has no booking in the window; with what was shown.

    No answer says which booking is the first, so the walk starts before all of them.
    """
    if first := context.scope.period.widened.first:
        return first.isoformat(), []
    some = list_appointments(context, **ALL, max=1, minDate=FIRST.isoformat())
    some = some or list_appointments(context, showall="true", max=1)
    some = some or list_appointments(context, canceled="true", max=1)
    return FIRST.isoformat() if some else None, some


def last_booking(context: Context) -> tuple[str, list[Row]]:
    """The last day that has a booking, or the window's last, by which progress is told; with what was
    shown."""
    rows = list_appointments(context, **ALL | {"direction": "DESC"}, max=1)
    days = walk(context, "1970-01-01", 1).dates(rows[0]) if rows else []
    last = min([max(days, default=date.max), context.scope.period.widened.last or date.max])
    return last.isoformat(), rows


def not_stored(context: Context, rows: Iterable[Row]) -> list[Row]:
    """Those of them, in the run's window, that are neither stored nor rejected."""
    period = context.scope.period
    inside = {row.key: row for row in rows if (at := row.instant) and period.contains(at.date())}
    stored = in_window(context).filter(external_id__in=inside)
    had = {*stored.values_list("external_id", flat=True), *rejected(context, inside)}
    return [row for key, row in inside.items() if key not in had]


def rejected(context: Context, keys: Iterable[str]) -> set[str]:
    """Those that could not be read just now: asking once more would say the same."""
    waiting = RejectedRecord.objects.filter(
        account=context.account, resource="appointments", resolved_at=None
    )
    return set(waiting.filter(external_id__in=list(keys)).values_list("external_id", flat=True))


def passed_by(context: Context, page: Page[Any], glimpsed: list[str]) -> list[Row]:
    """Bookings that other questions have shown, and the walk, which ends with this page, has not."""
    listed = {row.key for row in page.records}
    beside = [row for row in not_stored(context, page.beside) if row.key not in listed]
    waiting = {*glimpsed} - listed - {row.key for row in beside}
    stored = in_window(context).filter(external_id__in=waiting)
    known = {*stored.values_list("external_id", flat=True), *rejected(context, waiting)}
    return [*beside, *by_id(context, sorted(waiting - known))[0]]


def ceiling(context: Context) -> int | None:
    """The largest `max` that the source did not refuse in the last import, if it refused one."""
    earlier = ImportStep.objects.filter(
        run__account=context.account,
        resource="appointments",
        run__created_at__gte=timezone.now() - REFUSAL_HOLDS,
    )
    last = earlier.exclude(run=context.scope.run).order_by("-run__created_at").first()
    return DayCursor.of(last.cursor).ceiling if last else None


def estimate(read: int, cursor: WalkCursor) -> int | None:
    """How many there will be, if the rest of the time is as busy as what was read of it."""
    if not cursor.begins:
        return None
    first, last, now = map(date.fromisoformat, (cursor.begins, cursor.last, cursor.day))
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
        last_day=last_day or context.scope.period.widened.last,
        zones=context.catalog.zones,
        calendars=context.catalog.calendars,
        types=context.catalog.types,
        people=known_people(context),
    )


def list_days(context: Context, first: date, last: date) -> list[Row]:
    """What is listed from `first` to `last`, whatever the run's window is."""
    pages = walk(
        context, first.isoformat(), context.position.listing, last_day=last, excludeForms="true"
    )
    position, done = DayCursor(), False
    rows: list[Row] = []
    while not done:
        page = pages.page(position)
        rows = page.records if page.anew else rows + page.records
        position, done = page.cursor, page.done
    return rows


def known_people(context: Context) -> People:
    """Who might have booked; asked of the database only where a day has to be divided by people."""
    rows = context.account.rows(Client)
    names = rows.values_list("first_name", "last_name", "email", "phone", "listed")
    return (Person(*person) for person in names.iterator())


def by_month(context: Context, rows: Iterable[Row]) -> Counter[str]:
    """How many rows of the run's days take place in each month."""
    return Counter(row.day[:7] for row in rows if context.scope.period.contains(row.day))
