"""When may the next request go out? One budget for the whole deployment, evenly spaced (GCRA).

The source counts arrivals, so the spacing follows the line: near the limit while answers take equally
long, wider as they scatter and after a 429, back again slowly. `Line` says how; `_TAKE` and `_SEEN`
say the same on Redis, where all processes share it.

Libraries were looked at first: pyrate-limiter and limits count requests in windows or buckets,
which lets bursts through, and neither can push everybody's next request back after a 429.
"""

import math
import re
import secrets
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
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

# On the quietest line N slots span this much more than a second. A request that would leave later
# than LATE after its slot gives the slot up: so any N + 1 requests span a second, however busy the
# machine, with something left for what is late on its way.
FLOOR = 0.02
LATE = 0.012
# What is between the quickest and the slowest tenth of so many answers widens the span by WIDENS of
# it, but for what FLOOR covers. docs/performance.md has the simulation these were chosen by.
ANSWERS, ENOUGH = 64, 8
WIDENS, COVERED = 0.9, 0.01
# A 429 widens it further, up to MOST; the share of 429s at which that and its way back are even.
STEP, SHARE, MOST = 0.006, 0.005, 0.3
# An answer that is later than usual by this (seconds) had perhaps a late request: it is given room.
OVERDUE = 0.3
# So many slots are reserved ahead, HORIZON seconds at most: a penalty or a pause must not find
# many, nor must another run that asks for its turn.
AHEAD = 2
HORIZON = 1.0
BUSY = 0.02
# Who has not asked again by so much after it was to, is not waiting any more.
GRACE = 0.1
NO_REDIS = "REDIS_URL needs the package redis: pip install 'acuity-importer[redis]'."
# A connection whose process died is counted for this long at most.
CONNECTION_SECONDS = 150

# KEYS: due (µs on Redis' clock), connections, due of one pace, the line, turns had, who waits.
# The answer is {granted, µs to wait}.
_TAKE = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local base, most, pace = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local horizon, keep, busy = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local token, name, urgent, grace = ARGV[7], ARGV[8], ARGV[9] == '1', tonumber(ARGV[10])
local function known(what) return tonumber(redis.call('HGET', KEYS[4], what) or '0') end

if pace > 0 then
  local mine = tonumber(redis.call('GET', KEYS[3]) or '0')
  if mine > now then return {0, mine - now} end
end
local interval = math.floor(base * (1 + tonumber(ARGV[11]) + known('wider') + known('scattered')))
local due = math.max(now, tonumber(redis.call('GET', KEYS[1]) or '0'))
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
if base > 0 and known('usual') > 0 then
  local until_ = now - known('usual') - math.max(tonumber(ARGV[12]), 2 * known('spread'))
  until_ = math.max(until_, known('seen'))
  local late = redis.call('ZCOUNT', KEYS[2], '(' .. string.format('%d', known('seen') + keep),
    string.format('%d', until_ + keep))
  redis.call('HSET', KEYS[4], 'seen', string.format('%d', until_))
  if late > 0 then
    due = due + late * interval
    redis.call('SET', KEYS[1], string.format('%d', due), 'PX', 600000)
  end
end
local ahead = math.min(horizon, tonumber(ARGV[13]) * interval)
if base == 0 then ahead = horizon end

local clock = known('clock')
local function turn(who) return math.max(clock, tonumber(redis.call('HGET', KEYS[5], who) or '0')) end
local function refuse(wait)
  redis.call('ZADD', KEYS[6], now + wait + grace, (urgent and '1' or '0') .. name)
  redis.call('PEXPIRE', KEYS[6], 600000)
  return {0, wait}
end
if due - now > ahead then return refuse(math.max(due - now - ahead, 1000)) end
if most > 0 then
  if base > 0 and known('latency') > 0 then
    most = math.min(most, math.ceil((known('latency') + ahead) / interval) + 1)
  end
  if redis.call('ZCARD', KEYS[2]) >= most then return refuse(busy) end
