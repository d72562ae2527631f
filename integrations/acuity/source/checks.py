"""Does an answer obey its question? Nothing leans on a parameter that has been disobeyed."""

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from integrations.acuity.errors import AcuityError

# The dates of one instant, from UTC-12 to UTC+14, are at most so far apart.
ZONES_APART = timedelta(days=2)
# Before every booking, and after.
FIRST, LAST = date(1900, 1, 1), date(2199, 12, 31)
# So many rows show that the one at their head is the exception.
MANY = 4
REFUSED = (400, 422)
NO = (None, False, 0, "", "0", "false", "no")


class Booking(Protocol):
    """What a walk asks of a row."""

    starts: Any
    canceled: Any
    calendar_id: Any
    type_id: Any
    first_name: Any
    last_name: Any
    email: Any
    phone: Any

    @property
    def key(self) -> str: ...
    @property
    def at(self) -> datetime | None: ...
    @property
    def zone(self) -> str: ...
    @property
    def day(self) -> str: ...


# The attribute by which a filter selects.
FILTERS = {
    "calendarID": "calendar_id",
    "appointmentTypeID": "type_id",
    "firstName": "first_name",
    "lastName": "last_name",
    "email": "email",
    "phone": "phone",
}


def zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def is_canceled(row: Booking) -> bool:
    value = row.canceled
    return (value.lower() if isinstance(value, str) else value) not in NO


@dataclass
class Answer:
    """Rows inside the range that was asked for, what was outside, and whether all of it came."""

    rows: list[Any]
    strays: list[Any]
    disobeyed: frozenset[str]
    # Fewer rows than were asked for, and than another answer had: it was not cut.
    whole: bool

    @property
    def all(self) -> list[Any]:
        return self.rows + self.strays


@dataclass
class Source:
    """Asks, compares each answer with its question, and remembers what was not obeyed."""

    fetch: Callable[..., list[Any]]
    ignored: set[str] = field(default_factory=set)
    longest: int = 0
    # The largest `max` that is not refused.
    ceiling: int | None = None
    requests: int = 0
    # Rows that stood at the head of an answer to whose question they do not belong, by key.
    intruders: set[str] = field(default_factory=set)
    # Whether a row came to a question to which none belongs; None before it was asked.
    intruded: bool | None = None
    # How many answers were as long as the longest, though more was asked for.
    cut: int = 0

    def size(self, wanted: int) -> int:
        return min(wanted, self.ceiling) if self.ceiling else wanted

    def ask(self, **asked: Any) -> Answer:
        asked["max"] = self.size(asked["max"])
        rows = self._fetch(asked)
        known = self._known(rows)
        disobeyed = self._disobeyed(known, asked)
        if disobeyed - self.ignored and 0 < len(known) < MANY and self._is_intruded(len(rows)):
            known = self._known(rows)
            disobeyed = self._disobeyed(known, asked)
        if disobeyed and len(known) >= MANY and not self._disobeyed(known[1:], asked):
            # Only the row at its head does not belong there: it says nothing about the source.
            self.intruders.add(known[0].key)
            disobeyed = set()
        if not disobeyed and rows and outside(rows[0], asked):
            self.intruders.add(rows[0].key)
        if len(rows) > asked["max"]:
            disobeyed.add("max")
        self.ignored |= disobeyed
        whole = not rows or (len(rows) < self.longest and len(rows) < asked["max"])
        if rows and len(rows) < asked["max"]:
            self.cut = self.cut + 1 if len(rows) == self.longest else 0
        self.longest = max(self.longest, len(rows))
        inside: list[Any] = []
        strays: list[Any] = []
        for row in rows:
            stray = row.key in self.intruders or outside(row, asked)
            (strays if stray else inside).append(row)
        return Answer(inside, strays, frozenset(disobeyed), whole)

    def _known(self, rows: list[Any]) -> list[Any]:
        return [row for row in rows if row.key not in self.intruders]

    def _is_intruded(self, rows: int) -> bool:
        """Whether a row comes where none belongs: alone, to a question after all days. Of so few
        `rows` nobody can tell otherwise. A source that ignores days would show more, as it has done."""
        if self.intruded is None and max(rows, self.longest) > 1:
            day = LAST.isoformat()
            asked = {"showall": "true", "direction": "ASC", "minDate": day, "maxDate": day}
            shown = self._fetch(asked | {"max": self.size(MANY)})
            self.intruded = len(shown) == 1
            self.intruders |= {row.key for row in shown} if self.intruded else set()
        return bool(self.intruded)

    def _disobeyed(self, rows: list[Any], asked: dict[str, Any]) -> set[str]:
        """The parameters of the question that these rows disobey."""
        beyond = [outside(row, asked) for row in rows]
        off = [bounds for bounds in beyond if bounds]
        # A single row that does not belong there is no rule.
        disobeyed = set().union(*off) if len(off) * 2 > len(rows) else set()
        inside = [row for row, bounds in zip(rows, beyond, strict=True) if not bounds]
        if not in_order(inside, asked.get("direction", "DESC")):
            disobeyed.add("direction")
        disobeyed |= {name for name in FILTERS if not obeys(rows, name, asked.get(name))}
        if wanted := asked.get("canceled"):
            odd = [row for row in rows if is_canceled(row) != (wanted == "true")]
            # One that ignores it would show more than one, as it has done.
            alone = len(odd) == len(rows) == 1 < self.longest
            disobeyed |= {"canceled"} if odd and not alone else set()
        return disobeyed

    def _fetch(self, asked: dict[str, Any]) -> list[Any]:
        """A refused question is asked for less, until less cannot be asked for."""
        while True:
            self.requests += 1
            try:
                return self.fetch(**asked)
            except AcuityError as error:
                if error.status not in REFUSED or asked["max"] <= 1:
                    raise
                asked["max"] = self.ceiling = asked["max"] // 2


