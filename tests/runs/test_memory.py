"""An import's memory does not grow with the account; `make bench` measures 200,000 appointments."""

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


def test_20000_appointments_stay_under_300_megabytes(tmp_path: Path) -> None:
    with source(make_account(clients=2_000, appointments=20_000)) as box:
        env = environment(tmp_path, **credentials(box), DJANGO_SETTINGS_MODULE="config.settings")
        done = subprocess.run(
            [sys.executable, "-c", MEASURED], cwd=ROOT, env=env, capture_output=True, text=True
        )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) < 300 * 1024  # kB
