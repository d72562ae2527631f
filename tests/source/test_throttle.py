"""The budget: evenly spaced, shared, and never above the limit, from however many threads."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from integrations.acuity.source.budget import Budget, LocalBudget, Pace
from integrations.acuity.source.line import FLOOR, Turn
from integrations.acuity.source.redis_budget import RedisBudget
from integrations.acuity.source.throttle import Throttle

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


def test_a_request_that_would_leave_late_waits_for_another_slot(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    throttle, slept = Throttle(make(), 10, 0), iter((0.0, 0.05))
    with throttle.slot():
        began = time.monotonic()
    real = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: real(seconds + next(slept, 0.0)))

    with throttle.slot(), throttle.slot():
        # The second overslept: its slot is lost, and it leaves in the third.
        assert time.monotonic() - began >= 0.3


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

    assert sent[-1] - sent[0] >= 9 / 50 - FLOOR


def answered(budget: Budget, seconds: list[float], **facts: bool) -> None:
    for n, took in enumerate(seconds):
        budget.seen(f"seen{n}", Turn(seconds=took, alike=True, **facts))


def spacing(budget: Budget) -> float:
    """How far apart two slots are, as a multiple of what the limit allows at best."""
    waits = [budget.take(0.4, 0, Pace("spacing"), f"spaced{n}")[1] for n in range(2)]
    for n in range(2):
        budget.seen(f"spaced{n}", Turn())
    return (waits[1] - waits[0]) / 0.4


QUIET = [0.15] * 64
# Some answers 100 ms before, some 100 ms behind the others.
ROUGH = [0.05, 0.05, *[0.15] * 6, 0.25, 0.25] * 7


@pytest.mark.parametrize(
    ("line", "least", "most"), [(QUIET, 1.015, 1.025), (ROUGH, 1.17, 1.21), (QUIET[:3], 1.0, 1.03)]
)
def test_slots_are_as_close_as_the_line_is_quiet(
    make: Make, line: list[float], least: float, most: float
) -> None:
    budget = make()
    answered(budget, line)

    assert least < spacing(make()) < most


def test_a_429_widens_the_slots_and_good_answers_narrow_them_again(make: Make) -> None:
    budget = make()
    answered(budget, QUIET)
    answered(budget, [0.15] * 10, refused=True)
    wide = spacing(budget)
    time.sleep(1.1)

    answered(budget, QUIET * 35)

    assert wide > 1.07 and 1.015 < spacing(budget) < 1.03


@pytest.mark.parametrize(("seconds", "connections"), [(0.15, 5), (0.8, 11), (5.0, 20)])
def test_as_many_connections_as_rate_and_latency_need(
    make: Make, seconds: float, connections: int
) -> None:
    budget = make()
    answered(budget, [seconds] * 10)
    began, got = time.monotonic(), 0

    while time.monotonic() - began < 3:
        granted, wait = budget.take(0.1, 20, Pace("one"), f"open{got}")
        got += granted
        time.sleep(0 if granted else min(wait, 0.02))

    assert got == connections


def test_a_late_answer_makes_room_for_its_request(make: Make) -> None:
    budget = make()
    answered(budget, [0.01] * 10)
    budget.take(0.1, 0, Pace("one"), "late")
    time.sleep(0.4)

    first, second = (budget.take(0.1, 0, Pace("one"), name)[1] for name in ("next", "after"))

    assert 0.09 < first < 0.11 and second - first < 0.11


def asking(throttle: Throttle, pace: Pace, threads: int, until: float) -> int:
    """How many requests of 10 ms that many threads get through."""

    def one(_: int) -> int:
        had = 0
        while time.monotonic() < until:
            with throttle.slot(pace):
                time.sleep(0.01)
            had += 1
        return had

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(one, range(threads)))


def test_two_runs_get_equally_many_turns_however_many_threads_they_have(make: Make) -> None:
    until = time.monotonic() + 1.5
    with ThreadPoolExecutor(2) as pool:
        many = pool.submit(asking, Throttle(make(), 40, 20), Pace("many"), 12, until)
        few = pool.submit(asking, Throttle(make(), 40, 20), Pace("few"), 2, until)

    assert few.result() >= 0.5 * many.result()


def test_whom_a_person_waits_for_goes_first(make: Make) -> None:
    until = time.monotonic() + 1.5
    with ThreadPoolExecutor(2) as pool:
        run = pool.submit(asking, Throttle(make(), 20, 20), Pace("run"), 8, until)
        person = pool.submit(
            asking, Throttle(make(), 20, 20), Pace("person", urgent=True), 4, until
        )

    assert person.result() > 2 * run.result()
