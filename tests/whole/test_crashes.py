"""The crash matrix: killed at any boundary of any step, an import ends with the same rows."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from integrations.acuity.sandbox import make_account
from integrations.acuity.steps import STEPS
from tests.commands.test_commands import ROOT, environment, untraced
from tests.conftest import source
from tests.crashing import POINTS

pytestmark = pytest.mark.slow

# The last page of a step sends nothing of its own: Celery sends the chain's next link.
SENT = {(step, 1) for step in ("clients", "appointments", "payments", "verify")} | {
    ("appointments", 2),
    ("appointments", 3),
    ("payments", 2),
}
# Steps of several pages are also killed in the middle.
CASES = [
    (point, step, nth)
    for point in POINTS
    for step in STEPS
    for nth in ((1, 2, 3) if step in ("appointments", "payments") else (1,))
    if point != "after_send" or (step, nth) in SENT
]


@pytest.mark.parametrize(
    "part",
    [0, *(pytest.param(part, marks=pytest.mark.thorough) for part in (1, 2))],
    ids=lambda part: f"{part + 1} of 3",
)
def test_killed_it_ends_with_the_same_rows(tmp_path: Path, part: int) -> None:
    cases = CASES[part::3]
    with source(make_account(clients=12, appointments=32, months=2)) as box:
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.crashing",
                box.base_url,
                str(tmp_path),
                json.dumps(cases),
            ],
            cwd=ROOT,
            env=untraced(environment(tmp_path, DJANGO_SETTINGS_MODULE="config.settings")),
            capture_output=True,
            text=True,
            timeout=900,
        )

    found = {tuple(case["case"]): case for case in map(json.loads, done.stdout.splitlines())}
    assert len(found) == len(cases), done.stderr[-3000:]
    assert {key for key, case in found.items() if not case["killed"]} == set()
    assert {key for key, case in found.items() if not case["rescued"]} == set()
    assert {key for key, case in found.items() if not case["same"]} == set()
    assert {key for key, case in found.items() if case["events"] != 1} == set()
