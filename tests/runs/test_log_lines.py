"""Does the log say, word for word, where an import stands? Judged by what was put into the account."""

import re
import sqlite3
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection

from integrations.acuity.accounts import find
from integrations.acuity.runs import control, window, words
from integrations.acuity.sandbox import Account, Sandbox, SandboxOptions, make_account
from integrations.acuity.source.throttle import shared_throttle
from integrations.models import ImportRun, ImportStep
from tests.conftest import chosen
from tests.conftest import run_to_end as work

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.money]
RUN = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
DAY = r"\d{4}-\d\d-\d\d"
SHAPES = [
    rf"acuity_import_started tenant={RUN} run={RUN} account=\d+ min_date=none max_date=none"
    r" cursor=(start|[a-z_]+:\d+) only=[a-z_,]+ page_limit=(auto|\d+)"
    r" payments=paid verify=(yes|no) rps=none resumed=\d by=(code|command|person)",
    rf"acuity_(?!appointments_)[a-z_]+_page run={RUN} offset=\d+ count=\d+ elapsed_ms=\d+ save_ms=\d+",
    rf"acuity_appointments_page run={RUN} offset=\d+ count=\d+ day={DAY} elapsed_ms=\d+ save_ms=\d+",
    rf"acuity_[a-z_]+_progress run={RUN} processed=\d+",
    rf"acuity_import_waiting run={RUN} seconds=\d+ error=[A-Za-z]+",
    rf"acuity_import_summary run={RUN} tenant={RUN} status=[a-z_]+ contacts=\d+ appointments=\d+"
    r" payments=\d+ skipped=\d+ gaps=\d+ requests=\d+",
]
Line = tuple[str, dict[str, str]]
Log = Callable[[], list[Line]]


@pytest.fixture(autouse=True)
def unlimited(settings: Any) -> None:
    settings.ACUITY_REQUESTS_PER_SECOND = 0
    shared_throttle.cache_clear()


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Log:
    """The lines since it was last asked, as (name, facts); each has one of the shapes."""
    caplog.set_level("INFO", logger="acuity")

    def lines() -> list[Line]:
        said = [record.getMessage() for record in caplog.records if record.name == "acuity"]
        caplog.clear()
        for line in said:
            assert any(re.fullmatch(shape, line) for shape in SHAPES), line
        words = [line.split(" ") for line in said]
        return [(name, dict(word.split("=", 1) for word in facts)) for name, *facts in words]

    return lines


def begin(box: Sandbox, **options: Any) -> ImportRun:
    account = find.ensure(box.options.user_id, box.options.api_key, box.base_url)
    return control.start(account, chosen(**options), send=False)


def paid(data: Account) -> int:
    return sum(row["paid"] == "yes" or Decimal(row["amountPaid"]) != 0 for row in data.appointments)


def each(lines: list[Line], name: str) -> list[dict[str, str]]:
    return [facts for found, facts in lines if found == name]


def pages(lines: list[Line], name: str) -> list[tuple[int, int]]:
    return [(int(f["offset"]), int(f["count"])) for f in each(lines, f"acuity_{name}_page")]


def processed(lines: list[Line], name: str) -> list[int]:
    return [int(facts["processed"]) for facts in each(lines, f"acuity_{name}_progress")]


