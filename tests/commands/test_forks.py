"""Does a command that is forked do what one in an interpreter of its own does?"""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import forks
from tests.commands.test_commands import environment, untraced

pytestmark = pytest.mark.slow
CODE = ("shell", "--no-imports", "-c")
BEGUN = """
import os, signal, sys, threading
print(sys.argv, sys.path, sys.flags, os.getcwd(), os.umask(0), threading.active_count())
print(sys.stdin.read(), [file.isatty() for file in (sys.stdin, sys.stdout, sys.stderr)])
print(sorted(os.environ.items()), sorted(os.listdir("/proc/self/fd")))
print([str(signal.getsignal(number)) for number in sorted(signal.valid_signals())])
"""
LAST_WORDS = "import atexit; atexit.register(print, 'bye'); print('ä\\r\\nb', flush=True); 1 / 0"
THREAD = "import threading; threading.Timer(0.3, print, ['late']).start()"
KILLED = "import os; print('lost'); os.write(1, b'kept'); os.kill(os.getpid(), 9)"
ENDS = {
    "well": ("acuity_runs", "--json"),
    "with a refusal": ("acuity_runs", "nothing", "--json"),
    "with Django's refusal": ("no_such_command",),
    "with a status": (*CODE, "print('said'); raise SystemExit(7)"),
    "with last words": (*CODE, LAST_WORDS),
    "with its thread": (*CODE, THREAD),
    "killed": (*CODE, KILLED),
    "interrupted": (*CODE, "import os, signal; os.kill(os.getpid(), signal.SIGINT)"),
    "as it began": (*CODE, BEGUN),
}


@pytest.mark.parametrize("args", ENDS.values(), ids=ENDS)
def test_it_prints_and_ends_alike(tmp_path: Path, args: tuple[str, ...]) -> None:
    env = untraced(environment(tmp_path, TZ="Asia/Tokyo", ACUITY_PAGE_LIMIT="7"))

    forked, real = forks.run(args, env), forks.really(args, env)

    assert (forked.returncode, forked.stdout) == (real.returncode, real.stdout)
    if "Traceback" in real.stderr:
        assert forked.stderr.splitlines()[-1] == real.stderr.splitlines()[-1]
    else:
        assert forked.stderr == real.stderr


def test_one_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    code = "import os, time; os.write(1, str(os.getpid()).encode()); time.sleep(60)"
    args = (*CODE, code)

    with pytest.raises(subprocess.TimeoutExpired) as late:
        forks.run(args, untraced(environment(tmp_path)), timeout=5)

    with pytest.raises(ProcessLookupError):
        os.kill(int(late.value.output), 0)


def test_many_at_once_are_each_its_own(tmp_path: Path) -> None:
    env = untraced(environment(tmp_path))
    code = "import os, random, uuid; print(os.environ['WHICH'], random.random(), uuid.uuid4())"

    with ThreadPoolExecutor(4) as pool:
        said = [
            done.stdout.split()
            for done in pool.map(
                lambda n: forks.run((*CODE, code), env | {"WHICH": str(n)}), range(4)
            )
        ]

    assert [which for which, *_ in said] == ["0", "1", "2", "3"]
    assert len({number for _, *numbers in said for number in numbers}) == 8


@pytest.mark.parametrize("name", ["PYTHONUTF8", "LC_ALL", "COVERAGE_PROCESS_START"])
def test_what_acts_at_a_start_gets_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    begun: list[tuple[str, ...]] = []
    monkeypatch.setattr(forks, "really", lambda args, *_: begun.append(args))

    forks.run(("check",), untraced(environment(tmp_path)) | {name: "x"})

    assert begun == [("check",)]
