"""Code broken on purpose, in memory, in a process of its own: does a test notice?"""

import ast
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import math
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
THIRD_PARTIES = (
    "celery",
    "django.contrib.admin",
    "django.test",
    "msgspec",
    "phonenumbers",
    "pytest",
    "requests",
    "rich.console",
)
# Whatever is told of a process that took too long.
ENDLESS = -1


@dataclass(frozen=True)
class Breaking:
    """One place of a module's text, and what stands there instead."""

    what: str
    module: str
    old: str
    new: str

    @property
    def broken(self) -> str:
        """The module's text, broken. Raises ValueError where it has changed meanwhile."""
        text = source_of(self.module).read_text()
        if text.count(self.old) != 1:
            raise ValueError(f"{self.module} no longer has this once: {self.old!r}")
        return text.replace(self.old, self.new)


def source_of(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


class Loader(importlib.machinery.SourceFileLoader):
    """Loads its module from what stands in memory."""

    code: str | ast.Module = ""

    def get_code(self, fullname: str) -> CodeType:
        code: CodeType = compile(self.code, self.path, "exec")
        return code


class Finder(importlib.abc.MetaPathFinder):
    def __init__(self, code: Mapping[str, str | ast.Module]) -> None:
        self.code = code

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in self.code:
            return None
        where = str(source_of(name))
        loader = Loader(name, where)
        loader.code = self.code[name]
        return importlib.util.spec_from_file_location(name, where, loader=loader)


def preload() -> None:
    """What no breaking touches is imported once, before the processes part."""
    for name in THIRD_PARTIES:
        importlib.import_module(name)


Code = Mapping[str, str | ast.Module]
Work = Callable[[], int]


class Ended(NamedTuple):
    """What became of a task: its exit status, what it printed, and the seconds it took of the clock
    and of the processor."""

    number: int
    status: int
    said: str
    seconds: float
    processor: float


class Limit(NamedTuple):
    """Seconds of the clock, and of the processor: those stay the same when the machine is busy."""

    seconds: float
    processor: float = math.inf


def in_children(tasks: Sequence[tuple[Code, Work, Limit]], jobs: int = 2) -> Iterator[Ended]:
    """The tasks as they end: each in a fork of this process that has this code instead, so many of
    them at once."""
    waiting, running = list(enumerate(tasks)), list[Child]()
    while waiting or running:
        while waiting and len(running) < jobs:
            number, (code, work, limit) = waiting.pop(0)
            running.append(Child(number, code, work, limit))
        for child in list(running):
            if ended := child.ended():
                running.remove(child)
                yield ended
        time.sleep(0.05)


class Child:
    """A process that works with other code. Its status is ENDLESS if it took too long."""

    def __init__(self, number: int, code: Code, work: Work, limit: Limit) -> None:
        self._number, self._limit, self._began = number, limit, time.monotonic()
        self._out = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115
        self._pid = os.fork()
        if not self._pid:
            self._work(code, work)

    def _work(self, code: Code, work: Work) -> None:
        status = 70
        try:
            os.setsid()
            os.dup2(self._out.fileno(), 1)
            os.dup2(self._out.fileno(), 2)
            if self._limit.processor < math.inf:
                most = math.ceil(self._limit.processor)
                resource.setrlimit(resource.RLIMIT_CPU, (most, most))
            sys.meta_path.insert(0, Finder(code))
            status = int(work())
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def ended(self) -> Ended | None:
        """None while it works."""
        seconds = time.monotonic() - self._began
        pid, status, used = os.wait4(self._pid, os.WNOHANG)
        code = os.waitstatus_to_exitcode(status)
        if not pid:
            if seconds < self._limit.seconds:
                return None
            os.killpg(self._pid, signal.SIGKILL)
            _, _, used = os.wait4(self._pid, 0)
            code = ENDLESS
        with self._out:
            self._out.seek(0)
            said = self._out.read()
        return Ended(self._number, code, said, seconds, used.ru_utime + used.ru_stime)


# These need neither a database nor settings, and begin four times as fast without.
ALONE = ("--noconftest", "-p", "no:django", "-o", "addopts=")


def run_tests(*tests: str) -> Callable[[], int]:
    """For `in_children`: these tests until the first that fails, whatever their marks. With `ALONE`
    before them they have no Django."""
    options: list[Any] = ["-x", "-q", "--no-header", "--tb=line", "-p", "no:cacheprovider"]

    def work() -> int:
        import pytest

        if tests[: len(ALONE)] == ALONE:
            return int(pytest.main([*options, *tests]))
        os.environ |= {"DJANGO_SETTINGS_MODULE": "config.settings", "REDIS_URL": ""}
        os.environ.pop("DATABASE_URL", None)
        from django.conf import settings

        with tempfile.TemporaryDirectory(prefix="broken-") as folder:
            # Others work beside this one, each with a database of its own.
            settings.DATABASES["default"]["TEST"] = {"NAME": f"{folder}/test.sqlite3"}
            return int(pytest.main([*options, "-o", "addopts=-p tests.services", *tests]))

    return work
