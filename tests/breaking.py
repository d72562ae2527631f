"""Code broken on purpose, in memory, in a process of its own: does a test notice?"""

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

ROOT = Path(__file__).parent.parent
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
    import celery
    import django.contrib.admin
    import django.db.models
    import django.test
    import hypothesis
    import msgspec
    import phonenumbers
    import pytest
    import requests
    import rich.console  # noqa: F401


def in_child(
    code: Mapping[str, str | ast.Module], work: Callable[[], int], seconds: float
) -> tuple[int, str]:
    """Exit status of `work` in a fork that has this code instead, and what it printed."""
    with tempfile.TemporaryFile("w+") as out:
        pid = os.fork()
        if not pid:
            status = 70
            try:
                os.setsid()
                os.dup2(out.fileno(), 1)
                os.dup2(out.fileno(), 2)
                sys.meta_path.insert(0, Finder(code))
                status = int(work())
            except BaseException as error:
                print(f"{type(error).__name__}: {error}", file=sys.stderr)
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        status = _wait(pid, time.monotonic() + seconds)
        out.seek(0)
        return status, out.read()


def _wait(pid: int, until: float) -> int:
    while time.monotonic() < until:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return ENDLESS


def run_tests(*tests: str) -> Callable[[], int]:
    """For `in_child`: these tests until the first that fails, whatever their marks."""

    def work() -> int:
        import pytest

        options: list[Any] = ["-x", "-q", "--no-header", "--tb=line", "-p", "no:cacheprovider"]
        return int(pytest.main([*options, "-o", "addopts=-p tests.services", *tests]))

    return work
