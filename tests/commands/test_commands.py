"""The commands as a person runs them: each has a process, an output and an exit status."""

import getpass
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from integrations.acuity.sandbox import Sandbox, make_account
from tests import forks
from tests.conftest import source
from tests.services import migrated
from tests.tables import dump

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parent.parent.parent


def environment(tmp_path: Path, **env: str) -> dict[str, str]:
    """Of a process whose database is in this folder, and has its tables."""
    if not (tmp_path / "db.sqlite3").exists():
        shutil.copy(migrated(), tmp_path / "db.sqlite3")
    # Neither the browser tests' own permission nor where the tests run is a process's.
    ours = ("DJANGO_ALLOW_ASYNC_UNSAFE", "CI")
    inherited = {name: value for name, value in os.environ.items() if name not in ours}
    return inherited | {
        "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3",
        "REDIS_URL": "",
        "ACUITY_REQUESTS_PER_SECOND": "0",
        **env,
    }


def untraced(env: Mapping[str, str]) -> dict[str, str]:
    """Without coverage: for the runs of many processes, which measure nothing new and get twice as slow.

    Nor with the browser tests' own permission, which production refuses.
    """
    left = ("COVERAGE_", "DJANGO_ALLOW_ASYNC_UNSAFE")
    return {name: value for name, value in env.items() if not name.startswith(left)}


def manage(tmp_path: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return forks.run(args, environment(tmp_path, **env))


def start(tmp_path: Path, *args: str, **env: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", *args],
        cwd=ROOT,
        env=environment(tmp_path, **env),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def credentials(box: Sandbox, key: str = "sandbox-key") -> dict[str, str]:
    user = box.options.user_id
    return {"ACUITY_USER_ID": user, "ACUITY_API_KEY": key, "ACUITY_BASE_URL": box.base_url}


def query(tmp_path: Path, sql: str) -> list[Any]:
    with sqlite3.connect(tmp_path / "db.sqlite3") as database:
        return database.execute(sql).fetchall()


def test_import_then_report_through_the_real_chain(tmp_path: Path, box: Sandbox) -> None:
    done = manage(tmp_path, "acuity_import", "--json", **credentials(box))

    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["status"], result["verified"]) == ("completed", True)
    assert result["appointments"]["stored"] == 120
    assert done.stderr.strip().splitlines()[-1].split()[3] == "acuity_import_summary"

    report = json.loads(manage(tmp_path, "acuity_report", "--json").stdout)
    assert set(report["months"]) == set(box.account.revenue())

    verified = manage(tmp_path, "acuity_verify", result["run"], "--json", **credentials(box))
    assert verified.returncode == 0
    assert json.loads(verified.stdout)["gaps"] == []


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(tmp_path: Path, box: Sandbox) -> None:
    done = manage(tmp_path, "acuity_import", "--dry-run", "--json", **credentials(box))

    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["appointments"]["created"] == 120
    assert answer["payments"]["requests"] > 0
    assert not any(dump(tmp_path / "db.sqlite3").values())


# The request of a step at which the process is killed; `test_crashes` kills the others, too.
KILLED_AT: dict[str, Callable[[str, dict[str, str]], bool]] = {
    "appointments": lambda path, query: query.get("max", "1") != "1",
    "payments": lambda path, query: path.endswith("/payments"),
    "verify": lambda path, query: "excludeForms" in query,
}
SKIPPED = {"appointments": 3, "payments": 30}


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(step, marks=pytest.mark.thorough if step == "verify" else ())
        for step in KILLED_AT
    ],
)
def test_kill_9_in_any_step_then_resume_ends_with_the_same_rows(
    tmp_path: Path, box: Sandbox, step: str
) -> None:
    (tmp_path / "calm").mkdir()
    assert manage(tmp_path / "calm", "acuity_import", **credentials(box)).returncode == 0
    reached, left = threading.Event(), iter(range(SKIPPED.get(step, 0), -1, -1))

    def watch(path: str, query: dict[str, str]) -> None:
        if KILLED_AT[step](path, query) and next(left, 0) == 0:
            reached.set()
            time.sleep(0.3)

    box.hook = watch
    victim = start(tmp_path, "acuity_import", "--page-limit", "20", **credentials(box))
    assert reached.wait(60)
    victim.kill()
    victim.communicate()
    box.hook = None
    box.forget()
    run, day = query(
        tmp_path,
        "SELECT run_id, json_extract(cursor, '$.day') FROM integrations_importstep"
        " WHERE resource = 'appointments'",
    )[0]
    stored = query(
        tmp_path, "SELECT external_id FROM bookings_appointment WHERE payments_fetched_for <> ''"
    )

    done = manage(tmp_path, "acuity_import", "--resume", run, **credentials(box))

    assert done.returncode == 0, done.stderr
    assert dump(tmp_path / "db.sqlite3") == dump(tmp_path / "calm" / "db.sqlite3")
    asked = [path for _, path, _, _ in box.requests]
    assert not {f"/appointments/{key}/payments" for (key,) in stored} & set(asked)
    listed = [q.get("minDate", "") for _, path, q, _ in box.requests if path == "/appointments"]
    if step == "appointments":
        # One request for the bounds of the account belongs to verification.
        assert day and listed[0] >= day
    if step in ("payments", "verify"):
        assert all(
            "excludeForms" in q or q.get("max") == "1"
            for _, path, q, _ in box.requests
            if path == "/appointments"
        )


