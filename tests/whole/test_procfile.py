"""Do the Procfile's lines start where nothing is but what the image holds, and all at once?"""

import json
import os
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from celery import Celery
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.commands.test_commands import ROOT, untraced
from tests.services import free_port
from tests.web.test_deployment import PRODUCTION

LINES = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
DOCKERFILE = (ROOT / "Dockerfile").read_text()
LOGIN = ("watcher", "secret")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """What the Dockerfile copies, and an empty var/."""
    folder = tmp_path / "app"
    folder.mkdir()
    for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.M):
        *sources, _ = line.split()
        for source in sources:
            tracked = subprocess.run(
                ["git", "ls-files", "-z", source], cwd=ROOT, capture_output=True, check=True
            )
            names = [name for name in tracked.stdout.decode().split("\0") if name]
            assert names, f"{source} is not in the repository"
            for name in names:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
    (folder / "var").mkdir()
    return folder


def test_the_image_and_compose_run_the_procfiles_lines() -> None:
    compose = (ROOT / "compose.yaml").read_text()
    commands = dict(re.findall(r"^  (\w+):\n    <<: \*app\n    command: (.*)$", compose, re.M))

    assert json.loads(DOCKERFILE.rsplit("CMD ", 1)[1]) == shlex.split(LINES["web"])
    assert set(commands) == {"release", "web", "worker", "beat"}
    assert commands.pop("release") == f'sh -c "{LINES["release"]}"'
    assert commands == {name: LINES[name] for name in commands}


@pytest.mark.slow
def test_each_line_of_the_procfile_starts_on_a_fresh_checkout(image: Path, redis_url: str) -> None:
    port, flower = free_port(), free_port()
    env = untraced(os.environ) | PRODUCTION
    env |= {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "REDIS_URL": redis_url,
        "DATABASE_URL": f"sqlite:///{image}/var/db.sqlite3",
        "PORT": str(port),
        "FLOWER_LOGIN": ":".join(LOGIN),
    }
    release = subprocess.run(
        ["sh", "-c", LINES["release"]], cwd=image, env=env, capture_output=True, text=True
    )
    assert release.returncode == 0, release.stderr
    log = (image / "log").open("w")
    processes = {
        name: subprocess.Popen(
            ["sh", "-c", line.replace("--port=5555", f"--port={flower}")],
            cwd=image,
            env=env,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        for name, line in LINES.items()
        if name != "release"
    }
    broker = Celery(broker=redis_url, set_as_current=False)

    def schedule() -> int:
        with sqlite3.connect(image / "var" / "db.sqlite3") as rows:
            found = rows.execute("SELECT count(*) FROM django_celery_beat_periodictask")
            return int(found.fetchone()[0])

    def status(url: str, auth: tuple[str, str] | None = None) -> int:
        try:
            return requests.get(url, auth=auth, timeout=20).status_code
        except requests.ConnectionError:
            return 0

    works: dict[str, Callable[[], bool]] = {
        "web": lambda: status(f"http://127.0.0.1:{port}/healthz") == 200,
        "worker": lambda: len(broker.control.ping(timeout=2) or []) == 1,
        "beat": lambda: schedule() >= 5,
        "flower": lambda: status(f"http://127.0.0.1:{flower}/tasks", LOGIN) == 200,
    }
    try:
        for name, work in works.items():
            until = time.monotonic() + 120
            while not work():
                assert processes[name].poll() is None, (
                    f"{name} ended\n{(image / 'log').read_text()}"
                )
                assert time.monotonic() < until, f"{name}\n{(image / 'log').read_text()}"
                time.sleep(0.2)
        assert status(f"http://127.0.0.1:{flower}/tasks") == 401
        assert [name for name, process in processes.items() if process.poll() is not None] == []
    finally:
        for process in processes.values():
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_the_lock_has_what_production_requires() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = list(project["dependencies"])
    for extra in ("server", "unfold", "redis", "postgres"):
        wanted += extras[extra]
    pinned = {
        canonicalize_name(name): version
        for name, version in re.findall(
            r"^([\w.-]+)(?:\[\w+\])?==(\S+)", (ROOT / "requirements.txt").read_text(), re.M
        )
    }

    for requirement in map(Requirement, wanted):
        version = pinned.get(canonicalize_name(requirement.name), "0")
        assert version in requirement.specifier, f"{requirement}: `make lock` writes it"
