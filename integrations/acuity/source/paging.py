"""How is a listing walked whose API has no pages? See docs/guarantees.md for the proof of the end.

The walk goes forward by day for as long as the source obeys (`checks`); a crowded day is divided by
other filters (`slices`), and a source that disobeys is listed anew by what it does obey (`closed`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Generic, TypeVar

from msgspec.structs import replace

from integrations.acuity.reading.findings import Gap
from integrations.acuity.reading.stored import Stored
from integrations.acuity.source.checks import (
    FIRST,
    ZONES_APART,
    Booking,
    Days,
    Source,
    is_canceled,
)
from integrations.acuity.source.closed import DAY, Everything, crowded, unlisted, unseen_canceled
from integrations.acuity.source.slices import People

Fetch = Callable[..., list[Any]]
# Canceled bookings too, oldest first: newest first would shift under every new booking.
ALL = {"direction": "ASC", "showall": "true"}
# Of so many rows that head answers where they do not belong a cursor knows.
INTRUDERS = 10
# What the forward walk leans on.
NEEDED = {"direction", "minDate"}


class DayCursor(Stored, frozen=True):
    """Where a walk by day stands, and what it has learned of the source."""

    # The day asked from, as ISO 8601; empty at the first one.
    day: str = ""
    # The IDs of rows that may be listed again, each with the last day that it may have.
    seen: dict[str, str] = {}
    # The most rows that an answer had.
    longest: int = 0
    # Parameters that the source has disobeyed.
    ignored: list[str] = []
    # The largest `max` that it does not refuse, if it has refused one.
    ceiling: int | None = None
    # IDs of rows that head answers where they do not belong.
    intruders: list[str] = []
    # Whether a canceled booking was seen.
    canceled: bool = False


C = TypeVar("C", bound=DayCursor)


@dataclass
class Page(Generic[C]):
    """Records not seen before, the cursor behind them, and what could not be proven."""

    records: list[Any]
    cursor: C
    done: bool = False
    gaps: list[Gap] = field(default_factory=list)
    # Parameters that the source has disobeyed.
    ignored: frozenset[str] = frozenset()
    # These are all records, oldest first, those of earlier pages among them: count from here.
    anew: bool = False
    # At the end: what another question shows of the days that the walk has passed.
    beside: list[Any] = field(default_factory=list)


class Keyset:
    """Ascending by day. Nobody knows in which zone Acuity's days begin, so the next page starts
    on the earliest date that the last record has in any of them, and doubles are dropped by ID.

    A page shorter than `max` proves nothing, since answers may be capped silently. The end is
    an answer that brings no new ID and is shorter than another answer was, and after which the
    newest bookings bring nothing new either; no size is special. The cursor may be of a subclass:
    its further fields stay as they are.
    """

    def __init__(
        self,
        fetch: Fetch,
        limit: int,
        first_day: date,
        *,
        last_day: date | None = None,
        zones: Iterable[str] = (),
        calendars: Iterable[str] = (),
        types: Iterable[str] = (),
        people: People = (),
    ) -> None:
        self.limit, self.first_day, self.last_day = limit, first_day, last_day
        self._fetch, self._people, self._days = fetch, people, Days(zones)
        self._values = {"calendarID": set(calendars), "appointmentTypeID": set(types)}

    def request(self, cursor: DayCursor) -> dict[str, Any] | None:
        """What `page(cursor)` will ask first, so that it can be fetched ahead; None at the end."""
        day = self._day(cursor)
        if self.last_day and day > self.last_day:
            return None
        asked = self._source(cursor).size(self.limit + len(cursor.seen))
        return ALL | self._bounds(day) | {"max": asked}

    def page(self, cursor: C) -> Page[C]:
        day, source = self._day(cursor), self._source(cursor)
        params = self.request(cursor)
        if params is None:
            return self._end(source, day, cursor)
        answer = source.ask(**params)
        if answer.disobeyed & NEEDED:
            return self._anew(source, cursor)
        fresh = [row for row in _fresh(answer.rows, cursor.seen) if self._reaches(row, day)]
        seen_canceled = cursor.canceled or any(map(is_canceled, answer.rows))
        cursor = replace(cursor, canceled=seen_canceled)
        if fresh:
            following = max(day, self._resume_day(answer.rows, day))
            return Page(fresh, self._following(source, following, answer.rows, cursor))
        if answer.whole or self._beyond(answer.strays):
            return self._end(source, day, cursor)
        return self._crowded(source, day, cursor)

    def _reaches(self, row: Any, day: date) -> bool:
        """Whether the row may be of `day` or later; earlier ones are no progress, and not kept."""
        return row.day >= day.isoformat() or max(self.dates(row), default=date.max) >= day

    def _beyond(self, strays: list[Any]) -> bool:
        """Whether the rows have gone past the last day."""
        return bool(self.last_day) and any(row.day > str(self.last_day) for row in strays)

    def _crowded(self, source: Source, day: date, cursor: C) -> Page[C]:
        """All of a day whose answer no longer grows: by other filters, else a gap."""
        what = {"showall": "true"}
        complete, found = crowded(source, self.limit, self._values, self._people, day, what)
        rows = list(found.values())
        seen_canceled = cursor.canceled or any(map(is_canceled, rows))
        behind = self._following(source, day + DAY, rows, replace(cursor, canceled=seen_canceled))
        gaps = [] if complete else [unlisted(day, len(rows))]
        ignored = frozenset(source.ignored)
        return Page(_fresh(rows, cursor.seen), behind, gaps=gaps, ignored=ignored)

    def _end(self, source: Source, day: date, cursor: C) -> Page[C]:
        """Nothing new came. It is the end if differently cut questions bring nothing new either."""
        gaps, seen = [], cursor.seen
        bounds = self._bounds(self.first_day)
        if not cursor.canceled:
            only = source.ask(canceled="true", direction="ASC", **bounds, max=self.limit)
            if any(map(is_canceled, only.rows)):
                source.ignored.add("showall")
                return self._anew(source, cursor)
            gaps = [unseen_canceled()] if "canceled" in source.ignored else []
        newest = source.ask(**ALL | {"direction": "DESC"}, **bounds, max=self.limit // 2 + 1)
        shown = [
            row for row in newest.rows if self.last_day is None or row.day <= str(self.last_day)
        ]
        before = [row for row in shown if row.day < day.isoformat()]
        if unseen := [row for row in _fresh(shown, seen) if row.day >= day.isoformat()]:
            # Made a moment ago, or never shown to those who ask for the oldest first?
            again = source.ask(**ALL, **self._bounds(day), max=self.limit + len(seen))
            fresh = [row for row in _fresh(again.rows, seen) if self._reaches(row, day)]
            if {row.key for row in unseen} - {row.key for row in fresh}:
                return self._anew(source, cursor)
            return Page(fresh, self._following(source, day, fresh, cursor))
        learned = replace(cursor, ignored=sorted(source.ignored), ceiling=source.ceiling)
        ignored = frozenset(source.ignored)
        return Page([], learned, done=True, gaps=gaps, ignored=ignored, beside=before)

    def _anew(self, source: Source, cursor: C) -> Page[C]:
        """The source disobeys: everything at one go, by what it does obey."""
        low = self.first_day if self.first_day > FIRST else None
        everything = Everything(
            source, self.limit, self._days, self._values, self._people, low, self.last_day
        )
        rows = everything.rows()
        ignored = frozenset(source.ignored)
        behind = replace(cursor, seen={}, canceled=True)
        behind = self._following(source, self.first_day, [], behind)
        return Page(rows, behind, done=True, gaps=everything.gaps, ignored=ignored, anew=True)

    def _source(self, cursor: DayCursor) -> Source:
        source = Source(self._fetch, set(cursor.ignored), cursor.longest, cursor.ceiling)
        source.intruders |= set(cursor.intruders)
        return source

    def _bounds(self, day: date) -> dict[str, str]:
        until = {"maxDate": self.last_day.isoformat()} if self.last_day else {}
        return {"minDate": day.isoformat(), **until}

    def _day(self, cursor: DayCursor) -> date:
        return date.fromisoformat(cursor.day) if cursor.day else self.first_day

    def _following(self, source: Source, day: date, rows: list[Any], cursor: C) -> C:
        """The cursor on `day`, with `rows` seen, and with what `source` has learned."""
        seen = cursor.seen | self._latest(rows, day)
        return replace(
            cursor,
            day=day.isoformat(),
            seen={key: latest for key, latest in seen.items() if latest >= day.isoformat()},
            longest=source.longest,
            ignored=sorted(source.ignored),
            ceiling=source.ceiling,
            intruders=sorted(source.intruders)[:INTRUDERS],
        )

    def dates(self, row: Booking) -> list[date]:
        """The date of a record in every zone that might bound Acuity's days."""
        return self._days.of(row)

    def _latest(self, rows: list[Any], since: date) -> dict[str, str]:
        """The last date by ID, in any zone, of the rows that may have one from `since` on."""
        early = (max(since, date.min + ZONES_APART) - ZONES_APART).isoformat()
        # Many bookings begin at one time of one calendar's zone.
        dates: dict[tuple[str, str], str] = {}
        latest = {}
        for row in rows:
            if (day := row.day) and day < early:
                continue
            place = (row.starts, row.zone)
            if place not in dates:
                dates[place] = max(self.dates(row), default=date.max).isoformat()
            latest[row.key] = dates[place]
        return latest

    def _resume_day(self, rows: list[Any], day: date) -> date:
        last = next((dates for row in reversed(rows) if (dates := self.dates(row))), [day])
        return min(last)


class Snapshot:
    """A listing that only comes whole: fetched once, staged in chunks, then read by offset."""

    @staticmethod
    def chunks(groups: list[list[Any]], limit: int) -> Iterator[tuple[int, list[list[Any]]]]:
        """(offset, groups) of `limit` groups each; the offset counts the entries before them."""
        offset = 0
        for start in range(0, len(groups), limit):
            chunk = groups[start : start + limit]
            yield offset, chunk
            offset += sum(len(group) for group in chunk)


def _fresh(rows: list[Any], seen: Mapping[str, Any]) -> list[Any]:
    """Rows with an ID not in `seen`; of doubles in one answer the last wins."""
    return list({row.key: row for row in rows if row.key not in seen}.values())
