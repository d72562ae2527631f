"""What does a command say that cannot begin? One sentence, the right status, one document; no run."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from integrations.acuity.sandbox import Sandbox, SandboxOptions, make_account
from tests.commands.test_commands import ROOT, credentials, environment, manage, query

pytestmark = pytest.mark.slow
NOBODY = "9299a4da-88d1-4389-9d5d-3767acd0ebd9"
MAY = ["--min-date", "2026-05-01"]
IMPORT, VERIFY, RUNS, REPORT = "acuity_import", "acuity_verify", "acuity_runs", "acuity_report"

WRONG: list[tuple[list[str], dict[str, str], int, str, str]] = [
    # arguments, environment, exit status, code, a word of the sentence
    ([IMPORT], {"ACUITY_PAGE_LIMIT": "0"}, 2, "configuration_error", "ACUITY_PAGE_LIMIT"),
    ([IMPORT], {"ACUITY_PAGE_LIMIT": "1001"}, 2, "configuration_error", "1 to 1000"),
    ([IMPORT], {"ACUITY_PAGE_LIMIT": "ten"}, 2, "configuration_error", "'ten'"),
    ([IMPORT], {"ACUITY_PAGE_LIMIT": "2.5"}, 2, "configuration_error", "whole"),
    ([IMPORT], {"ACUITY_MAX_CONNECTIONS": "-1"}, 2, "configuration_error", "MAX_CONNECTIONS"),
    ([IMPORT], {"ACUITY_EGRESS": "203.0.113.9"}, 2, "configuration_error", "ACUITY_EGRESS"),
    ([RUNS], {"ACUITY_EGRESS": "eth0"}, 2, "configuration_error", "of this machine"),
    ([IMPORT], {"ACUITY_REQUESTS_PER_SECOND": "-3"}, 2, "configuration_error", "PER_SECOND"),
    ([IMPORT], {"ACUITY_REQUESTS_PER_SECOND": "nan"}, 2, "configuration_error", "PER_SECOND"),
    ([IMPORT], {"ACUITY_CONNECT_TIMEOUT": "0"}, 2, "configuration_error", "CONNECT_TIMEOUT"),
    ([IMPORT], {"ACUITY_READ_TIMEOUT": "3601"}, 2, "configuration_error", "READ_TIMEOUT"),
    ([IMPORT], {"ACUITY_STALL_SECONDS": "4"}, 2, "configuration_error", "STALL_SECONDS"),
    ([IMPORT], {"ACUITY_LOG_LEVEL": "loud"}, 2, "configuration_error", "ACUITY_LOG_LEVEL"),
    ([IMPORT], {"ACUITY_BASE_URL": "ftp://x"}, 2, "configuration_error", "ACUITY_BASE_URL"),
    ([RUNS], {"DATABASE_URL": "mysql://u:p@localhost/x"}, 2, "configuration_error", "DATABASE_URL"),
    ([RUNS], {"DATABASE_URL": "sqlite:////nowhere/x"}, 1, "database_trouble", "DATABASE_URL"),
    ([RUNS], {"CELERY_BROKER_URL": "post://x"}, 2, "configuration_error", "CELERY_BROKER_URL"),
    ([IMPORT], {"REDIS_URL": "redis://127.0.0.1:9/0"}, 1, "broker_trouble", "REDIS_URL"),
    ([RUNS], {"REDIS_URL": "http://x"}, 2, "configuration_error", "REDIS_URL"),
    ([IMPORT], {"ACUITY_API_KEY": "wrong"}, 4, "credentials_refused", "ACUITY_API_KEY"),
    ([IMPORT], {"ACUITY_API_KEY": "…"}, 4, "credentials_refused", "ACUITY_API_KEY"),
    ([IMPORT], {"ACUITY_API_KEY": ""}, 2, "configuration_error", "ACUITY_API_KEY"),
    ([IMPORT, "--page-limit", "0"], {}, 2, "bad_argument", "1 to 1000"),
    ([IMPORT, "--colour"], {}, 2, "bad_argument", "--colour"),
    ([IMPORT, "--payments", "none"], {}, 2, "bad_argument", "paid"),
    ([IMPORT, "--min-date", "31.12.2025"], {}, 2, "configuration_error", "2025-10-31"),
    ([IMPORT, "--resume", NOBODY], {}, 2, "unknown_run", "acuity_runs"),
    ([IMPORT, "--account", "9" * 30], {}, 2, "configuration_error", "acuity_accounts"),
    ([IMPORT, "--detach"], {}, 2, "configuration_error", "REDIS_URL"),
    ([VERIFY, NOBODY], {}, 2, "unknown_run", "acuity_runs"),
    ([VERIFY], {}, 2, "bad_argument", "run"),
    ([RUNS, NOBODY, "--pause"], {}, 2, "unknown_run", NOBODY),
    ([RUNS, "--cancel"], {}, 2, "configuration_error", "Name the run"),
    ([IMPORT], {"ACUITY_BASE_URL": "http://127.0.0.1:9"}, 1, "connection_trouble", "Error at 127"),
    ([IMPORT, "--resume", ""], {}, 2, "bad_argument", "--resume needs a run: acuity_runs lists"),
    ([IMPORT, "--only="], {}, 2, "bad_argument", "--only needs a value"),
    ([IMPORT, "--only", ","], {}, 2, "configuration_error", "Name what to import: "),
    ([IMPORT, "--tenant", "first"], {}, 2, "configuration_error", "not a tenant's UUID"),
    ([RUNS, "--account", ""], {}, 2, "bad_argument", "--account needs an account's ID"),
    ([RUNS, ""], {}, 2, "bad_argument", "An argument is empty"),
    (["acuity_sandbox", "--faults", "5"], {}, 2, "bad_argument", "0 to 1"),
    (["acuity_sandbox", "--latency", "-1"], {}, 2, "bad_argument", "0 to 3600"),
    (["acuity_sandbox", "--rps", "nan"], {}, 2, "bad_argument", "0 to 10000"),
    (["acuity_sandbox", "--cap", "0"], {}, 2, "bad_argument", "1 to 10000000"),
    ([REPORT, "--month", "May"], {}, 2, "configuration_error", "2025-10"),
    ([IMPORT], {"ACUITY_USER_ID": ""}, 2, "configuration_error", "ACUITY_USER_ID"),
    ([IMPORT], {"ACUITY_BASE_URL": "http://acuity.example.com"}, 2, "configuration_error", "https"),
    ([IMPORT, *MAY, "--max-date", "2026-01-01"], {}, 2, "configuration_error", "after"),
    ([IMPORT, "--only", "sales"], {}, 2, "configuration_error", "choose from"),
    ([IMPORT, "--resume", "nothing"], {}, 2, "unknown_run", "no run"),
    ([IMPORT, "--account", "99"], {}, 2, "configuration_error", "no Acuity account"),
]


def examples() -> Iterator[Any]:
    """The first of each command and code; the others are thorough."""
    seen = set[tuple[str, str]]()
    for case in WRONG:
        kind = (case[0][0], case[3])
        yield pytest.param(*case, marks=pytest.mark.thorough if kind in seen else ())
        seen.add(kind)


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(make_account(clients=3, appointments=5, months=1), SandboxOptions()) as box:
        yield box


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables and nothing in them."""
    folder = tmp_path_factory.mktemp("empty")
    assert manage(folder, "migrate", "--verbosity", "0").returncode == 0
    return folder