def outside(row: Booking, asked: dict[str, Any]) -> set[str]:
    """Which of the question's bounds the row is beyond, in whatever zone the days begin."""
    if not (day := row.day):
        return set()
    low, high = asked.get("minDate"), asked.get("maxDate")
    off = set()
    if low and day < _moved(low, -ZONES_APART):
        off.add("minDate")
    if high and day > _moved(high, ZONES_APART):
        off.add("maxDate")
    return off


@lru_cache(maxsize=64)
def _moved(day: str, by: timedelta) -> str:
    return (date.fromisoformat(day) + by).isoformat()


def in_order(rows: list[Any], direction: str) -> bool:
    """Whether the rows go one way, by the instant or by the local time."""
    times = [(at, row.starts[:19]) for row in rows if (at := row.at) and at.tzinfo]
    if direction != "ASC":
        times.reverse()
    by_instant = all(a[0] <= b[0] for a, b in itertools.pairwise(times))
    return by_instant or all(a[1] <= b[1] for a, b in itertools.pairwise(times))


def obeys(rows: Iterable[Booking], name: str, wanted: Any) -> bool:
    """Whether all rows have what the filter `name` asked for."""
    if not wanted:
        return True
    return all(_plain(name, getattr(row, FILTERS[name])) == _plain(name, wanted) for row in rows)


def _plain(name: str, value: Any) -> str:
    text = str(value if value is not None else "").casefold().strip()
    return "".join(filter(str.isdigit, text))[-10:] if name == "phone" else text


class Days:
    """The dates that a record may have: nobody knows in which zone Acuity's days begin."""

    def __init__(self, zones: Iterable[str]) -> None:
        self._zones = [UTC, *(z for name in sorted(set(zones)) if (z := zone(name)))]

    def of(self, row: Booking) -> list[date]:
        if not (at := row.at):
            return []
        own = [z for z in (zone(row.zone),) if z]
        try:
            return [at.date(), *(at.astimezone(z).date() for z in [*self._zones, *own])]
        except OverflowError:
            return []
