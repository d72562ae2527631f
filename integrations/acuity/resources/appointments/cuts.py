"""Which other questions must show the same bookings, and how is each asked page by page?

The walk asks for everything from a day on, oldest first. These ask newest first, between two days: each
calendar's bookings that are not canceled, then the canceled ones. What only such an answer shows is asked
for by its ID, and so is what it should show and doesn't.
"""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import NamedTuple

from django.db.models import QuerySet
from django.utils import timezone

from bookings.models import Appointment
from integrations.acuity.reading.listing import Row
from integrations.acuity.resources.appointments.cursors import CutCursor, ProofCursor
from integrations.acuity.resources.appointments.walk import list_appointments
from integrations.acuity.resources.base import Context, in_window
from integrations.acuity.source.checks import FIRST, LAST, ZONES_APART, Days, Source, is_canceled
from integrations.acuity.source.closed import Everything

# How the walk asks, and the import's own where its pages are the first of two cuts.
WALK, OF_IMPORT = "oldest first", "oldest first by the import"
BY_CALENDAR, CANCELED = "newest first by calendar", "canceled apart"
# Where one of those fails.
KEPT, ALL_BY_CALENDAR = "newest first, between two days", "canceled ones too, by calendar"
# Beside them.
CANCELED_BY_CALENDAR, BY_TYPE, TO_COME = "canceled by calendar", "by type", "to come apart"
# Where an earlier proof is leaned on.
LATEST_AGAIN = "the latest, newest first"
BY = ("calendarID", "appointmentTypeID", "canceled")
FURTHER = (CANCELED_BY_CALENDAR, BY_TYPE, TO_COME)
# An import's own proof asks these if they are so few questions in all; proving it again always does.
FEW = 8
DAY = timedelta(days=1)
LATEST = datetime.max.replace(tzinfo=UTC)


class Question(NamedTuple):
    """One kind of question about some of the bookings."""

    kind: str
    asked: dict[str, str]

    @property
    def by(self) -> list[str]:
        """The parameters that it leans on, the first of all on the first."""
        return [name for name in BY if name in self.asked] or ["maxDate"]

    def rows(self, context: Context) -> QuerySet[Appointment]:
        """What is stored of the bookings that it asks for."""
        rows = in_window(context)
        if calendar := self.asked.get("calendarID"):
            rows = rows.filter(calendar__external_id=calendar)
        if kind := self.asked.get("appointmentTypeID"):
            rows = rows.filter(appointment_type__external_id=kind)
        if "showall" not in self.asked:
            rows = rows.filter(canceled="canceled" in self.asked)
        if self.kind == TO_COME:
            # Nobody knows in which zone Acuity's days begin.
            surely = date.fromisoformat(self.asked["minDate"]) + ZONES_APART
            rows = rows.filter(service_date__gte=surely)
        return rows

    def is_about(self, row: Row) -> bool:
        """Whether a booking, as it is now, belongs in the answer."""
        asked = self.asked
        return (
            asked.get("calendarID", str(row.calendar_id)) == str(row.calendar_id)
            and asked.get("appointmentTypeID", str(row.type_id)) == str(row.type_id)
            and ("showall" in asked or is_canceled(row) == ("canceled" in asked))
            and (self.kind != TO_COME or row.day >= asked["minDate"])
        )


def questions(context: Context) -> list[Question]:
    days = context.scope.period.widened
    first, last = _day(days.first or FIRST), _day(days.last or LAST)
    newest = {"direction": "DESC"}
    between = newest | {"minDate": first, "maxDate": last}
    given = newest | ({"minDate": first} if days.first else {})
    given |= {"maxDate": last} if days.last else {}
    calendars = [{"calendarID": key} for key in sorted(context.catalog.calendars)]
    types = [{"appointmentTypeID": key} for key in sorted(context.catalog.types)]
    soon = max(_day(timezone.now().date() + DAY), first)
    canceled = {"canceled": "true"}
    return [
        *(Question(BY_CALENDAR, between | each) for each in calendars),
        Question(CANCELED, between | canceled),
        Question(KEPT, between),
        *(Question(ALL_BY_CALENDAR, given | {"showall": "true"} | each) for each in calendars),
        *(Question(CANCELED_BY_CALENDAR, given | canceled | each) for each in calendars),
        *(Question(BY_TYPE, between | {"showall": "true"} | each) for each in types),
        *([Question(TO_COME, between | {"minDate": soon})] if soon <= last else []),
    ]


def upcoming(
    context: Context, cursor: ProofCursor, every: list[Question]
) -> tuple[Question | None, int]:
    """The next of the questions, and its number; None behind the last."""
    few = sum(question.kind in FURTHER for question in every) <= FEW
    for n, question in enumerate(every[cursor.asking.n :], cursor.asking.n):
        wanted = cursor.anew or few if question.kind in FURTHER else True
        if cursor.brief:
            wanted = question.kind == KEPT
        elif question.kind == KEPT:
            wanted = not is_total(context, cursor, [BY_CALENDAR])
        elif question.kind == ALL_BY_CALENDAR:
            wanted = CANCELED in cursor.failed
        if wanted and {*question.by}.isdisjoint(cursor.asking.ignored):
            return question, n
    return None, cursor.asking.n