@pytest.fixture
def worker(tmp_path: Path, redis_url: str, box: Sandbox) -> Iterator[dict[str, str]]:
    """A `celery worker` process over Redis, and the environment it shares with the commands."""
    shared = {"REDIS_URL": redis_url, **credentials(box)}
    log = (tmp_path / "worker.log").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "config", "worker", "-Q", "acuity", "-c", "2"],
        cwd=ROOT,
        env=environment(tmp_path, **shared),
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    yield shared
    process.terminate()
    process.wait(60)


def test_a_worker_process_over_redis_imports_the_account(
    tmp_path: Path, worker: dict[str, str]
) -> None:
    done = manage(tmp_path, "acuity_import", "--json", **worker)

    assert done.returncode == 0, done.stderr + (tmp_path / "worker.log").read_text()
    result = json.loads(done.stdout)
    assert (result["status"], result["appointments"]["stored"]) == ("completed", 120)
    assert "acuity_payments_page" in (tmp_path / "worker.log").read_text()


def test_detached_import_prints_the_run_and_a_verify_waits_for_its_end(
    tmp_path: Path, worker: dict[str, str]
) -> None:
    run = manage(tmp_path, "acuity_import", "--detach", **worker).stdout.strip()

    assert len(run) == 36
    followed = manage(tmp_path, "acuity_import", "--resume", run, "--json", **worker)
    assert followed.returncode in (0, 2), followed.stderr


def test_a_run_of_another_process_is_paused_and_cancelled_from_a_shell(
    tmp_path: Path, worker: dict[str, str], box: Sandbox
) -> None:
    meets, asked, go_on = "payments", threading.Event(), threading.Event()

    def hold(path: str, query: dict[str, str]) -> None:
        """The worker waits for an answer until the command has been there."""
        if KILLED_AT[meets](path, query):
            asked.set()
            assert go_on.wait(50)

    def steer(word: str) -> tuple[int, str]:
        assert asked.wait(120), (tmp_path / "worker.log").read_text()
        done = manage(tmp_path, "acuity_runs", run, word, "--json", **worker)
        go_on.set()
        return done.returncode, json.loads(done.stdout)["status"]

    def rests(status: str) -> None:
        until = time.monotonic() + 120
        while query(tmp_path, "SELECT status FROM integrations_importrun") != [(status,)]:
            assert time.monotonic() < until, (tmp_path / "worker.log").read_text()
            time.sleep(0.05)

    box.hook = hold
    run = manage(tmp_path, "acuity_import", "--detach", **worker).stdout.strip()
    assert steer("--pause") == (0, "pausing")
    rests("paused")
    assert query(tmp_path, "SELECT * FROM integrations_importstep WHERE lease_token <> ''") == []

    meets = "verify"
    asked.clear()
    go_on.clear()
    waiting = start(tmp_path, "acuity_import", "--resume", run, **worker)
    assert steer("--cancel") == (0, "cancelling")
    rests("cancelled")
    # Whoever waited for it hears that it is over.
    _, said = waiting.communicate(timeout=60)
    assert (waiting.returncode, "Resume with" in said, "was cancelled" in said) == (1, False, True)
    refused = manage(tmp_path, "acuity_runs", run, "--pause", **worker)
    assert (refused.returncode, "was cancelled: there is nothing to pause" in refused.stderr) == (
        2,
        True,
    )

    # What came in stays; nothing is kept for later, nobody holds a lease.
    assert query(tmp_path, "SELECT count(*) FROM bookings_appointment") == [(120,)]
    assert query(tmp_path, "SELECT * FROM integrations_stagedpage") == []
    assert query(tmp_path, "SELECT * FROM integrations_importstep WHERE lease_token <> ''") == []
    deeds = query(tmp_path, "SELECT actor, name, deed FROM integrations_auditentry ORDER BY id")
    assert deeds == [
        ("command", getpass.getuser(), deed)
        for deed in ("started", "paused", "resumed", "cancelled")
    ]
    summaries = re.findall(
        r"acuity_import_summary .* status=(\w+)", (tmp_path / "worker.log").read_text()
    )
    assert summaries == ["paused", "cancelled"]


def test_ctrl_c_pauses_and_says_how_to_resume(tmp_path: Path) -> None:
    with source(make_account(clients=30, appointments=120, months=4), latency=0.05) as box:
        reached = threading.Event()
        box.hook = lambda path, query: reached.set() if path.endswith("/payments") else None
        running = start(
            tmp_path, "acuity_import", "--page-limit", "10", "--json", **credentials(box)
        )
        assert reached.wait(60)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)

        assert running.returncode == 3, err
        paused = json.loads(out)
        assert paused["status"] == "paused"
        printed = re.search(r"^Resume with: (.* --resume \S+)$", err, re.M)
        assert printed and printed[1].endswith(paused["run"])
        done = subprocess.run(
            ["sh", "-c", f"{printed[1]} --json"],
            cwd=ROOT,
            env=environment(tmp_path, **credentials(box)),
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert (done.returncode, json.loads(done.stdout)["resumed"]) == (0, 1)
