"""Commands from a process that has the libraries loaded, which is most of what a start takes.

`python -m tests.forks FD` forks for each command that comes over the socket FD. Nothing of the
project's own is loaded before, nor a setting read: each command does that in its own environment.
"""

import atexit
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
LIBRARIES = """
    celery.app.amqp celery.app.control celery.app.events celery.app.log celery.bin.celery
    celery.contrib.testing.worker celery.fixups.django celery.loaders.app celery.schedules
    celery.worker.worker cron_descriptor crontab cryptography.fernet csp.constants
    django.contrib.postgres.fields django.core.cache django.core.management.commands.migrate
    django.db.backends.sqlite3.base django.forms django.template.backends.django django.urls
    django.views.generic environ kombu.transport.memory kombu.transport.redis msgspec phonenumbers
    requests rich.progress rich.table xxhash
"""
OURS = {"config", "integrations", "bookings"}
# What comes over the socket in one piece.
LARGEST = 1 << 16
# What acts at an interpreter's start and not later.
AT_START = ("PYTHON", "LANG", "LC_", "LD_", "MALLOC_", "OPENSSL_")


def run(
    args: tuple[str, ...], env: Mapping[str, str], timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """`manage.py` with these arguments: its exit status, what it printed, and what it complained of.

    Raises `subprocess.TimeoutExpired`, with the process killed.
    """
    said = json.dumps({"args": args, "env": dict(env)}).encode()
    measured = any(name.startswith("COVERAGE_") for name in env)
    if measured or at_start(env) != at_start(os.environ) or len(said) > LARGEST:
        return really(args, env, timeout)
    ours, theirs = socket.socketpair()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err, ours:
        with theirs:
            files = [file.fileno() for file in (out, err, theirs)]
            socket.send_fds(SERVER.line(), [said], files)
        ours.settimeout(timeout)
        with ours.makefile() as answer:
            pid = int(answer.readline())
            try:
                status = int(answer.readline())
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                ours.settimeout(None)
                ours.recv(1)  # it is gone
                raise subprocess.TimeoutExpired(args, timeout, _all(out), _all(err)) from None
        return subprocess.CompletedProcess(args, status, _all(out), _all(err))


def really(
    args: tuple[str, ...], env: Mapping[str, str], timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """The same in an interpreter of its own."""
    return subprocess.run(
        [sys.executable, "manage.py", *args],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def at_start(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(AT_START)}


def _all(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


class Server:
    """One for this process, from the first command on; it ends when this one does, and its end of
    the socket is closed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._line: socket.socket | None = None

    def line(self) -> socket.socket:
        with self._lock:
            if self._line is None:
                self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                with theirs:
                    # A library that wanted settings would say that there are none.
                    env = {**os.environ}
                    env.pop("DJANGO_SETTINGS_MODULE", None)
                    self._process = subprocess.Popen(
                        [sys.executable, "-m", "tests.forks", str(theirs.fileno())],
                        cwd=ROOT,
                        env=env,
                        pass_fds=[theirs.fileno()],
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL,
                    )
                atexit.register(self._end)
            return self._line

    def _end(self) -> None:
        if self._line:
            self._line.close()
        self._process.wait()


SERVER = Server()


def serve(line: socket.socket) -> list[str]:
    """Returns in the process of each command, with its arguments; with none at the end."""
    while True:
        said = b""
        with suppress(KeyboardInterrupt):
            said, fds, *_ = socket.recv_fds(line, LARGEST, 3)
        # Whoever asks what the tests cost is told of every command.
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG if said else 0)[0]:
                pass
        if not said:
            return []
        if not os.fork():
            line.close()
            return _one(json.loads(said), *fds)
        for fd in fds:
            os.close(fd)


def _one(said: dict[str, dict[str, str]], out: int, err: int, answer: int) -> list[str]:
    """The command's own process, and beside it one that tells how it ended."""
    if child := os.fork():
        with suppress(BaseException):
            os.write(answer, f"{child}\n".encode())
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            os.write(answer, f"{status}\n".encode())
        os._exit(0)
    os.close(answer)
    for fd, std in ((out, 1), (err, 2)):
        os.dup2(fd, std)
        os.close(fd)
    os.environ.clear()
    os.environ.update(said["env"])
    time.tzset()
    tempfile.tempdir = None
    return ["manage.py", *said["args"]]


if __name__ == "__main__":
    for name in LIBRARIES.split():
        import_module(name)
    loaded = OURS & {name.partition(".")[0] for name in sys.modules}
    assert not loaded, loaded
    gc.freeze()
    if command := serve(socket.socket(fileno=int(sys.argv[1]))):
        sys.argv = command
        runpy.run_path("manage.py", run_name="__main__")
