"""When may the next request go out? One budget for the whole deployment, evenly spaced (GCRA).

Libraries were looked at first: pyrate-limiter and limits count requests in windows or buckets,
which lets bursts through, and neither can push everybody's next request back after a 429.
"""

import re
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from integrations.acuity import events
from integrations.acuity.errors import ConfigurationError
from integrations.conf import conf

try:
    import redis
except ImportError:  # the extra `redis`
    redis = None  # type: ignore[assignment]
HAS_REDIS = redis is not None

# N slots span this many seconds, and a request that would leave more than the difference to one
# second after its slot gives the slot up: so any N + 1 requests span a second, however busy the
# machine that wakes their threads.
MARGIN = 1.035
# Nobody reserves further ahead than this: a penalty or a pause must not find reservations.
HORIZON = 1.0
BUSY = 0.02
NO_REDIS = "REDIS_URL needs the package redis: pip install 'acuity-importer[redis]'."
# A connection whose process died is counted for this long at most.
CONNECTION_SECONDS = 150

# KEYS: due (µs on Redis' clock), connections, due of one pace. The answer is {granted, µs to wait}.
_TAKE = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local interval, most, pace = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if most > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
  if redis.call('ZCARD', KEYS[2]) >= most then return {0, tonumber(ARGV[6])} end
end
if pace > 0 then
  local mine = tonumber(redis.call('GET', KEYS[3]) or '0')
  if mine > now then return {0, mine - now} end
end
local due = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0'))
if due - now > tonumber(ARGV[4]) then return {0, due - now} end
redis.call('SET', KEYS[1], string.format('%d', due + interval), 'PX', 600000)
if pace > 0 then redis.call('SET', KEYS[3], string.format('%d', due + pace), 'PX', 600000) end
if most > 0 then
  redis.call('ZADD', KEYS[2], due + tonumber(ARGV[5]), ARGV[7])
  redis.call('PEXPIRE', KEYS[2], 600000)
end
return {1, due - now}
"""
_DELAY = """
local t = redis.call('TIME')
local due = t[1] * 1000000 + t[2] + ARGV[1]
if due > tonumber(redis.call('GET', KEYS[1]) or '0') then
  redis.call('SET', KEYS[1], string.format('%d', due), 'PX', 3600000)
end
"""


@dataclass(frozen=True)
class Pace:
    """One run's own, slower rhythm inside the deployment's budget."""

    name: str
    interval: float


class Budget(Protocol):
    def take(
        self, interval: float, connections: int, pace: Pace | None, token: str
    ) -> tuple[bool, float]:
        """(True, seconds until the reserved slot), or (False, seconds until asking again)."""

    def give_back(self, token: str) -> None:
        """The connection is free again."""

    def delay(self, seconds: float) -> None:
        """Nobody sends before `seconds` have passed (a 429)."""


class LocalBudget:
    """For one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._due = 0.0
        self._paces: dict[str, float] = {}
        self._open: set[str] = set()

    def take(
        self, interval: float, connections: int, pace: Pace | None, token: str
    ) -> tuple[bool, float]:
        with self._lock:
            now = time.monotonic()
            if connections and len(self._open) >= connections:
                return False, BUSY
            if pace and self._paces.get(pace.name, 0.0) > now:
                return False, self._paces[pace.name] - now
            due = max(now, self._due)
            if due - now > HORIZON:
                return False, due - now
            self._due = due + interval
            if pace:
                self._paces = {pace.name: due + pace.interval}
            if connections:
                self._open.add(token)
            return True, due - now

    def give_back(self, token: str) -> None:
        with self._lock:
            self._open.discard(token)

    def delay(self, seconds: float) -> None:
        with self._lock:
            self._due = max(self._due, time.monotonic() + seconds)


