"""When may the next request go out? One budget for the whole deployment, evenly spaced (GCRA)."""

import random
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

import redis
from django.conf import settings

# KEYS[1] holds the time (µs, Redis' clock) at which the next request is due.
_TAKE = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local due = tonumber(redis.call('GET', KEYS[1]) or '0')
if due > now then return due - now end
redis.call('SET', KEYS[1], string.format('%d', now + ARGV[1]), 'PX', 600000)
return 0
"""
_DELAY = """
local t = redis.call('TIME')
local due = t[1] * 1000000 + t[2] + ARGV[1]
if due > tonumber(redis.call('GET', KEYS[1]) or '0') then
  redis.call('SET', KEYS[1], string.format('%d', due), 'PX', 3600000)
end
"""


class Budget(Protocol):
    def take(self, interval: float) -> float:
        """0 when the request may go now, else the seconds to wait before asking again."""

    def delay(self, seconds: float) -> None:
        """Nobody sends before `seconds` have passed (a 429)."""


class LocalBudget:
    """For one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._due = 0.0

    def take(self, interval: float) -> float:
        with self._lock:
            now = time.monotonic()
            if self._due > now:
                return self._due - now
            self._due = now + interval
            return 0.0

    def delay(self, seconds: float) -> None:
        with self._lock:
            self._due = max(self._due, time.monotonic() + seconds)


class RedisBudget:
    """For every process that shares the Redis, on Redis' own clock."""

    def __init__(self, url: str, key: str = "acuity:throttle") -> None:
        self._redis = redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)
        self._key = key
        self._take = self._redis.register_script(_TAKE)
        self._delay = self._redis.register_script(_DELAY)
        self._fallback = LocalBudget()

    def take(self, interval: float) -> float:
        try:
            return float(self._take(keys=[self._key], args=[int(interval * 1e6)])) / 1e6
        except redis.RedisError:
            # Better a slow request than none: keep to the budget within this process.
            return self._fallback.take(interval)

    def delay(self, seconds: float) -> None:
        try:
            self._delay(keys=[self._key], args=[int(seconds * 1e6)])
        except redis.RedisError:
            self._fallback.delay(seconds)


class Throttle:
    """Paces requests; `while_waiting` is called about once a second so that leases are renewed."""

    def __init__(self, budget: Budget, per_second: float, connections: int) -> None:
        self._budget = budget
        self.interval = 1 / per_second if per_second else 0.0
        self._slots = threading.BoundedSemaphore(connections) if connections else None

    def acquire(self, while_waiting: Callable[[], None] | None = None) -> None:
        if self._slots:
            self._slots.acquire()
        while self.interval and (wait := self._budget.take(self.interval)) > 0:
            if while_waiting and wait > 0.5:
                while_waiting()
            # A little jitter keeps the workers from asking all at the same instant.
            time.sleep(min(wait, 1.0) + random.uniform(0, 0.002))

    def release(self) -> None:
        if self._slots:
            self._slots.release()

    def penalty(self, seconds: float) -> None:
        self._budget.delay(seconds)


@lru_cache(maxsize=8)
def shared_throttle(redis_url: str, per_second: float, connections: int) -> Throttle:
    budget: Budget = RedisBudget(redis_url) if redis_url else LocalBudget()
    return Throttle(budget, per_second, connections)


def default_throttle() -> Throttle:
    """The deployment's throttle, as the settings have it."""
    return shared_throttle(
        settings.REDIS_URL,
        float(settings.ACUITY_REQUESTS_PER_SECOND),
        int(settings.ACUITY_MAX_CONNECTIONS),
    )
