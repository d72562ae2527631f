"""How many records should be asked for at once? More while that is faster, half when it times out,
then halfway back to what timed out for as long as that is worth a try.

What is known of a run is a few facts on its row (`ImportRun.tuning`): the best limit and its rate,
the rates seen at this limit, and the smallest limit that failed where a smaller one did not.
"""

from statistics import median
from typing import Any, Self

from msgspec.structs import replace

from integrations.acuity.reading.stored import Stored, as_json
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.scope import LISTING
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


class Tuning(Stored, frozen=True):
    """`observe` and `failed` give what is known after a page, with the limit for the next one."""

    # Records asked for at a time; kept on the run itself, where a person may change it.
    limit: int = 0
    # The smallest limit that failed where a smaller one did not, in records.
    ceiling: int | None = None
    # The best limit, and its records a second.
    best_limit: int = 0
    best_rate: float = 0.0
    settled: bool = False
    failing: bool = False
    # Records a second of the pages at this limit.
    rates: list[float] = []
    # Whether the ceiling is that of the import before.
    inherited: bool = False
    # Records that the proof asks for at a time.
    listing: int = LISTING

    @classmethod
    def at(cls, limit: int, column: Any) -> Self:
        return replace(cls.of(column), limit=limit)

    @property
    def column(self) -> Any:
        """What `ImportRun.tuning` keeps."""
        return as_json(replace(self, limit=0))

    def observe(self, count: int, seconds: float) -> Self:
        """A full page of `count` records took `seconds`, storing included."""
        known = replace(self, failing=False)
        if known.settled:
            return known
        rate = count / max(seconds, 0.001)
        if known.best_rate and rate > known.best_rate * CLEARLY and seconds <= SLOWEST:
            # Twice the records come at most twice as fast; what is more is chance.
            return known._best(min(rate, known.best_rate * 2))._grown()
        rates = [*known.rates, rate]
        if len(rates) < SAMPLES:
            return replace(known, rates=rates)
        rate = median(rates)
        known = replace(known, rates=[])
        slow = count / rate > SLOWEST
        if rate < known.best_rate * DEGRADED or slow:
            limit = known.best_limit or max(SMALLEST, known.limit // 2)
            return replace(known, settled=True, limit=limit)
        if rate > known.best_rate:
            known = known._best(rate)
        return known._grown()

    def _best(self, rate: float) -> Self:
        return replace(self, best_limit=self.limit, best_rate=rate, rates=[])

    def _grown(self) -> Self:
        larger = min(self.limit * 2, LARGEST)
        if self.ceiling and larger >= self.ceiling:
            larger = (self.limit + self.ceiling) // 2
            if larger < self.limit * WORTH:
                larger = self.limit
        settled = larger == self.limit
        return replace(self, settled=settled, limit=self.best_limit if settled else larger)

    def failed(self) -> Self:
        """An answer did not come, or not in time: back to what was good, or to half."""
        # What fails right after this has not been too large, but asked in bad times.
        ceiling = self.ceiling if self.failing else self.limit
        known = self.best_limit if self.best_limit < self.limit else 0
        return replace(
            self,
            limit=max(SMALLEST, self.limit // 2, known),
            ceiling=ceiling,
            best_limit=known,
            best_rate=0.0,
            rates=[],
            settled=False,
            failing=True,
        )


def sized(step: ImportStep) -> bool:
    """Whether the step's pages have a size, which the page limit sets."""
    return step.resource in RESOURCES and RESOURCES[step.resource].sized


def set_limit(run: ImportRun, tuning: Tuning) -> None:
    """From the next page on; a limit that a person has chosen stays."""
    run.page_limit, run.tuning = tuning.limit, tuning.column
    ImportRun.objects.filter(pk=run.pk, auto_page_limit=True).update(
        page_limit=run.page_limit, tuning=run.tuning
    )