@pytest.mark.long
@pytest.mark.parametrize("limit", [10, 25, 500])
def test_a_pause_a_failure_and_two_resumes_in_the_log(
    limit: int, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It looks after each page whether it is to stop.
    monkeypatch.setattr(window, "STATUS_CHECK_SECONDS", 0)
    data = make_account(clients=60, appointments=300, months=6)

    with Sandbox(data, SandboxOptions()) as box:
        run = begin(box, page_limit=limit)
        box.hook = stopping(run, lambda path, query: int(query.get("max", "1")) >= limit)
        assert work(run).status == "paused"
        first = log()
        control.resume(run, by="person")
        box.hook = refusing(box, lambda path, query: path.endswith("/payments"))
        assert work(run).status == "failed"
        second = log()
        box.options.api_key, box.hook = "sandbox-key", None
        control.resume(ImportRun.objects.get(pk=run.pk), by="command")
        assert work(run).status == "completed"
        third = log()

    kinds = [name for name, _ in first + second + third]
    for part in (first, second, third):
        assert part[0][0] == "acuity_import_started" and part[-1][0] == "acuity_import_summary"
    assert kinds.count("acuity_import_started") == kinds.count("acuity_import_summary") == 3
    listed = sum(count for _, count in pages(first, "appointments"))
    starts = [facts for name, facts in first + second + third if name == "acuity_import_started"]
    assert [(s["cursor"], s["resumed"], s["by"]) for s in starts] == [
        ("start", "0", "code"),
        (f"appointments:{listed}", "1", "person"),
        ("payments:0", "2", "command"),
    ]
    assert {s["page_limit"] for s in starts} == {str(limit)}
    ends = [facts for name, facts in first + second + third if name == "acuity_import_summary"]
    assert [facts["status"] for facts in ends] == ["paused", "failed", "completed"]
    assert ends[0]["appointments"] == str(listed)
    assert ends[2]["appointments"] == "300" and ends[2]["payments"] == str(data.payment_count())

    everything = first + second + third
    answer, *windows = pages(everything, "clients")
    assert answer == (0, len(data.clients))
    for name, total, entries in (
        ("clients", len(data.clients), windows),
        ("appointments", 300, pages(everything, "appointments")),
        ("payments", paid(data), pages(everything, "payments")),
    ):
        assert sum(count for _, count in entries) == total, name
        assert all(b[0] == a[0] + a[1] for a, b in pairwise(entries)), name
    assert processed(everything, "contacts") == [*range(50, len(data.clients) + 1, 50)]
    assert processed(everything, "appointments") == [*range(25, 301, 25)]
    assert processed(everything, "payments") == [*range(25, paid(data) + 1, 25)]
    days = sorted(row["datetime"][:10] for row in data.appointments)
    for facts in each(everything, "acuity_appointments_page"):
        reached = int(facts["offset"]) + int(facts["count"])
        # The next question begins with the last day that was seen, in whatever zone is earliest.
        assert days[0] <= facts["day"] <= days[reached - 1]


def stopping(run: ImportRun, when: Callable[..., bool]) -> Callable[..., None]:
    left = iter((True,))

    def hook(path: str, query: dict[str, str]) -> None:
        if path == "/appointments" and when(path, query) and next(left, False):
            control.pause(run)
            connection.close()

    return hook


def refusing(box: Sandbox, when: Callable[..., bool]) -> Callable[..., None]:
    def hook(path: str, query: dict[str, str]) -> None:
        if when(path, query):
            box.options.api_key = "another"

    return hook


def test_trouble_at_the_source_is_a_line_of_its_own(log: Log) -> None:
    data = make_account(clients=5, appointments=20, months=1)

    with Sandbox(data, SandboxOptions(faults=1.0, fault_kinds=("503",))) as box:
        work(begin(box))
        box.options.faults = 0

    kinds = [name for name, _ in log()]
    assert kinds == ["acuity_import_started", "acuity_import_waiting"]


@pytest.mark.long
def test_a_slow_source_shows_in_elapsed_and_only_there(log: Log) -> None:
    data = make_account(clients=5, appointments=40, months=2)

    with Sandbox(data, SandboxOptions(latency=0.4)) as box:
        work(begin(box, page_limit=20))

    for name, facts in log():
        if not name.endswith("_page"):
            continue
        # The client list comes once; what was put aside of it is read without asking.
        asked = name != "acuity_clients_page" or facts["elapsed_ms"] != "0"
        assert not asked or 400 <= int(facts["elapsed_ms"]) < 800, (name, facts)
        assert int(facts["save_ms"]) < 400, (name, facts)


def test_a_locked_database_shows_in_save_and_only_there(log: Log) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("a file is locked")
    data = make_account(clients=5, appointments=40, months=2)
    locks: list[threading.Thread] = []

    def hook(path: str, query: dict[str, str]) -> None:
        if path == "/appointments" and query.get("max") == "500" and not locks:
            held = threading.Event()
            locks.append(threading.Thread(target=hold, args=(held,)))
            locks[0].start()
            held.wait()

    def hold(held: threading.Event) -> None:
        database = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
        database.execute("BEGIN IMMEDIATE")
        held.set()
        time.sleep(0.6)
        database.execute("ROLLBACK")
        database.close()

    with Sandbox(data, SandboxOptions()) as box:
        box.hook = hook
        work(begin(box, page_limit=500, only=("appointments",), verify=False))
    locks[0].join()

    first = each(log(), "acuity_appointments_page")[0]
    assert int(first["save_ms"]) >= 300 and int(first["elapsed_ms"]) < 200


def test_a_window_is_told_in_numbers_of_named_things() -> None:
    """For Flower: what was read, and what was made of it, each under its own name."""
    said = []
    for resource, offset, total, new, same in [
        ("appointments", 400, 4111, 397, 3),
        ("payments", 99, 99, 137, 0),
        ("payments", 2, 99, 0, 0),
        ("clients", 120, 120, 0, 109),
        ("clients", 1, 1, 1, 0),
    ]:
        step = ImportStep(resource=resource, total=total)
        before = words.counters(step)
        step.offset, step.created, step.unchanged = offset, new, same
        said.append(words.of_window(before, step, 0))

    assert said == [
        "appointments 0–400 of 4,111: 397 new, 3 unchanged",
        "payment lists 0–99 of 99: 137 payments, 137 new",
        "payment lists 0–2 of 99: 0 payments",
        "client entries 0–120 of 120: 109 clients, 109 unchanged",
        "client entries 0–1 of 1: 1 client, 1 new",
    ]
