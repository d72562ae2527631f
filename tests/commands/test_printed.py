"""Do the commands that README and tutorial print run as printed, in a fresh clone?"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from integrations.acuity.sandbox import Sandbox, SandboxOptions, make_account
from tests.commands.test_commands import ROOT, untraced

pytestmark = pytest.mark.slow
# A block of commands, and the comment before it that says why nobody can wait for it.
BLOCK = re.compile(
    r"(<!-- not run by the tests: (?P<why>.*?) -->\n)?```\n(?P<text>.*?)^```", re.M | re.S
)
COMMAND = re.compile(r"^(\$ )?(?P<line>(make|echo|\.venv/bin/python) .*)$", re.M)
NOT_RUN = {"README.md": ["make test"], "docs/tutorial.md": ["make up"]}


def commands(document: str, *, run: bool = True) -> list[str]:
    """Each block's commands, as one script."""
    found = BLOCK.finditer((ROOT / document).read_text())
    chosen = [block["text"] for block in found if bool(block["why"]) is not run]
    scripts = ["\n".join(each["line"] for each in COMMAND.finditer(text)) for text in chosen]
    return [script for script in scripts if script]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The last commit, with these tests' own packages installed in it."""
    folder = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
    own = folder / ".venv"
    own.mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (own / name).symlink_to(Path(sys.prefix) / name)
    (own / "stamp").touch()
    return folder


@pytest.fixture
def box() -> Iterator[Sandbox]:
    data = make_account(clients=10, appointments=40, months=2)
    with Sandbox(data, SandboxOptions(user_id="12345678")) as box:
        yield box


def shell(clone: Path, box: Sandbox, script: str) -> "subprocess.CompletedProcess[str]":
    taken = ("ACUITY_", "DATABASE_URL", "REDIS_URL")
    env = {k: v for k, v in untraced(os.environ).items() if not k.startswith(taken)}
    return subprocess.run(
        ["sh", "-ec", script],
        cwd=clone,
        env=env | {"ACUITY_BASE_URL": box.base_url},
        capture_output=True,
        text=True,
        timeout=180,
    )


@pytest.mark.parametrize("document", NOT_RUN)
def test_what_nobody_runs_is_marked(document: str) -> None:
    assert commands(document, run=False) == NOT_RUN[document]


@pytest.mark.parametrize("document", NOT_RUN)
def test_every_printed_command_runs_as_printed(document: str, clone: Path, box: Sandbox) -> None:
    run = ""
    for script in commands(document):
        if "ACUITY_API_KEY=…" in script:
            # As it stands there, the key is no key, and that is said in one sentence.
            refused = shell(clone, box, script)
            assert refused.returncode == 4, refused.stderr
            assert "ACUITY_API_KEY" in refused.stderr and "Traceback" not in refused.stderr
            (clone / ".env").unlink()
            script = script.replace("ACUITY_API_KEY=…", "ACUITY_API_KEY=sandbox-key")
        done = shell(clone, box, re.sub(r"(?<=--resume )\S+", run, script))
        if "--resume" in script:
            # It is complete: there is nothing to resume, which is another sentence.
            assert done.returncode == 2 and "nothing to resume" in done.stderr, done.stderr
            continue
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        run = next(iter(re.findall(r"Run ([0-9a-f-]{36})", done.stdout)), run)


def test_what_the_tutorial_names_in_the_admin_is_there() -> None:
    text = (ROOT / "docs/tutorial.md").read_text()
    pages = "".join(
        path.read_text()
        for folder in ("integrations", "bookings")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".html") and "migrations" not in path.parts
    )

    for name in re.findall(r"\*\*([A-Z][\w ]+)\*\*", text):
        assert name in pages, name
