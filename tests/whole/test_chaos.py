"""A small version of `make chaos`: everything goes wrong at once, and every account ends complete."""

import os
import subprocess
import sys

import pytest

from tests.commands.test_commands import ROOT, untraced

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("accounts", [1, pytest.param(3, marks=pytest.mark.thorough)])
def test_accounts_survive_chaos(accounts: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos", str(accounts)],
        cwd=ROOT,
        env=untraced(os.environ),
        capture_output=True,
        text=True,
        timeout=600,
    )

    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert f"'seeds': {accounts}, 'wrong': {{}}" in done.stdout