class RedisBudget:
    """For every process that shares the Redis, on Redis' own clock."""

    def __init__(self, url: str, key: str = "acuity:throttle") -> None:
        if not HAS_REDIS:
            raise ConfigurationError(NO_REDIS)
        # The broker's library takes `CERT_NONE`, Redis' own only `none`: one URL is for both.
        url = re.sub(r"(?<=ssl_cert_reqs=)CERT_\w+", lambda m: m.group()[5:].lower(), url)
        self._redis = redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)
        self._key = key
        self._take = self._redis.register_script(_TAKE)
        self._delay = self._redis.register_script(_DELAY)
        # Better a slow request than none: without Redis each process keeps to the budget itself.
        self._fallback = LocalBudget()
        self._said = False

    def trouble(self) -> str:
        """Why the budget cannot be shared now, in a word; nothing if it can."""
        try:
            self._redis.ping()
        except redis.RedisError as error:
            return type(error).__name__
        return ""

    def _alone(self, error: Exception) -> None:
        """Say once that each process keeps to the budget by itself, which together is too much."""
        if not self._said:
            self._said = True
            events.log("acuity_budget_not_shared", redis=type(error).__name__)

    def take(
        self, interval: float, connections: int, pace: Pace | None, token: str
    ) -> tuple[bool, float]:
        keys = [self._key, f"{self._key}:open", f"{self._key}:{pace.name if pace else ''}"]
        spans = (pace.interval if pace else 0.0, HORIZON, CONNECTION_SECONDS, BUSY)
        args: list[Any] = [int(interval * 1e6), connections, *(int(s * 1e6) for s in spans), token]
        try:
            granted, wait = self._take(keys=keys, args=args)
        except redis.RedisError as error:
            self._alone(error)
            return self._fallback.take(interval, connections, pace, token)
        self._said = False
        return bool(granted), wait / 1e6

    def give_back(self, token: str) -> None:
        self._fallback.give_back(token)
        try:
            self._redis.zrem(f"{self._key}:open", token)
        except redis.RedisError:
            # It expires by itself.
            return

    def delay(self, seconds: float) -> None:
        self._fallback.delay(seconds)
        try:
            self._delay(keys=[self._key], args=[int(seconds * 1e6)])
        except redis.RedisError:
            return


class Throttle:
    """Paces requests to `per_second` and `connections`; 0 means no limit but Acuity's own word."""

    def __init__(self, budget: Budget, per_second: float, connections: int) -> None:
        self._budget = budget
        self.per_second = per_second
        self._interval = MARGIN / per_second if per_second else 0.0
        self._connections = connections

    @contextmanager
    def slot(self, pace: Pace | None = None) -> Iterator[float]:
        """Waits for the turn of one request; gives the seconds waited."""
        token, began = secrets.token_hex(8), time.monotonic()
        while not self._on_time(pace, token):
            pass
        try:
            yield time.monotonic() - began
        finally:
            if self._connections:
                self._budget.give_back(token)

    def _on_time(self, pace: Pace | None, token: str) -> bool:
        """Whether a slot was got and its moment met; else the caller asks again."""
        granted, wait = self._budget.take(self._interval, self._connections, pace, token)
        due = time.monotonic() + wait
        if wait > 0:
            time.sleep(min(wait, HORIZON))
        if granted and self._interval and time.monotonic() - due > MARGIN - 1:
            self._budget.give_back(token)
            return False
        return granted

    @property
    def trouble(self) -> str:
        """Why the budget is not shared as the settings want it, in a word; nothing if it is."""
        return self._budget.trouble() if isinstance(self._budget, RedisBudget) else ""

    def penalty(self, seconds: float) -> None:
        self._budget.delay(seconds)


@lru_cache(maxsize=8)
def shared_throttle(redis_url: str, per_second: float, connections: int) -> Throttle:
    budget: Budget = RedisBudget(redis_url) if redis_url else LocalBudget()
    return Throttle(budget, per_second, connections)


def default_throttle() -> Throttle:
    """The deployment's throttle, as the settings have it."""
    return shared_throttle(
        conf.REDIS_URL,
        float(conf.ACUITY_REQUESTS_PER_SECOND),
        int(conf.ACUITY_MAX_CONNECTIONS),
    )
