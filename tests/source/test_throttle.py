"""The budget: evenly spaced, shared, and never above the limit, from however many threads."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from integrations.acuity.source.throttle import Budget, LocalBudget, Pace, RedisBudget, Throttle

Make = Callable[[], Budget]


@pytest.fixture(params=["local", pytest.param("redis", marks=pytest.mark.slow)])
def make(request: pytest.FixtureRequest) -> Make:
    """Budgets of as many workers as are asked for, all sharing one limit."""
    if request.param == "local":
        shared = LocalBudget()
        return lambda: shared
    url = request.getfixturevalue("redis_url")
    key = f"test:{time.monotonic_ns()}"
    return lambda: RedisBudget(url, key)


def send(throttles: list[Throttle], each: int, pace: Pace | None = None) -> list[float]:
    """The times at which `each` requests of every throttle went out, from two threads apiece."""
    sent: list[float] = []

    def one(throttle: Throttle) -> None:
        with throttle.slot(pace):
            sent.append(time.monotonic())

    with ThreadPoolExecutor(2 * len(throttles)) as pool:
        list(pool.map(one, throttles * each))
    return sorted(sent)


def test_three_workers_never_send_more_than_the_budget_in_any_second(make: Make) -> None:
    sent = send([Throttle(make(), 40, 0) for _ in range(3)], 40)

    most = max(sum(0 <= later - one < 1 for later in sent) for one in sent)
    assert most <= 40


def test_a_429_makes_every_worker_wait(make: Make) -> None:
    first, second = Throttle(make(), 1000, 0), Throttle(make(), 1000, 0)
    began = time.monotonic()
    first.penalty(0.5)

    with second.slot():
        assert time.monotonic() - began >= 0.45


def test_connections_are_counted_over_all_workers(make: Make) -> None:
    under_way, most = 0, 0
    lock = threading.Lock()

    def one(throttle: Throttle) -> None:
        nonlocal under_way, most
        with throttle.slot():
            with lock:
                under_way += 1
                most = max(most, under_way)
            time.sleep(0.02)
            with lock:
                under_way -= 1

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(one, [Throttle(make(), 0, 4) for _ in range(3)] * 10))

    assert most == 4


def test_a_slow_run_does_not_slow_the_others(make: Make) -> None:
    throttle = Throttle(make(), 200, 0)
    slow = threading.Thread(target=send, args=([throttle], 3, Pace("slow", 0.4)))
    began = time.monotonic()
    slow.start()

    sent = send([throttle], 40)

    assert sent[-1] - began < 0.8
    slow.join()


def test_without_redis_each_worker_keeps_to_the_budget_itself() -> None:
    throttle = Throttle(RedisBudget("redis://127.0.0.1:9/0"), 50, 2)

    sent = send([throttle], 10)

    assert sent[-1] - sent[0] >= 9 / 50
