"""What does an import look like on a terminal, a dumb one, and in a build?"""

import os
import pty
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from integrations.acuity.runs.results import Counts, Result
from integrations.acuity.sandbox import Sandbox, SandboxOptions, make_account
from integrations.management import terminal
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


def on_a_terminal(tmp_path: Path, box: Sandbox, *args: str, status: int = 0, **env: str) -> str:
    args = args or ("acuity_import", "--page-limit", "20")
    ours, theirs = pty.openpty()
    os.set_blocking(ours, True)
    said = bytearray()
    process = subprocess.Popen(
        [sys.executable, "manage.py", *args],
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
    assert process.wait(120) == status
    reader.join(10)
    os.close(ours)
    return said.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_a_refusal_has_no_colour_where_none_is_wanted(
    tmp_path: Path, box: Sandbox, env: dict[str, str]
) -> None:
    said = on_a_terminal(tmp_path, box, "acuity_runs", "nothing", status=2, **env)

    assert said == "There is no run nothing; acuity_runs lists them.\n"


def wide(columns: int, number: int) -> str:
    """The summary as a terminal of so many columns shows it, or a pipe (0)."""
    from rich.console import Console

    counts = Counts(*[number] * len(Counts.__struct_fields__))
    table = {"appointment_types": counts}
    result = Result("r", "t", "paused", False, table, {}, [], [], [], 1, 1, 0, 0.1, 0)
    out = Console(file=StringIO(), width=columns or 80, force_terminal=bool(columns), no_color=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(terminal, "console", lambda: out)
        terminal.summary(result)
    return str(out.file.getvalue())  # type: ignore[attr-defined]


@pytest.mark.parametrize("number", [0, 654_321])
def test_no_heading_and_no_number_of_the_summary_is_cut(number: int) -> None:
    for columns in (0, 60, 66, 72, 80, 100, 200):
        said = wide(columns, number)
        assert "…" not in said, said
        assert f"{number:,}" in said and "rejected" in said and "appointment_types" in said, said
        assert all(
            len(re.sub(r"\x1b\[[\d;]*m", "", line)) <= (columns or 200)
            for line in said.splitlines()
        )
    assert {"fetched", "restated", "unchanged"} <= set(wide(0, number).split())


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

    # Nothing but the bars' movement.
    assert not re.search(r"\x1b\[[\d;]*m", said)
    assert "━" in said and not re.search(r"\x1b\[[\d;]*3\d[;m]", said)
    # The sentence is wrapped between its words, none is cut.
    after = re.sub(r"\x1b\[[\d;]*\w", "", said)
    assert "…" not in after and not re.search(r"\b1 (requests|retries)", after)
    sentence = after[after.index("All 200") : after.index("requests,")]
    assert all(len(line) <= 60 for line in sentence.splitlines())
    assert "200 bookings that Acuity lists" in " ".join(sentence.split())
