"""When may the next request go out? One budget for all who ask, evenly spaced (GCRA), and taken in turns.

Libraries were looked at first: pyrate-limiter and limits count requests in windows or buckets,
which lets bursts through, and neither can push everybody's next request back after a 429.
"""

import threading
import time
from dataclasses import dataclass, field
from typing import Protocol

from integrations.acuity.source.line import Line, Turn

# So many slots are reserved ahead, HORIZON seconds at most: a penalty or a pause must not find
# many, nor must another run that asks for its turn.
AHEAD = 2
HORIZON = 1.0
BUSY = 0.02
# Who has not asked again by so much after it was to, is not waiting any more.
GRACE = 0.1


@dataclass(frozen=True)
class Pace:
    """Who asks: a run, whose requests take turns with those of others inside the one budget."""

    name: str = ""
    # Seconds between two requests, if the run has a slower rhythm of its own.
    interval: float = 0.0
    # A person or a webhook waits for this: it goes first.
    urgent: bool = False
    # Of all threads that ask for it, one at a time stands in line.
    gate: threading.Lock = field(default_factory=threading.Lock, compare=False, repr=False)


class Budget(Protocol):
    def take(self, base: float, connections: int, pace: Pace, token: str) -> tuple[bool, float]:
        """(True, seconds until the reserved slot), or (False, seconds until asking again).

        `base` is the spacing in seconds that the limit allows at best; 0 is no limit.
        """

    def seen(self, token: str, turn: Turn) -> None:
        """The connection is free again, and this is what the answer was like."""

    def delay(self, seconds: float) -> None:
        """Nobody sends before `seconds` have passed (a 429)."""


class LocalBudget:
    """For one process."""

    def __init__(self) -> None:
        self.line = Line()
        self._lock = threading.Lock()
        self._due = self._checked = 0.0
        self._paces: dict[str, float] = {}
        # Open connections, and when their requests were to leave.
        self._open: dict[str, float] = {}
        # Turns had, by name; whoever has had fewer goes first, but nobody saves them up.
        self._turns: dict[str, int] = {}
        self._clock = 0
        # Who waits, and until when that holds, unless they ask again.
        self._waiting: dict[Pace, float] = {}

    def take(self, base: float, connections: int, pace: Pace, token: str) -> tuple[bool, float]:
        with self._lock:
            now = time.monotonic()
            if self._paces.get(pace.name, 0.0) > now:
                return False, self._paces[pace.name] - now
            interval = base * (1 + self.line.margin)
            self._make_room(now, interval)
            due = max(now, self._due)
            ahead = min(HORIZON, AHEAD * interval) if base else HORIZON
            wait = self._hindrance(now, due, interval, ahead, connections, pace)
            if wait:
                self._waiting[pace] = now + wait + GRACE
                return False, wait
            self._waiting.pop(pace, None)
            self._clock = self._turn(pace)
            self._turns = {n: turn for n, turn in self._turns.items() if turn > self._clock}
            self._turns[pace.name] = self._clock + 1
            self._due = due + interval
            if pace.interval:
                self._paces = {name: at for name, at in self._paces.items() if at > now}
                self._paces[pace.name] = due + pace.interval
            if connections or base:
                self._open[token] = due
            return True, due - now

    def _hindrance(
        self, now: float, due: float, interval: float, ahead: float, connections: int, pace: Pace
    ) -> float:
        """Seconds until asking again; 0 if nothing stands in the way."""
        if due - now > ahead:
            return max(due - now - ahead, 0.001)
        most = self.line.connections(interval, ahead, connections)
        if most and len(self._open) >= most:
            return BUSY
        self._waiting = {one: until for one, until in self._waiting.items() if until > now}
        mine = (not pace.urgent, self._turn(pace))
        others = (one for one in self._waiting if one.name != pace.name)
        if interval and any((not one.urgent, self._turn(one)) < mine for one in others):
            return BUSY
        return 0.0

    def _turn(self, pace: Pace) -> int:
        return max(self._clock, self._turns.get(pace.name, 0))

    def _make_room(self, now: float, interval: float) -> None:
        """A slot less for each request that has become late since this was done last."""
        until = now - self.line.overdue
        late = sum(self._checked < sent <= until for sent in self._open.values())
        self._checked = max(self._checked, until)
        if late:
            self._due = max(now, self._due) + late * interval

    def seen(self, token: str, turn: Turn) -> None:
        with self._lock:
            self._open.pop(token, None)
            self.line.learn(turn)

    def delay(self, seconds: float) -> None:
        with self._lock:
            self._due = max(self._due, time.monotonic() + seconds)
