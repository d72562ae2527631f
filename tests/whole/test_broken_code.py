"""Do the tests notice code that is broken? A small part of `make mutants` and of `make laws`."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.breaking import source_of
from tests.mutants.lives import LIVES
from tests.mutants.operators import mutants

ROOT = Path(__file__).resolve().parent.parent.parent


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *args], cwd=ROOT, capture_output=True, text=True, timeout=900
    )


def test_a_module_is_broken_in_one_place_at_a_time() -> None:
    text = "def f(a: int) -> bool:\n    if a < 1 and a:\n        g()\n    return a == 2\n"

    found = {mutant.name for mutant in mutants("m", text)}

    assert found == {
        "m:2 condition negated",
        "m:2 and → or",
        "m:2 Lt → LtE",
        "m:2 1 → 2",
        "m:3 g(…) left out",
        "m:4 returns None",
        "m:4 Eq → NotEq",
        "m:4 2 → 3",
    }


def test_what_may_live_is_still_there() -> None:
    modules = {module for module, _, _ in LIVES}
    found = {one.key for name in modules for one in mutants(name, source_of(name).read_text())}

    assert LIVES.keys() <= found, LIVES.keys() - found


@pytest.mark.slow
def test_mutants_that_once_survived_are_killed() -> None:
    done = run("tests.mutants", "--known")

    assert done.returncode == 0, done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "laws", [("2", "9"), pytest.param(("5", "12"), marks=pytest.mark.thorough)], ids="+".join
)
def test_a_law_that_is_broken_makes_a_scenario_or_a_world_fail(laws: tuple[str, ...]) -> None:
    done = run("tests.worlds.laws", "--law", *laws)

    assert done.returncode == 0, done.stdout
