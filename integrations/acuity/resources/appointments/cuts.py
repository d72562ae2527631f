"""Does a differently cut question show the same bookings? Newest first: each calendar by itself,
then the canceled ones apart. What only such an answer shows is asked for by its ID."""

from datetime import date, timedelta
from functools import partial

from django.db.models import QuerySet
from msgspec.structs import replace

from bookings.models import Appointment
from integrations.acuity.reading.listing import Row
from integrations.acuity.resources.appointments.cursors import CutCursor
from integrations.acuity.resources.appointments.walk import list_appointments
from integrations.acuity.resources.base import Context, in_window
from integrations.acuity.source.checks import Source

EVIDENCE = ["oldest first", "newest first by calendar", "canceled apart"]
# The same, where the first of them were the import's own pages.
OF_IMPORT = ["oldest first by the import", *EVIDENCE[1:]]


def questions(context: Context) -> list[dict[str, str]]:
    newest = {"direction": "DESC"}
    each = [
        newest | {"showall": "true", "calendarID": key} for key in sorted(context.catalog.calendars)
    ]
    return [*each, newest | {"canceled": "true"}]


def is_of_calendar(context: Context, cut: CutCursor) -> bool:
    """Whether the next question is for one calendar."""
    return "calendarID" in questions(context)[cut.n]


def walked(context: Context, cut: CutCursor) -> QuerySet[Appointment]:
    """What is stored of the bookings that the next question asks for."""
    rows, calendar = in_window(context), questions(context)[cut.n].get("calendarID")
    return rows.filter(calendar__external_id=calendar) if calendar else rows.filter(canceled=True)


def ask(context: Context, cut: CutCursor, limit: int) -> tuple[list[Row], CutCursor]:
    """The rows of the next answer, and the position behind it; `over` at the end."""
    asked = questions(context)
    if cut.n >= len(asked):
        return [], replace(cut, over=True)
    source = Source(partial(list_appointments, context, excludeForms="true"), {*cut.ignored})
    source.intruders |= {*cut.intruders}
    days = context.scope.period.widened
    question, until = asked[cut.n], cut.until or _day(days.last)
    bounds = {"minDate": _day(days.first), "maxDate": until}
    answer = source.ask(**question, **{k: day for k, day in bounds.items() if day}, max=limit)
    learned = CutCursor(
        n=cut.n,
        ignored=sorted(source.ignored),
        intruders=sorted(source.intruders),
        longest=source.longest,
    )
    keys = sorted(row.key for row in answer.all)
    dates = [row.day for row in answer.rows if row.day]
    before = set(cut.keys)
    nothing_new = before.issuperset(keys)
    ended = nothing_new and len(answer.all) < cut.longest
    if not dates or ended or {"maxDate", "calendarID"} & source.ignored:
        return answer.all, replace(learned, n=cut.n + 1)
    # Where its calendar is, a booking may be of a later day than the last one asked for.
    oldest = min([*dates, until] if until else dates)
    if nothing_new:
        # As many as before and none of them new: the answer is full of one day. Go on before it.
        oldest = _day(date.fromisoformat(oldest) - timedelta(days=1))
    elif oldest == until:
        keys = sorted(before.union(keys))
    return answer.all, replace(learned, keys=keys, until=oldest)


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""
