"""How far apart do requests go out? What the line to the source has shown, and the span that follows.

The source counts arrivals, so the spacing follows the line: near the limit while answers take equally
long, wider as they scatter and after a 429, back again slowly.
"""

import math
from collections import deque
from dataclasses import dataclass, field

# On the quietest line N slots span this much more than a second, with something left for what is
# late on its way.
FLOOR = 0.02
# What is between the quickest and the slowest tenth of so many answers widens the span by WIDENS of
# it, but for what FLOOR covers. docs/performance.md has the simulation these were chosen by.
ANSWERS, ENOUGH = 64, 8
WIDENS, COVERED = 0.9, 0.01
# A 429 widens it further, up to MOST; the share of 429s at which that and its way back are even.
STEP, SHARE, MOST = 0.006, 0.005, 0.3
# An answer that is later than usual by this (seconds) had perhaps a late request: it is given room.
OVERDUE = 0.3


@dataclass
class Turn:
    """One request's: what it waited, and what its answer was like, for who asks next."""

    waited: float = 0.0
    # Seconds on its way; None if no answer came.
    seconds: float | None = None
    # Whether all answers of this kind should take equally long.
    alike: bool = False
    refused: bool = False


@dataclass
class Line:
    """What is known of the line. `margin` is how much more than a second N slots span."""

    wider: float = 0.0
    spread: float = 0.0
    # The middle one of the last answers, and what one takes lately, more readily up than down.
    usual: float = 0.0
    latency: float = 0.0
    _took: deque[float] = field(default_factory=lambda: deque(maxlen=ANSWERS))

    @property
    def margin(self) -> float:
        return FLOOR + self.wider + max(0.0, WIDENS * self.spread - COVERED)

    @property
    def overdue(self) -> float:
        """Seconds after which an answer is late; infinite while too little is known."""
        return self.usual + max(OVERDUE, 2 * self.spread) if self.usual else math.inf

    def connections(self, interval: float, ahead: float, most: int) -> int:
        """Little's law: as many as are under way at this rate, and one more."""
        if not (interval and self.latency):
            return most
        return min(most, math.ceil((self.latency + ahead) / interval) + 1)

    def learn(self, turn: Turn) -> None:
        if turn.refused:
            self.wider = min(MOST, self.wider + STEP)
        elif seconds := turn.seconds:
            self.wider = max(0.0, self.wider - STEP * SHARE)
            gain = 0.3 if seconds > self.latency else 0.05
            self.latency += (seconds - self.latency) * (gain if self.latency else 1)
            if turn.alike:
                self._scattered(seconds)

    def _scattered(self, seconds: float) -> None:
        self._took.append(seconds)
        if (n := len(self._took)) >= ENOUGH:
            took = sorted(self._took)
            self.spread = took[int(n * 0.9)] - took[int(n * 0.1)]
            self.usual = took[n // 2]
