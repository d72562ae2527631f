"""A small version of `make chaos`: everything goes wrong at once, and every account ends complete."""

import os
import subprocess
import sys

import pytest

from tests.commands.test_commands import ROOT, untraced

pytestmark = pytest.mark.slow


def test_3_accounts_survive_chaos() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos", "3"],
        cwd=ROOT,
        env=untraced(os.environ),
        capture_output=True,
        text=True,
        timeout=600,
    )

    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert "'seeds': 3, 'wrong': {}" in done.stdout
