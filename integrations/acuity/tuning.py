"""How many records should be asked for at once? More while that is faster, half when it times out.

What is known of a run is a few facts on its row (`ImportRun.tuning`): the best limit and its rate,
the limits tried, and the ceiling above which Acuity timed out.
"""

from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

SMALLEST, LARGEST = 10, 1000
# Two pages measured on a busy machine differ by chance; below this share of the best it degrades.
DEGRADED = 0.85
# A page that takes longer than this holds up pausing, deploys and the other tenants.
SLOWEST = 5.0
# The middle one of so many pages counts: a machine's hiccup says nothing about the limit, nor does
# an answer that was prefetched while the page before it was slow to save.
SAMPLES = 3


@dataclass
class Tuning:
    """`observe` and `timed_out` give the limit for the next page."""

    limit: int
    ceiling: int = LARGEST
    best_limit: int = 0
    best_rate: float = 0.0
    settled: bool = False
    rates: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, facts: dict[str, Any], limit: int) -> "Tuning":
        known = {name: facts[name] for name in cls.__dataclass_fields__ if name in facts}
        return cls(**{**known, "limit": limit})

    def facts(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "limit"}

    def observe(self, count: int, seconds: float) -> int:
        """A full page of `count` records took `seconds`, storing included."""
        if self.settled:
            return self.limit
        self.rates = [*self.rates, count / max(seconds, 0.001)]
        if len(self.rates) < SAMPLES:
            return self.limit
        rate, self.rates = median(self.rates), []
        slow = count / rate > SLOWEST
        if rate < self.best_rate * DEGRADED or slow:
            self.settled = True
            self.limit = self.best_limit or max(SMALLEST, self.limit // 2)
            return self.limit
        if rate > self.best_rate:
            self.best_limit, self.best_rate = self.limit, rate
        return self._grow()

    def _grow(self) -> int:
        larger = min(self.limit * 2, self.ceiling)
        self.settled = larger == self.limit
        self.limit = self.best_limit if self.settled else larger
        return self.limit

    def timed_out(self, asked: int) -> int:
        """An answer of `asked` records did not come in time."""
        self.ceiling = max(SMALLEST, min(asked, self.limit) // 2)
        self.limit = min(self.limit, self.ceiling)
        self.settled = True
        return self.limit