end
if base > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[6], '-inf', now)
  for _, other in ipairs(redis.call('ZRANGE', KEYS[6], 0, -1)) do
    local first, who = string.sub(other, 1, 1) == '1', string.sub(other, 2)
    if who ~= name and (first and not urgent or first == urgent and turn(who) < turn(name)) then
      return refuse(busy)
    end
  end
  redis.call('ZREM', KEYS[6], (urgent and '1' or '0') .. name)
  clock = turn(name)
  redis.call('HSET', KEYS[4], 'clock', clock)
  if redis.call('HLEN', KEYS[5]) > 1000 then redis.call('DEL', KEYS[5]) end
  redis.call('HSET', KEYS[5], name, clock + 1)
end
redis.call('SET', KEYS[1], string.format('%d', due + interval), 'PX', 600000)
if pace > 0 then redis.call('SET', KEYS[3], string.format('%d', due + pace), 'PX', 600000) end
if most > 0 or base > 0 then
  redis.call('ZADD', KEYS[2], due + keep, token)
  redis.call('PEXPIRE', KEYS[2], 600000)
end
return {1, due - now}
"""
# KEYS: connections, the line, its last answers. The connection is free again; µs taken, or 0.
_SEEN = """
redis.call('ZREM', KEYS[1], ARGV[1])
local took, alike, refused = tonumber(ARGV[2]), ARGV[3] == '1', ARGV[4] == '1'
local function known(what) return tonumber(redis.call('HGET', KEYS[2], what) or '0') end
local function learn(what, value) redis.call('HSET', KEYS[2], what, string.format('%.6f', value)) end
if refused then
  learn('wider', math.min(tonumber(ARGV[7]), known('wider') + tonumber(ARGV[5])))
elseif took > 0 then
  learn('wider', math.max(0, known('wider') - ARGV[5] * ARGV[6]))
  local was = known('latency')
  learn('latency', was == 0 and took or was + (took - was) * (took > was and 0.3 or 0.05))
  if alike then
    redis.call('LPUSH', KEYS[3], took)
    redis.call('LTRIM', KEYS[3], 0, ARGV[8] - 1)
    redis.call('PEXPIRE', KEYS[3], 600000)
    local all = redis.call('LRANGE', KEYS[3], 0, -1)
    for n, value in ipairs(all) do all[n] = tonumber(value) end
    table.sort(all)
    if #all >= tonumber(ARGV[9]) then
      local spread = all[math.floor(#all * 0.9) + 1] - all[math.floor(#all * 0.1) + 1]
      learn('spread', spread)
      learn('scattered', math.max(0, ARGV[10] * spread / 1e6 - ARGV[11]))
      learn('usual', all[math.floor(#all / 2) + 1])
    end
  end
end
redis.call('PEXPIRE', KEYS[2], 600000)
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
    """Who asks: a run, whose requests take turns with those of others inside the one budget."""

    name: str = ""
    # Seconds between two requests, if the run has a slower rhythm of its own.
    interval: float = 0.0
    # A person or a webhook waits for this: it goes first.
    urgent: bool = False
    # Of all threads that ask for it, one at a time stands in line.
    gate: threading.Lock = field(default_factory=threading.Lock, compare=False, repr=False)


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
        self._seen = self._redis.register_script(_SEEN)
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

    def _keys(self, *names: str) -> list[str]:
        return [f"{self._key}:{name}" for name in names]

    def take(self, base: float, connections: int, pace: Pace, token: str) -> tuple[bool, float]:
        keys = [self._key, *self._keys("open", pace.name, "line", "turns", "waiting")]
        spans = (HORIZON, CONNECTION_SECONDS, BUSY)
        args: list[Any] = [int(base * 1e6), connections, int(pace.interval * 1e6)]
        args += [*(int(s * 1e6) for s in spans), token, pace.name, int(pace.urgent)]
        args += [int(GRACE * 1e6), FLOOR, int(OVERDUE * 1e6), AHEAD]
        try:
            granted, wait = self._take(keys=keys, args=args)
        except redis.RedisError as error:
            self._alone(error)
            return self._fallback.take(base, connections, pace, token)
        self._said = False
        return bool(granted), wait / 1e6

    def seen(self, token: str, turn: Turn) -> None:
        self._fallback.seen(token, turn)
        args: list[Any] = [token, int((turn.seconds or 0) * 1e6), int(turn.alike)]
        args += [int(turn.refused), STEP, SHARE, MOST, ANSWERS, ENOUGH, WIDENS, COVERED]
        try:
            self._seen(keys=self._keys("open", "line", "took"), args=args)
        except redis.RedisError:
            # The connection expires by itself.
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
