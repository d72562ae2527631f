"""What does an import look like on a terminal, a dumb one, and in a build?"""

import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from integrations.acuity.sandbox import Sandbox, SandboxOptions, make_account
from tests.commands.test_commands import ROOT, credentials, environment

pytestmark = pytest.mark.slow
STEP = (
    r"(clients|appointments|payments|verify) [\d,]+( of [\d,]+| \(expected [\d,]+\))?(, [\d.,]+/s)?"
)


@pytest.fixture
def box() -> Iterator[Sandbox]:
    data = make_account(clients=30, appointments=200, months=4)
    with Sandbox(data, SandboxOptions(latency=0.02)) as box:
        yield box


def on_a_terminal(tmp_path: Path, box: Sandbox, **env: str) -> str:
    ours, theirs = pty.openpty()
    os.set_blocking(ours, True)
    said = bytearray()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "acuity_import", "--page-limit", "20"],
        cwd=ROOT,
        env=environment(tmp_path, **credentials(box), **{"TERM": "xterm", "COLUMNS": "60", **env}),
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)

    def read() -> None:
        try:
            while part := os.read(ours, 4096):
                said.extend(part)
        except OSError:
            return

    reader = threading.Thread(target=read)
    reader.start()
    assert process.wait(120) == 0
    reader.join(10)
    os.close(ours)
    return said.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"CI": "true"}], ids=str)
def test_where_no_bar_can_move_each_step_has_lines(
    tmp_path: Path, box: Sandbox, env: dict[str, str]
) -> None:
    said = on_a_terminal(tmp_path, box, **env)

    assert "\x1b" not in said
    steps = [line for line in said.splitlines() if re.fullmatch(STEP, line)]
    assert {line.split()[0] for line in steps} >= {"appointments", "payments"}
    assert "completed, verified" in " ".join(said.split())


def test_a_terminal_has_bars_and_without_colour_where_that_is_asked(
    tmp_path: Path, box: Sandbox
) -> None:
    said = on_a_terminal(tmp_path, box, NO_COLOR="1")

    assert "━" in said and not re.search(r"\x1b\[[\d;]*3\d[;m]", said)
    # The sentence is wrapped between its words, none is cut.
    after = re.sub(r"\x1b\[[\d;]*\w", "", said)
    sentence = after[after.index("All 200") : after.index("requests,")]
    assert all(len(line) <= 60 for line in sentence.splitlines())
    assert "200 bookings that Acuity lists" in " ".join(sentence.split())
