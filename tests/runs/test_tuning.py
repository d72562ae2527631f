"""The automatic page limit: near the best fixed one, whatever the source's latency is like."""

import json
from collections.abc import Callable

import pytest

from integrations.acuity.accounts import find
from integrations.acuity.runs import control
from integrations.acuity.runs.tuning import LARGEST, SMALLEST, Tuning
from integrations.acuity.sandbox import make_account
from integrations.models import ImportRun
from tests.conftest import ids, import_all, source, source_ids

# Seconds that a page of so many records takes; None is a time-out.
PROFILES: dict[str, Callable[[int], float | None]] = {
    "fast": lambda n: 0.01 + n * 0.0001,
    "latency by size": lambda n: 0.001 + n * 0.002,
    "time-outs above 400": lambda n: 0.05 + n * 0.0001 if n <= 400 else None,
    "time-outs above 370": lambda n: 0.2 + n * 0.0001 if n <= 370 else None,
    "slow above 200": lambda n: 0.05 + n * 0.0001 * max(1, n / 200) ** 3,
}


@pytest.mark.parametrize("profile", PROFILES)
def test_it_settles_within_a_tenth_of_the_best_limit(profile: str) -> None:
    seconds = PROFILES[profile]
    tuning = Tuning(limit=100)

    for _ in range(40):
        took = seconds(tuning.limit)
        tuning = tuning.failed() if took is None else tuning.observe(tuning.limit, took)

    rates = {n: n / took for n in range(10, LARGEST + 1, 10) if (took := seconds(n))}
    assert rates[tuning.limit // 10 * 10] >= 0.9 * max(rates.values())


def test_time_outs_never_bring_it_below_the_smallest() -> None:
    tuning = Tuning(limit=100)

    for _ in range(20):
        tuning = tuning.failed()

    assert tuning.limit == SMALLEST


def test_an_outage_is_not_taken_for_a_limit() -> None:
    tuning = Tuning(limit=1000)
    while tuning.limit > SMALLEST:
        tuning = tuning.failed()

    for _ in range(40):
        tuning = tuning.observe(tuning.limit, 0.05 + tuning.limit * 0.0001)

    assert tuning.limit >= 800


def test_one_page_that_was_fetched_ahead_does_not_make_a_limit_look_fast() -> None:
    tuning = Tuning(limit=100)

    # The source takes 2 ms a record; the first answer was there already.
    for n in range(40):
        tuning = tuning.observe(tuning.limit, 0.05 + tuning.limit * 0.002 if n else 0.001)

    assert tuning.limit >= 400


def test_what_is_known_survives_between_windows() -> None:
    tuning = Tuning(limit=100)
    tuning = tuning.observe(100, 0.1)

    again = Tuning.at(tuning.limit, json.loads(json.dumps(tuning.column)))

    assert again == tuning


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_an_import_finds_its_limit_and_the_account_remembers_it() -> None:
    data = make_account(clients=50, appointments=6_000)

    with source(data, timeout_above=450) as box:
        run = import_all(box, verify=True)
        refused = [q for _, _, q, status in box.requests if status == 504]

    assert run.status == "completed", run.reason
    assert ids() == source_ids(data)
    run.account.refresh_from_db()
    assert 100 < run.page_limit <= 450
    assert run.account.best_page_limit == run.page_limit
    assert len(refused) <= 6


@pytest.mark.django_db(transaction=True)
def test_what_timed_out_is_tried_again_in_every_other_import() -> None:
    account = find.ensure("10000001", "sandbox-key", "http://127.0.0.1:1")
    first = control.start(account, send=False)
    ImportRun.objects.update(status="completed", tuning={"ceiling": 500, "best_limit": 400})

    second = control.start(account, send=False)
    ImportRun.objects.update(status="completed")
    third = control.start(account, send=False)

    assert Tuning.of(first.tuning).ceiling is None
    assert Tuning.of(second.tuning).ceiling == 500
    assert Tuning.of(third.tuning).ceiling is None
