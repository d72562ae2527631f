"""How is a question answered in full whose answer is cut, and that no dates can divide further?"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from integrations.acuity.source.checks import FILTERS, FIRST, Answer, Source

# One crowded day may take so many requests.
BUDGET = 400
# After so many answers of one length in a row, another one is cut, too.
SURELY = 3
# Of so many rows that nothing tells apart it is believed that they are all, if the source shows no
# other row of whatever day. One that cuts its answers there shows others elsewhere.
FEW = 4
NAMES = ("firstName", "lastName", "email", "phone")
# What a booking cannot have otherwise than its client.
IDENTITY = ("firstName", "lastName")
CANCELED = "canceled"


class Person(NamedTuple):
    firstName: str
    lastName: str
    email: str
    phone: str
    # In the client list, not only in bookings.
    listed: bool = False


People = Iterable[Person]


@dataclass
class Slices:
    """One question divided by calendar, type, canceled or not, and by the people who booked.

    `values` are the calendars and types that are known; what rows show is added to them. People
    are those of the client list, as far as given, and those of the rows seen.
    """

    source: Source
    limit: int
    values: dict[str, set[str]]
    people: People = ()
    found: dict[str, Any] = field(default_factory=dict)
    until: int = 0
    # The question without its days.
    of_any_day: dict[str, Any] = field(default_factory=dict)

    def everything(self, asked: dict[str, Any]) -> bool:
        """Add to `found` all rows of the question; True if that is provably all."""
        self.of_any_day = asked | {"minDate": FIRST.isoformat()}
        self.of_any_day.pop("maxDate", None)
        self.until = self.source.requests + BUDGET
        if self._part(asked, ["calendarID", "appointmentTypeID", CANCELED]):
            return True
        return self._offsets(asked) or self._by_name(asked)

    def _part(self, asked: dict[str, Any], ways: list[str]) -> bool:
        answer = self._grown(asked)
        cut = self.source.cut >= SURELY and len(answer.rows) == self.source.longest > 1
        if answer.whole or (not cut and self._both_ways(asked, answer)):
            return True
        if len(answer.rows) == 1 and self._nothing_else(asked, answer):
            return True
        for n, way in enumerate(ways):
            if way in self.source.ignored:
                continue
            parts = self._parts(asked, way, answer.all)
            if len(parts) < 2:
                # A part that is the whole says nothing new.
                continue
            whole = [self._part(part, ways[n + 1 :]) for part in parts]
            if way in self.source.ignored:
                continue
            return all(whole) and (way not in NAMES or (way in IDENTITY and self._everybody()))
        return self._nothing_else(asked, answer)

    def _parts(self, asked: dict[str, Any], way: str, rows: list[Any]) -> list[dict[str, Any]]:
        if self.source.requests >= self.until:
            return []
        if way == CANCELED:
            rest = {name: value for name, value in asked.items() if name != "showall"}
            if CANCELED in asked or "showall" not in asked:
                return []
            return [rest | {CANCELED: value} for value in ("true", "false")]
        if way in NAMES:
            names = self._names(asked, way)
            return [] if "" in names else [asked | {way: name} for name in sorted(names)]
        seen = {str(value) for row in rows if (value := getattr(row, FILTERS[way]))}
        return [asked | {way: value} for value in sorted(self.values.get(way, set()) | seen)]

    def _grown(self, asked: dict[str, Any]) -> Answer:
        """The answer to the question, asked for more and more for as long as that brings more."""
        size, before = self.limit, -1
        while True:
            answer = self.ask(**asked, max=size)
            got = len(answer.all)
            if got < self.source.size(size) or got <= before or self.source.size(size) < size:
                return answer
            size, before = size * 4, got

    def _both_ways(self, asked: dict[str, Any], answer: Answer) -> bool:
        """Whether the newest rows are the oldest rows, too.

        What is missing from both would have to be at the latest of their times and at the earliest.
        """
        if not self._in_order() or answer.strays:
            return self._passed_the_end(asked, answer)
        size = max(self.limit, len(answer.rows) + 1)
        backwards = self.ask(**asked | {"direction": "DESC"}, max=size)
        if not self._in_order() or backwards.strays:
            return False
        rows = answer.rows + backwards.rows
        same = {row.key for row in answer.rows} == {row.key for row in backwards.rows}
        return same and len({row.at for row in rows}) > 1

    def _nothing_else(self, asked: dict[str, Any], answer: Answer) -> bool:
        """Whether the answer is all of the question, by what the source shows of other days: a longer
        answer, so that this one was not cut; or no other row, from whichever end it is asked."""
        oldest, newest = self._of_any_day
        if len(answer.all) < self.source.longest:
            return self._grown(asked).whole
        keys = {row.key for row in answer.rows}
        if answer.strays or len(keys) > FEW or not keys == oldest == newest:
            return False
        alone = len(keys) == 1
        return alone or (self._in_order() and len({row.at for row in answer.rows}) == 1)

    @cached_property
    def _of_any_day(self) -> tuple[set[str], set[str]]:
        """The keys of the first and of the last rows that the source shows, of whatever day."""
        size = max(self.limit, self.source.longest + 1)
        ways = ({"direction": way, "max": size} for way in ("ASC", "DESC"))
        answers = [self.source.ask(**self.of_any_day | way).all for way in ways]
        oldest, newest = ({row.key for row in rows} for rows in answers)
        return oldest, newest

    def _in_order(self) -> bool:
        return "direction" not in self.source.ignored

    def _passed_the_end(self, asked: dict[str, Any], answer: Answer) -> bool:
        """Whether oldest-first rows of the question are followed by rows after its last day."""
        if not self._in_order() or not answer.strays or "maxDate" not in asked:
            return False
        return all(row.day > asked["maxDate"] for row in answer.strays)

    def _offsets(self, asked: dict[str, Any]) -> bool:
        """By offset, both ways, for a server that honors it. True if both agree."""
        ways = []
        for way in ("ASC", "DESC"):
            rows = self._offset(asked | {"direction": way})
            if rows is None:
                return False
            ways.append(rows)
        return ways[0] == ways[1] and len(ways[0]) > self.source.longest

    def _offset(self, asked: dict[str, Any]) -> set[str] | None:
        """The keys of everything, or None if the second page was the first again."""
        seen: set[str] = set()
        offset = 0
        while self.source.requests < self.until:
            rows = self.ask(**asked, max=self.limit, offset=offset).all
            fresh = {row.key for row in rows} - seen
            if rows and not fresh:
                return None
            if not rows:
                return seen
            seen |= fresh
            offset += len(rows)
        return None

    def _by_name(self, asked: dict[str, Any]) -> bool:
        """Everybody's bookings, by first name and by last name in turn, until neither brings more."""
        done: dict[str, set[str]] = {"firstName": set(), "lastName": set()}
        before = -1
        while before < len(self.found):
            before = len(self.found)
            for way, names in done.items():
                if not self._of_everybody(asked, way, names):
                    return False
                if self._everybody() and all(person.firstName for person in self._people()):
                    return True
        return self._everybody()

    def _of_everybody(self, asked: dict[str, Any], way: str, done: set[str]) -> bool:
        others = [name for name in NAMES if name != way]
        while True:
            # People of the rows seen come first: of the others, many have not booked this day.
            seen = {getattr(person, way) for person in self._booked()} - {""}
            known = {getattr(person, way) for person in self._known} - {""}
            names = sorted(seen - done) or sorted(known - done)
            if not names:
                return True
            for name in names:
                if self.source.requests >= self.until:
                    return False
                done.add(name)
                ways = ["calendarID", *others, "appointmentTypeID", CANCELED]
                if not self._part(asked | {way: name}, ways) or way in self.source.ignored:
                    return False

    def _everybody(self) -> bool:
        """Whether the names that are known are the names of all who booked: the client list was not
        cut where these answers are, and all seen share a name with somebody in it."""
        listed = [person for person in self._known if person.listed]
        ways = [{_folded(getattr(person, way)) for person in listed} for way in IDENTITY]
        known = all(
            any(
                _folded(getattr(person, way)) in names
                for way, names in zip(IDENTITY, ways, strict=True)
            )
            for person in self._booked()
        )
        cut = len(listed) == self.source.longest > FEW
        return known and not cut

    def _names(self, asked: dict[str, Any], way: str) -> set[str]:
        """Of the people that the question selects."""
        given = [name for name in NAMES if name in asked]
        who = (p for p in self._people() if all(getattr(p, n) == asked[n] for n in given))
        return {getattr(person, way) for person in who}

    @cached_property
    def _known(self) -> list[Person]:
        return list(self.people)

    def _booked(self) -> set[Person]:
        rows = self.found.values()
        texts = ([str(getattr(row, FILTERS[name]) or "") for name in NAMES] for row in rows)
        return {Person(first, last, email, phone) for first, last, email, phone in texts}

    def _people(self) -> list[Person]:
        return [*self._known, *self._booked()]

    def ask(self, **asked: Any) -> Answer:
        answer = self.source.ask(**asked)
        self.found.update((row.key, row) for row in answer.all)
        return answer


def _folded(name: str) -> str:
    """As names are compared: a booking may have other blanks and letters of another size."""
    return " ".join(name.split()).casefold()
