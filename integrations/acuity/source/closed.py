"""How is everything listed by a source that disobeys some parameter? At one go, by what it obeys."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from integrations.acuity.reading.findings import Gap
from integrations.acuity.source.checks import FIRST, LAST, Days, Source, in_order, is_canceled
from integrations.acuity.source.slices import People, Slices

DAY = timedelta(days=1)
# So many requests, and so many for each row found, are an effort; more is a circle.
REQUESTS, REQUESTS_PER_ROW = 400, 3
BOUNDS = {"minDate", "maxDate"}


@dataclass
class Everything:
    """All bookings from `low` to `high`, by each of the ways in turn until one proves its end:
    newest first, closed windows of days, then without dates by calendar, type and people."""

    source: Source
    limit: int
    days: Days
    values: dict[str, set[str]]
    people: People
    low: date | None
    high: date | None
    found: dict[str, Any] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)

    def rows(self) -> list[Any]:
        """What was found, oldest first; `gaps` says what could not be proven."""
        self.all_of({"showall": "true"})
        if not any(map(is_canceled, self.found.values())):
            self.all_of({"canceled": "true"})
            if not any(map(is_canceled, self.found.values())) and "canceled" in self.source.ignored:
                self.gaps.append(unseen_canceled())
        return sorted(self.found.values(), key=lambda row: (row.day, str(row.starts), row.key))

    def all_of(self, what: dict[str, str]) -> None:
        """Add to `found` all that these further parameters select, and to `gaps` what is unproven."""
        ways = []
        if "maxDate" not in self.source.ignored:
            ways.append(self._newest_first)
        if not self.source.ignored & BOUNDS:
            ways.append(self._windows)
        before: list[Gap] = []
        for way in [*ways, self._undated]:
            gaps: list[Gap] = []
            self._until = self.source.requests + REQUESTS
            self._before = len(self.found)
            if way(what, gaps):
                self.gaps += gaps
                return
            before = gaps or before
        names = sorted(self.source.ignored)
        gap = Gap(
            kind="listing",
            ignored=names,
            listed=len(self.found),
            reason=f"Acuity ignores {', '.join(names) or 'max'}: no other question lists the rest.",
        )
        self.gaps += [*before, gap]

    def _ask(self, **asked: Any) -> Any:
        answer = self.source.ask(**asked)
        self.found.update((row.key, row) for row in answer.all)
        return answer

    def _tired(self) -> bool:
        more = REQUESTS_PER_ROW * (len(self.found) - self._before)
        return self.source.requests > self._until + more

    def _newest_first(self, what: dict[str, str], gaps: list[Gap]) -> bool:
        """By the last day, backwards, as the walk goes forwards."""
        day = self.high or LAST
        own: set[str] = set()
        descended = False
        while not self._tired():
            if self.low and day < self.low:
                return descended or self._newest(what, own)
            bounds = {"minDate": (self.low or FIRST).isoformat(), "maxDate": day.isoformat()}
            near = sum(1 for key in own if self._earliest(self.found[key]) <= day)
            size = self.limit + near
            answer = self._ask(**what, **bounds, direction="DESC", max=size)
            if not in_descent(answer.rows) or "maxDate" in answer.disobeyed:
                return False
            descended |= not in_order(answer.rows, "ASC")
            fresh = [row for row in answer.rows if row.key not in own]
            own |= {row.key for row in answer.rows}
            dates = next((d for row in reversed(answer.rows) if (d := self.days.of(row))), [day])
            following = min(day, max(dates))
            if fresh:
                day = following
            elif answer.whole:
                return self._confirmed(what, own) and (descended or self._newest(what, own))
            else:
                self._crowded(day, what, gaps)
                own |= self.found.keys()
                day = min(day - DAY, following)
        return False

    def _earliest(self, row: Any) -> date:
        return min(self.days.of(row), default=date.max)

    def _confirmed(self, what: dict[str, str], own: set[str]) -> bool:
        """Whether a differently cut question brings nothing new."""
        bounds = {"minDate": (self.low or FIRST).isoformat()}
        if self.high:
            bounds["maxDate"] = self.high.isoformat()
        answer = self._ask(**what, **bounds, direction="ASC", max=self.limit // 2 + 1)
        return not {row.key for row in answer.rows} - own

    def _newest(self, what: dict[str, str], own: set[str]) -> bool:
        """Whether no row is later than these: where all answers were of one moment, what came first
        need not be the newest."""
        last = max((day for key in own for day in self.days.of(self.found[key])), default=LAST)
        if last >= (self.high or LAST):
            return True
        bounds = {"minDate": (last + DAY).isoformat(), "maxDate": (self.high or LAST).isoformat()}
        answer = self._ask(**what, **bounds, direction="DESC", max=self.limit)
        return not {row.key for row in answer.rows} - own

    def _windows(self, what: dict[str, str], gaps: list[Gap]) -> bool:
        """Closed windows of days, halved while their answers are cut, in whatever order they come."""
        waiting = [(self.low or FIRST, self.high or LAST)]
        while waiting:
            if self._tired():
                return False
            low, high = waiting.pop()
            bounds = {"minDate": low.isoformat(), "maxDate": high.isoformat()}
            answer = self._ask(**what, **bounds, direction="ASC", max=self.limit)
            if answer.disobeyed & BOUNDS:
                return False
            if answer.whole:
                continue
            if low == high:
                self._crowded(low, what, gaps)
                continue
            middle = low + (high - low) // 2
            waiting += [(low, middle), (middle + DAY, high)]
        return True

    def _crowded(self, day: date, what: dict[str, str], gaps: list[Gap]) -> None:
        began = self.source.requests
        complete, rows = crowded(
            self.source, self.limit, self.values, self.people, day, what, self.found.values()
        )
        if rows.keys() - self.found.keys():
            self._until += self.source.requests - began
        self.found.update(rows)
        if not complete:
            gaps.append(unlisted(day, len(rows)))

    def _undated(self, what: dict[str, str], gaps: list[Gap]) -> bool:
        """Without leaning on dates: by calendar, type, canceled or not, and people."""
        slices = Slices(self.source, self.limit, self.values, self.people)
        dates = {"minDate": (self.low or FIRST).isoformat()}
        complete = slices.everything({**what, **dates, "direction": "ASC"})
        self.found.update(slices.found)
        return complete


def in_descent(rows: list[Any]) -> bool:
    times = [at for row in rows if (at := row.at) and at.tzinfo]
    return all(a >= b for a, b in itertools.pairwise(times)) or (
        [row.starts[:19] for row in rows] == sorted((row.starts[:19] for row in rows), reverse=True)
    )


def crowded(
    source: Source,
    limit: int,
    values: dict[str, set[str]],
    people: People,
    day: date,
    what: dict[str, str],
    seen: Iterable[Any] = (),
) -> tuple[bool, dict[str, Any]]:
    """Whether all of one day was found, and what was."""
    of_day = {row.key: row for row in seen if row.day == day.isoformat()}
    slices = Slices(source, limit, values, people, found=of_day)
    bounds = {"minDate": day.isoformat(), "maxDate": day.isoformat()}
    complete = slices.everything({**what, **bounds, "direction": "ASC"})
    return complete, slices.found


def unlisted(day: date, listed: int) -> Gap:
    return Gap(
        kind="day",
        day=day.isoformat(),
        listed=listed,
        reason=(
            "Every answer for this day is as long as Acuity's longest answer; there may be more."
        ),
    )


def unseen_canceled() -> Gap:
    return Gap(
        kind="listing",
        ignored=["canceled"],
        reason="Acuity ignores canceled: whether it hides canceled bookings cannot be told.",
    )