@pytest.mark.parametrize(("args", "env", "status", "code", "word"), list(examples()), ids=str)
def test_a_wrong_start_is_one_sentence_and_one_document(
    box: Sandbox,
    empty: Path,
    args: list[str],
    env: dict[str, str],
    status: int,
    code: str,
    word: str,
) -> None:
    as_json = [] if args[0] == "acuity_sandbox" else ["--json"]
    done = manage(empty, *args, *as_json, **{**credentials(box), **env})

    assert done.returncode == status, done.stderr
    if not as_json:
        assert (done.stdout, word in done.stderr) == ("", True)
        assert len(done.stderr.splitlines()) == 1
        return
    document = json.loads(done.stdout)
    assert (document["code"], document["exit"]) == (code, status)
    said = [line for line in done.stderr.splitlines() if " INFO acuity_" not in line]
    assert said == [document["error"]] and word in said[0]
    last = done.stderr.splitlines()[-1]
    if args[0] == IMPORT:
        assert " INFO acuity_import_summary status=not_started error=" in last
    # Neither a run nor an account is left of what was refused.
    for table in ("integrations_importrun", "integrations_acuityaccount", "bookings_tenant"):
        assert query(empty, f"SELECT count(*) FROM {table}") == [(0,)]


def test_a_database_without_tables_is_told_how_to_get_them(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "db.sqlite3").close()

    done = manage(tmp_path, "acuity_runs", "--json")

    assert done.returncode == 1
    assert json.loads(done.stdout)["code"] == "database_trouble"
    assert done.stderr.strip().endswith("manage.py migrate makes them.")


