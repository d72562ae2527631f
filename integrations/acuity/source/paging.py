"""How is a listing walked whose API has no pages? See docs/guarantees.md for the proof of the end."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from integrations.acuity.reading.listing import Row

Fetch = Callable[..., list[Row]]
# Canceled bookings too, oldest first: newest first would shift under every new booking.
ALL = {"direction": "ASC", "showall": "true"}
# A silent cap below this many rows is not believed: shorter answers are taken as whole.
SMALLEST_CAP = 50
# The dates of one instant, from UTC-12 to UTC+14, are at most so far apart.
ZONES_APART = timedelta(days=2)


@dataclass
class Page:
    """Records not seen before, the cursor behind them, and what could not be proven."""

    records: list[Row]
    cursor: dict[str, Any]
    done: bool = False
    gaps: list[dict[str, Any]] = field(default_factory=list)


def zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


class Keyset:
    """Ascending by day. Nobody knows in which zone Acuity's days begin, so the next page starts
    on the earliest date that the last record has in any of them, and doubles are dropped by ID.

    A page shorter than `max` proves nothing, since answers may be capped silently. The end is
    an answer that brings no new ID and is shorter than another answer was; a day whose answers
    stop growing is split by calendar, then by type, and is a gap if that is not enough either.
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
    ) -> None:
        self.limit, self.first_day, self.last_day = limit, first_day, last_day
        self._fetch = fetch
        self._zones = [UTC, *(z for name in sorted(set(zones)) if (z := zone(name)))]
        self._calendars, self._types = sorted(set(calendars)), sorted(set(types))

    def request(self, cursor: dict[str, Any]) -> dict[str, Any] | None:
        """What `page(cursor)` will ask first, so that it can be fetched ahead; None at the end."""
        day = self._day(cursor)
        if self.last_day and day > self.last_day:
            return None
        until = {"maxDate": self.last_day.isoformat()} if self.last_day else {}
        asked = self.limit + len(cursor.get("seen", {}))
        return ALL | {"minDate": day.isoformat(), "max": asked, **until}

    def page(self, cursor: dict[str, Any]) -> Page:
        day = self._day(cursor)
        seen: dict[str, str] = cursor.get("seen", {})
        longest: int = cursor.get("longest", 0)
        params = self.request(cursor)
        if params is None:
            return Page([], cursor, done=True)
        asked = params["max"]
        rows = self._fetch(**params)
        fresh = _fresh(rows, seen)
        if fresh:
            following = max(day, self._resume_day(rows, day))
            seen = seen | self._latest(rows, following)
            return Page(fresh, self._cursor(following, seen, max(longest, len(rows))))
        if len(rows) < max(longest, SMALLEST_CAP) and len(rows) < asked:
            return Page([], cursor, done=True)
        return self._crowded(day, seen, max(longest, len(rows)))

    def _crowded(self, day: date, seen: dict[str, str], longest: int) -> Page:
        """All of a day whose answer no longer grows: by calendar, then by type, else a gap."""
        found: dict[str, Row] = {}
        complete = self._slice(day, {}, longest, found) or self._offsets(day, found)
        if not complete:
            complete = bool(self._calendars)
            for calendar in self._calendars:
                if self._slice(day, {"calendarID": calendar}, longest, found):
                    continue
                parts = [
                    self._slice(
                        day, {"calendarID": calendar, "appointmentTypeID": kind}, longest, found
                    )
                    for kind in self._types
                ]
                complete = complete and bool(parts) and all(parts)
        rows = list(found.values())
        gap = {
            "kind": "day",
            "day": day.isoformat(),
            "listed": len(rows),
            "reason": "Acuity cuts its answers for this day short, however it is asked.",
        }
        following = day + timedelta(days=1)
        cursor = self._cursor(following, seen | self._latest(rows, following), longest)
        return Page(_fresh(rows, seen), cursor, gaps=[] if complete else [gap])

    def _slice(
        self, day: date, filters: dict[str, str], longest: int, found: dict[str, Row]
    ) -> bool:
        """Add to `found` what the day has under `filters`; True if that is provably all."""
        asked, before = self.limit, -1
        only = {"minDate": day.isoformat(), "maxDate": day.isoformat(), **filters}
        while True:
            rows = self._ask(max=asked, **only)
            found.update((row.key, row) for row in rows)
            if len(rows) < asked or len(rows) <= before:
                break
            asked, before = asked * 4, len(rows)
        if len(rows) < min(asked, max(longest, SMALLEST_CAP)):
            return True
        backwards = self._ask(max=asked, **{**only, "direction": "DESC"})
        found.update((row.key, row) for row in backwards)
        instants = {row.starts for row in rows}
        same = {row.key for row in rows} == {row.key for row in backwards}
        return same and len(instants) > 1 and len(rows) < asked

    def _offsets(self, day: date, found: dict[str, Row]) -> bool:
        """The day by offset, both ways, for a server that honours it. True if both agree."""
        only = {"minDate": day.isoformat(), "maxDate": day.isoformat()}
        ways = [
            Offset(
                lambda way=way, **asked: self._ask(**only, direction=way, **asked), self.limit
            ).rows()
            for way in ("ASC", "DESC")
        ]
        for rows in ways:
            found.update(rows or {})
        return ways[0] is not None and ways[1] is not None and ways[0].keys() == ways[1].keys()

    def _ask(self, **params: Any) -> list[Row]:
        return self._fetch(**ALL | params)

    def _day(self, cursor: dict[str, Any]) -> date:
        return date.fromisoformat(cursor["day"]) if cursor.get("day") else self.first_day

    def _cursor(self, day: date, seen: dict[str, str], longest: int) -> dict[str, Any]:
        kept = {key: latest for key, latest in seen.items() if latest >= day.isoformat()}
        return {"day": day.isoformat(), "seen": kept, "longest": longest}

    def dates(self, row: Row) -> list[date]:
        """The date of a record in every zone that might bound Acuity's days."""
        if not (at := row.at):
            return []
        own = [z for z in (zone(row.zone),) if z]
        try:
            return [at.date(), *(at.astimezone(z).date() for z in [*self._zones, *own])]
        except OverflowError:
            return []

    def _latest(self, rows: list[Row], since: date) -> dict[str, str]:
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

    def _resume_day(self, rows: list[Row], day: date) -> date:
        last = next((dates for row in reversed(rows) if (dates := self.dates(row))), [day])
        return min(last)


class Offset:
    """For a server that honours `offset`, which Acuity does not: believed only after two different
    pages were seen."""

    def __init__(self, fetch: Fetch, limit: int) -> None:
        self._fetch, self._limit = fetch, limit

    def rows(self) -> dict[str, Row] | None:
        """Everything by ID, or None if the second page was the first again."""
        found: dict[str, Row] = {}
        offset = 0
        while True:
            rows = self._fetch(max=self._limit, offset=offset)
            fresh = _fresh(rows, found)
            if rows and not fresh:
                return None
            if not rows:
                return found
            found.update((row.key, row) for row in fresh)
            offset += len(rows)


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


def _fresh(rows: list[Row], seen: Mapping[str, Any]) -> list[Row]:
    """Rows with an ID not in `seen`; of doubles in one answer the last wins."""
    return list({row.key: row for row in rows if row.key not in seen}.values())