def is_total(context: Context, cursor: ProofCursor, kinds: list[str]) -> bool:
    """Whether these kinds of questions were asked about every booking, and all answers agreed."""
    if not {*kinds} <= {*cursor.asked} - {*cursor.failed}:
        return False
    rows = in_window(context)
    if BY_CALENDAR in kinds:
        return not rows.filter(calendar=None, canceled=False).exists()
    if ALL_BY_CALENDAR in kinds:
        return not rows.filter(calendar=None).exists()
    return BY_TYPE not in kinds or not rows.filter(appointment_type=None).exists()


def agree(context: Context, cursor: ProofCursor) -> bool:
    """Whether some way of asking, other than the walk's, has shown all bookings."""
    ways = ([BY_CALENDAR, CANCELED], [KEPT, CANCELED], [ALL_BY_CALENDAR], [BY_TYPE])
    return any(is_total(context, cursor, way) for way in ways)


class Cut(NamedTuple):
    """One answer to a question."""

    rows: list[Row]
    disobeyed: frozenset[str]
    # It may be full, and is in no order: what else the question has cannot be reached.
    unordered: bool
    # It was full of one day, behind which the question goes on.
    crowded: bool
    # Whether this was the last answer, for sure; or it would be, if nothing is missing from it.
    last: bool
    uncut: bool
    # All that takes place after this instant was shown by now.
    since: datetime | None
    # Where the question goes on.
    cursor: CutCursor

    def lacking(self, context: Context, question: Question, before: CutCursor) -> list[str]:
        """IDs of what is stored of the question, and should have been shown by now."""
        rows = question.rows(context)
        if not self.last:
            rows = rows.filter(starts_at__gt=self.since)
        if before.since:
            rows = rows.filter(starts_at__lte=datetime.fromisoformat(before.since))
        shown = before.shown.keys() | {row.key for row in self.rows}
        keys = rows.order_by("-starts_at").values_list("external_id", flat=True)
        return [key for key in keys.iterator() if key not in shown]


def ask(context: Context, question: Question, cut: CutCursor, limit: int, longest: int) -> Cut:
    """The next answer to a question. `longest` is the most rows that an answer to the walk had."""
    ask_for = partial(list_appointments, context, excludeForms="true")
    source = Source(ask_for, {*cut.ignored}, max(longest, cut.longest))
    source.intruders |= {*cut.intruders}
    last_day = cut.until or question.asked.get("maxDate", "")
    answer = source.ask(**question.asked | ({"maxDate": last_day} if last_day else {}), max=limit)
    fresh = [row for row in answer.all if row.key not in cut.shown]
    times = [at.astimezone(UTC) for row in answer.rows if (at := row.instant)]
    ended = not times or (not fresh and len(answer.all) < cut.longest)
    crowded = not ended and not fresh
    until, since = last_day, cut.since
    if times:
        oldest = min(answer.rows, key=lambda row: row.instant or LATEST)
        days = Days(context.catalog.zones).of(oldest)
        following = _day(max(days) if days else LAST)
        until = min(filter(None, [following, last_day]))
        # By what an answer is sorted where calendars are in several zones nobody knows.
        reached = min(times) + (-ZONES_APART if crowded else ZONES_APART)
        since = min(filter(None, [reached.isoformat(), since]))
    if crowded:
        until = _day(date.fromisoformat(until) - DAY)
    shown = cut.shown | {row.key: row.day for row in answer.all}
    cursor = CutCursor(
        n=cut.n,
        among=cut.among,
        until=until,
        since=since,
        shown={key: day for key, day in shown.items() if day <= _latest(since)},
        ignored=sorted(source.ignored),
        intruders=sorted(source.intruders),
        longest=max(cut.longest, len(answer.all)),
    )
    full = not (answer.whole or ended)
    unordered = full and "direction" in source.ignored
    rows = answer.all
    if unordered and question.kind in (KEPT, CANCELED):
        rows, unordered = by_windows(context, question, source, limit)
    return Cut(
        rows,
        answer.disobeyed,
        unordered=unordered,
        crowded=crowded and not unordered,
        last=unordered or not full,
        uncut=len(answer.all) < source.size(limit) and len(answer.all) != longest,
        since=datetime.fromisoformat(since) if since else None,
        cursor=cursor,
    )


def by_windows(
    context: Context, question: Question, source: Source, limit: int
) -> tuple[list[Row], bool]:
    """The question's rows from a source that knows no order, and whether there may be more."""
    days, zones = context.scope.period.widened, Days(context.catalog.zones)
    everything = Everything(source, limit, zones, {}, (), days.first, days.last)
    everything.all_of({name: "true" for name in question.asked if name == "canceled"})
    return list(everything.found.values()), bool(everything.gaps)


def _latest(since: str) -> str:
    """The last day, in any zone, of what is not compared yet."""
    last = datetime.fromisoformat(since).date() if since else date.max - ZONES_APART
    return _day(last + ZONES_APART)


def _day(day: date) -> str:
    return day.isoformat()
