"""The commands as a person runs them: a process of its own, its output and its exit status."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from integrations.acuity.sandbox import Sandbox, SandboxOptions, make_account

ROOT = Path(__file__).resolve().parent.parent


def manage(tmp_path: Path, *args: str, **env: str) -> subprocess.CompletedProcess[str]:
    own = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3",
        "REDIS_URL": "",
        "ACUITY_REQUESTS_PER_SECOND": "0",
        **env,
    }
    return subprocess.run(
        [sys.executable, "manage.py", *args],
        cwd=ROOT, env=os.environ | own, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def credentials(box: Sandbox, key: str = "sandbox-key") -> dict[str, str]:
    return {"ACUITY_USER_ID": "10000001", "ACUITY_API_KEY": key, "ACUITY_BASE_URL": box.base_url}


@pytest.fixture
def box():
    with Sandbox(make_account(clients=30, appointments=120, months=4), SandboxOptions()) as box:
        yield box


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


@pytest.mark.parametrize(
    ("args", "env", "status", "word"),
    [
        ([], {"ACUITY_USER_ID": ""}, 2, "ACUITY_USER_ID"),
        ([], {"ACUITY_API_KEY": "wrong"}, 4, "ACUITY_API_KEY"),
        ([], {"ACUITY_BASE_URL": "http://acuity.example.com"}, 2, "https"),
        (["--min-date", "31.12.2025"], {}, 2, "2025-10-31"),
        (["--resume", "nothing"], {}, 2, "no run"),
        (["--page-limit", "0"], {}, 2, "1 to 1000"),
        (["--only", "orders"], {}, 2, "choose from"),
        (["--account", "99"], {}, 2, "no Acuity account"),
    ],
)
def test_bad_input_gets_one_sentence(
    tmp_path: Path, box: Sandbox, args: list[str], env: dict[str, str], status: int, word: str
) -> None:
    done = manage(tmp_path, "acuity_import", *args, **{**credentials(box), **env})

    assert done.returncode == status, done.stderr
    assert word in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


@pytest.fixture
def worker(tmp_path: Path, redis_url: str):
    """A `celery worker` process over Redis, and the environment it shares with the commands."""
    env = {"DATABASE_URL": f"sqlite:///{tmp_path}/db.sqlite3", "REDIS_URL": redis_url}
    log = (tmp_path / "worker.log").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "config", "worker", "-Q", "acuity", "-c", "2"],
        cwd=ROOT, env=os.environ | env | {"ACUITY_REQUESTS_PER_SECOND": "0"},
        stdout=log, stderr=subprocess.STDOUT,
    )  # fmt: skip
    yield env
    process.terminate()
    process.wait(60)


def test_a_worker_process_over_redis_imports_the_account(
    tmp_path: Path, box: Sandbox, worker: dict[str, str]
) -> None:
    done = manage(tmp_path, "acuity_import", "--json", **credentials(box), **worker)

    assert done.returncode == 0, done.stderr + (tmp_path / "worker.log").read_text()
    result = json.loads(done.stdout)
    assert (result["status"], result["appointments"]["stored"]) == ("completed", 120)