def test_system_checks_say_the_same(tmp_path: Path) -> None:
    done = manage(tmp_path, "check", ACUITY_PAGE_LIMIT="0", ACUITY_READ_TIMEOUT="soon")

    assert done.returncode == 1
    assert "ACUITY_PAGE_LIMIT must be" in done.stderr and "ACUITY_READ_TIMEOUT" in done.stderr


CELERY = ["celery", "-A", "config"]
SERVES: list[tuple[list[str], dict[str, str], int]] = [
    ([*CELERY, "worker", "-P", "solo"], {"ACUITY_PAGE_LIMIT": "0"}, 2),
    ([*CELERY, "worker", "-P", "solo"], {"CELERY_BROKER_URL": "post://x"}, 2),
    ([*CELERY, "beat"], {"DATABASE_URL": "mysql://u:p@localhost/x"}, 2),
    ([*CELERY, "flower", "--port=0"], {"ACUITY_STALL_SECONDS": "soon"}, 2),
    # At 4, gunicorn doesn't try again.
    (["gunicorn", "config.wsgi", "-b", "127.0.0.1:0"], {"ACUITY_READ_TIMEOUT": "0"}, 4),
]


def test_a_process_that_serves_refuses_to_start_with_the_same_sentence(tmp_path: Path) -> None:
    began = [
        subprocess.Popen(
            [sys.executable, "-m", *args],
            cwd=ROOT,
            env=environment(tmp_path, **env),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for args, env, _ in SERVES
    ]

    for process, (_, [variable], status) in zip(began, SERVES, strict=True):
        said = process.communicate(timeout=120)[0]
        assert (process.returncode, "Traceback" in said) == (status, False), said
        sentences = [line for line in said.splitlines() if line.startswith(variable)]
        assert len(sentences) == 1 and " must be " in sentences[0], said


def test_runs_are_listed_shown_paused_and_cancelled(tmp_path: Path, box: Sandbox) -> None:
    first = json.loads(manage(tmp_path, IMPORT, "--json", **credentials(box)).stdout)
    second = json.loads(manage(tmp_path, IMPORT, "--json", **credentials(box)).stdout)

    listed = json.loads(manage(tmp_path, RUNS, "--json").stdout)["runs"]
    assert [row["run"] for row in listed] == [second["run"], first["run"]]
    assert set(listed[0]) == {
        "run", "tenant", "account", "status", "created_at", "finished_at", "gaps",
    }  # fmt: skip
    assert json.loads(manage(tmp_path, RUNS, "--active", "--json").stdout) == {"runs": []}
    shown = json.loads(manage(tmp_path, RUNS, first["run"], "--json").stdout)
    # The account's as it is now, in both.
    assert shown.pop("fresh") == second.pop("fresh") and first.pop("fresh")
    assert shown == first
    elsewhere = ["--account", "1", "--tenant", NOBODY]
    for args, word in [
        ([RUNS, first["run"], "--active"], "leave them out"),
        ([RUNS, first["run"], "--account", "1"], "leave them out"),
        ([RUNS, first["run"], "--cancel"], "has completed: there is nothing to cancel"),
        ([IMPORT, *elsewhere], "is not one of tenant"),
        ([IMPORT, "--resume", first["run"]], "has completed: there is nothing to resume"),
    ]:
        refused = manage(tmp_path, *args, **credentials(box))
        assert (refused.returncode, word in refused.stderr) == (2, True), refused.stderr
    # A key that is refused does not take the place of the right one.
    assert manage(tmp_path, IMPORT, **credentials(box, "wrong")).returncode == 4
    named = [IMPORT, "--account", "1", "--dry-run"]
    assert manage(tmp_path, *named, **credentials(box, "wrong")).returncode == 0
    for args in ([RUNS, "--json"], [RUNS]):
        with open("/dev/full", "w") as full:
            lost = subprocess.run(
                [sys.executable, "manage.py", *args],
                cwd=ROOT,
                env=environment(tmp_path),
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
            )
        assert (lost.returncode, len(lost.stderr.splitlines())) == (1, 1), lost.stderr
        assert "No space left on device" in lost.stderr
    over = manage(tmp_path, RUNS, first["run"], "--pause", "--json")
    assert over.returncode == 2 and "completed" in json.loads(over.stdout)["error"]
    accounts = json.loads(manage(tmp_path, "acuity_accounts", "--json").stdout)["accounts"]
    assert [(row["last_run"], row["tenant"]) for row in accounts] == [
        (second["run"], first["tenant"])
    ]
    assert accounts[0]["last_proof"] and "sandbox-key" not in str(accounts)
    listed = manage(tmp_path, RUNS).stdout
    assert first["run"] in listed and "created (UTC)" in listed
