"""How many records should be asked for at once? More while that is faster, half when it times out,
then halfway back to what timed out for as long as that is worth a try.

What is known of a run is a few facts on its row (`ImportRun.tuning`): the best limit and its rate,
the rates seen at this limit, and the smallest limit that failed where a smaller one did not.
"""

from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from integrations.acuity.resources import RESOURCES
from integrations.models import ImportRun, ImportStep

SMALLEST, LARGEST = 10, 1000
# Two pages measured on a busy machine differ by chance; below this share of the best it degrades.
DEGRADED = 0.85
# Above this multiple of the best it is better beyond doubt, and one page is proof enough.
CLEARLY = 1.5
# A page that takes longer than this holds up pausing, deploys and the other tenants.
SLOWEST = 5.0
# The middle one of so many pages counts: a machine's hiccup says nothing about the limit, nor does
# an answer that was prefetched while the page before it was slow to save.
SAMPLES = 3
# A larger limit that may time out has to be larger by this factor to be worth it.
WORTH = 1.15


@dataclass
class Tuning:
    """`observe` and `timed_out` give the limit for the next page."""

    limit: int
    ceiling: int | None = None
    best_limit: int = 0
    best_rate: float = 0.0
    settled: bool = False
    failing: bool = False
    rates: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, facts: dict[str, Any], limit: int) -> "Tuning":
        known = {name: facts[name] for name in cls.__dataclass_fields__ if name in facts}
        return cls(**{**known, "limit": limit})

    def facts(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "limit"}

    def observe(self, count: int, seconds: float) -> int:
        """A full page of `count` records took `seconds`, storing included."""
        self.failing = False
        if self.settled:
            return self.limit
        rate = count / max(seconds, 0.001)
        if self.best_rate and rate > self.best_rate * CLEARLY and seconds <= SLOWEST:
            # Twice the records come at most twice as fast; what is more is chance.
            self._best(min(rate, self.best_rate * 2))
            return self._grow()
        self.rates = [*self.rates, rate]
        if len(self.rates) < SAMPLES:
            return self.limit
        rate = median(self.rates)
        self.rates = []
        slow = count / rate > SLOWEST
        if rate < self.best_rate * DEGRADED or slow:
            self.settled = True
            self.limit = self.best_limit or max(SMALLEST, self.limit // 2)
            return self.limit
        if rate > self.best_rate:
            self._best(rate)
        return self._grow()

    def _best(self, rate: float) -> None:
        self.best_limit, self.best_rate, self.rates = self.limit, rate, []

    def _grow(self) -> int:
        larger = min(self.limit * 2, LARGEST)
        if self.ceiling and larger >= self.ceiling:
            larger = (self.limit + self.ceiling) // 2
            if larger < self.limit * WORTH:
                larger = self.limit
        self.settled = larger == self.limit
        self.limit = self.best_limit if self.settled else larger
        return self.limit

    def failed(self) -> int:
        """An answer did not come, or not in time: back to what was good, or to half."""
        if not self.failing:
            # What fails right after this has not been too large, but asked in bad times.
            self.ceiling = self.limit
        self.failing = True
        known = self.best_limit if self.best_limit < self.limit else 0
        self.limit = max(SMALLEST, self.limit // 2, known)
        self.best_limit, self.best_rate, self.rates, self.settled = known, 0.0, [], False
        return self.limit


def sized(step: ImportStep) -> bool:
    """Whether the step's pages have a size, which the page limit sets."""
    return step.resource in RESOURCES and RESOURCES[step.resource].sized


def set_limit(run: ImportRun, limit: int, tuning: Tuning) -> None:
    """From the next page on; a limit that a person has chosen stays."""
    run.page_limit, run.tuning = limit, run.tuning | tuning.facts()
    ImportRun.objects.filter(pk=run.pk, auto_page_limit=True).update(
        page_limit=limit, tuning=run.tuning
    )
