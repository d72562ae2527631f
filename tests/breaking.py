"""Code broken on purpose, in memory, in a process of its own: does a test notice?"""

import ast
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

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


def in_children(
    tasks: Sequence[tuple[Code, Work]], seconds: float, jobs: int = 2
) -> Iterator[tuple[int, int, str]]:
    """(number of the task, its exit status, what it printed), as they end: each in a fork of this
    process that has this code instead, so many of them at once."""
    waiting, running = list(enumerate(tasks)), list[Child]()
    while waiting or running:
        while waiting and len(running) < jobs:
            number, (code, work) = waiting.pop(0)
            running.append(Child(number, code, work, seconds))
        for child in [child for child in running if child.ended()]:
            running.remove(child)
            yield child.number, child.status, child.said()
        time.sleep(0.05)


class Child:
    """A process that works with other code. `status` is ENDLESS if it took too long."""

    def __init__(self, number: int, code: Code, work: Work, seconds: float) -> None:
        self.number, self.status = number, 0
        self._until = time.monotonic() + seconds
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
            sys.meta_path.insert(0, Finder(code))
            status = int(work())
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def ended(self) -> bool:
        ended, status = os.waitpid(self._pid, os.WNOHANG)
        if ended:
            self.status = os.waitstatus_to_exitcode(status)
            return True
        if time.monotonic() < self._until:
            return False
        os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        self.status = ENDLESS
        return True

    def said(self) -> str:
        with self._out:
            self._out.seek(0)
            return self._out.read()


def run_tests(*tests: str) -> Callable[[], int]:
    """For `in_children`: these tests until the first that fails, whatever their marks."""

    def work() -> int:
        import pytest

        os.environ |= {"DJANGO_SETTINGS_MODULE": "config.settings", "REDIS_URL": ""}
        os.environ.pop("DATABASE_URL", None)
        from django.conf import settings

        options: list[Any] = ["-x", "-q", "--no-header", "--tb=line", "-p", "no:cacheprovider"]
        with tempfile.TemporaryDirectory(prefix="broken-") as folder:
            # Others work beside this one, each with a database of its own.
            settings.DATABASES["default"]["TEST"] = {"NAME": f"{folder}/test.sqlite3"}
            return int(pytest.main([*options, "-o", "addopts=-p tests.services", *tests]))

    return work
