"""Who waits for a request's turn, and meets its moment? Each request of this process, in a slot."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from integrations.acuity.source.budget import HORIZON, Budget, LocalBudget, Pace
from integrations.acuity.source.line import Turn
from integrations.acuity.source.redis_budget import RedisBudget
from integrations.conf import conf

# A request that would leave later than this after its slot gives the slot up: so any N + 1 requests
# span a second, however busy the machine.
LATE = 0.012


class Throttle:
    """Paces requests to `per_second` and `connections`; 0 means no limit but Acuity's own word."""

    def __init__(self, budget: Budget, per_second: float, connections: int) -> None:
        self._budget = budget
        self.per_second = per_second
        self._base = 1 / per_second if per_second else 0.0
        self._connections = connections
        self._anybody = Pace()

    @contextmanager
    def slot(self, pace: Pace | None = None) -> Iterator[Turn]:
        """Waits for the turn of one request; what is noted on that is learned from."""
        token, began = secrets.token_hex(8), time.monotonic()
        while not self._on_time(pace or self._anybody, token):
            pass
        turn = Turn(time.monotonic() - began)
        try:
            yield turn
        finally:
            self._seen(token, turn)

    def _on_time(self, pace: Pace, token: str) -> bool:
        """Whether the moment of a slot was met; else the caller asks again."""
        with pace.gate:
            due = self._reserved(pace, token)
        time.sleep(max(0.0, due - time.monotonic()))
        if self._base and time.monotonic() - due > LATE:
            self._seen(token, Turn())
            return False
        return True

    def _reserved(self, pace: Pace, token: str) -> float:
        """When, on the monotonic clock, the slot comes that was got in the end."""
        while True:
            began = time.monotonic()
            granted, wait = self._budget.take(self._base, self._connections, pace, token)
            # The budget's clock was read somewhere between.
            due = (began + time.monotonic()) / 2 + wait
            if granted:
                return due
            time.sleep(min(wait, HORIZON))

    def _seen(self, token: str, turn: Turn) -> None:
        if self._connections or self._base:
            self._budget.seen(token, turn)

    @property
    def trouble(self) -> str:
        """Why the budget is not shared as the settings want it, in a word; nothing if it is."""
        return self._budget.trouble() if isinstance(self._budget, RedisBudget) else ""

    def penalty(self, seconds: float) -> None:
        self._budget.delay(seconds)


@lru_cache(maxsize=8)
def shared_throttle(
    redis_url: str, per_second: float, connections: int, egress: str = ""
) -> Throttle:
    """The source counts by address, so each `egress` has a budget and a line of its own."""
    key = f"acuity:throttle:by:{egress}" if egress else "acuity:throttle"
    budget: Budget = RedisBudget(redis_url, key) if redis_url else LocalBudget()
    return Throttle(budget, per_second, connections)


def default_throttle() -> Throttle:
    """The deployment's throttle for the address that this process goes out by."""
    return shared_throttle(
        conf.REDIS_URL,
        float(conf.ACUITY_REQUESTS_PER_SECOND),
        int(conf.ACUITY_MAX_CONNECTIONS),
        conf.ACUITY_EGRESS,
    )
