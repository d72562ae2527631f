"""How do all processes share one budget? On Redis' clock: `_TAKE` and `_SEEN` say there what
`LocalBudget` and `Line` say here."""

import re
import time
from importlib.util import find_spec
from typing import Any

from integrations.acuity import events
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.source import line
from integrations.acuity.source.budget import AHEAD, BUSY, GRACE, HORIZON, LocalBudget, Pace
from integrations.acuity.source.line import Turn

HAS_REDIS = find_spec("redis") is not None  # the extra `redis`
NO_REDIS = "REDIS_URL needs the package redis: pip install 'acuity-importer[redis]'."
# A connection whose process died is counted for this long at most.
CONNECTION_SECONDS = 150
# Whoever could not reach Redis does not try again for this long: each attempt may take seconds.
AWAY_SECONDS = 1.0

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


class RedisBudget:
    """For every process that shares the Redis, on Redis' own clock."""

    def __init__(self, url: str, key: str = "acuity:throttle") -> None:
        if not HAS_REDIS:
            raise ConfigurationError(NO_REDIS)
        import redis

        self._trouble = redis.RedisError
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
        # Until when Redis is not asked, as it could not be reached.
        self._away = 0.0

    def trouble(self) -> str:
        """Why the budget cannot be shared now, in a word; nothing if it can."""
        try:
            self._redis.ping()
        except self._trouble as error:
            return type(error).__name__
        return ""

    def _run(self, script: Any, names: tuple[str, ...], *args: Any) -> Any:
        """What a script answers; None while Redis cannot be reached. That is said once: each process
        then keeps to the budget by itself, which together is too much."""
        if time.monotonic() < self._away:
            return None
        try:
            answer = script(
                keys=[f"{self._key}:{name}" if name else self._key for name in names], args=args
            )
        except self._trouble as error:
            self._away = time.monotonic() + AWAY_SECONDS
            if not self._said:
                self._said = True
                events.log("acuity_budget_not_shared", redis=type(error).__name__)
            return None
        self._said = False
        return answer

    def take(self, base: float, connections: int, pace: Pace, token: str) -> tuple[bool, float]:
        names = ("", "open", pace.name, "line", "turns", "waiting")
        args: list[Any] = [int(base * 1e6), connections, int(pace.interval * 1e6)]
        args += [int(s * 1e6) for s in (HORIZON, CONNECTION_SECONDS, BUSY)]
        args += [token, pace.name, int(pace.urgent), int(GRACE * 1e6)]
        args += [line.FLOOR, int(line.OVERDUE * 1e6), AHEAD]
        if answer := self._run(self._take, names, *args):
            granted, wait = answer
            return bool(granted), wait / 1e6
        return self._fallback.take(base, connections, pace, token)

    def seen(self, token: str, turn: Turn) -> None:
        self._fallback.seen(token, turn)
        answer = [int((turn.seconds or 0) * 1e6), int(turn.alike), int(turn.refused)]
        learns = [
            line.STEP,
            line.SHARE,
            line.MOST,
            line.ANSWERS,
            line.ENOUGH,
            line.WIDENS,
            line.COVERED,
        ]
        # Where it fails, the connection expires by itself.
        self._run(self._seen, ("open", "line", "took"), token, *answer, *learns)

    def delay(self, seconds: float) -> None:
        self._fallback.delay(seconds)
        self._run(self._delay, ("",), int(seconds * 1e6))
