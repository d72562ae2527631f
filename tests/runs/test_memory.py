"""Neither an import's memory nor an export's grows with the account; `make bench` measures an import of
200,000 appointments."""

import subprocess
import sys
from pathlib import Path

import pytest

from integrations.acuity.sandbox import make_account
from tests.commands.test_commands import ROOT, credentials, environment
from tests.conftest import source

pytestmark = pytest.mark.slow

MEASURED = """
from pathlib import Path
from django.core.management import execute_from_command_line
try:
    execute_from_command_line(["manage.py", "acuity_import", "--only", "clients,appointments", "--page-limit", "1000"])
finally:
    print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""
EXPORTED = """
from pathlib import Path
import pyarrow.parquet
from django.core.management import execute_from_command_line
try:
    execute_from_command_line(["manage.py", "acuity_export", *"{0}".split()])
finally:
    print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""


def test_20000_appointments_stay_under_300_megabytes(tmp_path: Path) -> None:
    with source(make_account(clients=2_000, appointments=20_000)) as box:
        env = environment(tmp_path, **credentials(box), DJANGO_SETTINGS_MODULE="config.settings")
        done = subprocess.run(
            [sys.executable, "-c", MEASURED], cwd=ROOT, env=env, capture_output=True, text=True
        )

        assert done.returncode == 0, done.stderr
        assert int(done.stdout.split()[-1]) < 300 * 1024  # kB
        export = EXPORTED.format
        idle = megabytes(export(f"{tmp_path}/idle --format csv --only labels"), env)
        for form in ("csv", "parquet"):
            taken = megabytes(export(f"{tmp_path}/{form} --format {form}"), env)
            assert taken - idle < 60, form


def megabytes(code: str, env: dict[str, str]) -> float:
    """The most that a process of this code takes."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1]) / 1024
