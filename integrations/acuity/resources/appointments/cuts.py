"""Does a differently cut question show the same bookings? Newest first: each calendar by itself,
then the canceled ones apart. What only such an answer shows is asked for by its ID."""

from datetime import date, timedelta
from itertools import pairwise

from msgspec.structs import replace

from integrations.acuity.reading.listing import Row
from integrations.acuity.resources.appointments.cursors import CutCursor
from integrations.acuity.resources.appointments.walk import list_appointments
from integrations.acuity.resources.base import Context

# A day's slack on each side for the zone in which Acuity's days begin, and one for the row's own.
SLACK = timedelta(days=2)
EVIDENCE = ["oldest first", "newest first by calendar", "canceled apart"]


def questions(context: Context) -> list[dict[str, str]]:
    newest = {"direction": "DESC"}
    each = [
        newest | {"showall": "true", "calendarID": key} for key in sorted(context.catalog.calendars)
    ]
    return [*each, newest | {"canceled": "true"}]


def ask(context: Context, cut: CutCursor, limit: int) -> tuple[list[Row], CutCursor]:
    """The rows of the next answer, and the position behind it; `over` at the end."""
    asked = questions(context)
    if cut.n >= len(asked):
        return [], replace(cut, over=True)
    question, until = asked[cut.n], cut.until or _day(context.scope.period.widened.last)
    bounds = {"minDate": _day(context.scope.period.widened.first), "maxDate": until}
    rows = list_appointments(
        context,
        **question,
        **{name: day for name, day in bounds.items() if day},
        max=limit,
        excludeForms="true",
    )
    ignored = sorted({*cut.ignored, *disobeyed(question, until, rows)})
    keys = sorted(row.key for row in rows)
    days = [row.day for row in rows if row.day]
    before = set(cut.keys)
    nothing_new = before.issuperset(keys)
    if (
        not days
        or (nothing_new and len(rows) < len(before))
        or {"maxDate", "calendarID"} & {*ignored}
    ):
        return rows, CutCursor(n=cut.n + 1, ignored=ignored)
    oldest = min(days)
    if nothing_new:
        # As many as before and none of them new: the answer is full of one day. Go on before it.
        oldest = _day(date.fromisoformat(min(oldest, until or oldest)) - timedelta(days=1))
    return rows, CutCursor(n=cut.n, ignored=ignored, keys=keys, until=oldest)


def disobeyed(question: dict[str, str], until: str, rows: list[Row]) -> list[str]:
    """The parameters that this answer shows to be ignored by the source."""
    names = []
    times = [row.instant for row in rows if row.instant]
    if any(later > earlier for earlier, later in pairwise(times)):
        names.append("direction")
    latest = _day(date.fromisoformat(until) + SLACK) if until else ""
    if latest and any(row.day > latest for row in rows):
        names.append("maxDate")
    calendar = question.get("calendarID")
    if calendar and any(str(row.calendar_id or "") not in ("", calendar) for row in rows):
        names.append("calendarID")
    if "canceled" in question and any(row.canceled is False for row in rows):
        names.append("canceled")
    return names


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""
