"""A small version of `make webhooks`: nothing of 120 is lost to a kill, a flush or a restart."""

import os
import subprocess
import sys

import pytest

from tests.commands.test_commands import ROOT, untraced

pytestmark = pytest.mark.slow


def test_120_webhooks_survive_a_kill_a_flush_and_a_restart() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.webhooks", "120"],
        cwd=ROOT,
        env=untraced(os.environ),
        capture_output=True,
        text=True,
        timeout=900,
    )

    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert "'lost': 0, 'series': 24" in done.stdout
