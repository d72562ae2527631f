"""Do the Procfile's lines start where nothing is but what the image holds, and all at once?"""

import ast
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
from importlib.metadata import packages_distributions
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


SLOW_PAGE = """
import time
def app(environ, start):
    time.sleep(float(environ["QUERY_STRING"]))
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"all of it"]
"""


@pytest.mark.slow
def test_a_page_slower_than_the_time_out_is_not_cut(tmp_path: Path) -> None:
    """As with the 30 s that gunicorn has by itself, a thirtieth as long: its own kind of worker cuts."""
    (tmp_path / "slow.py").write_text(SLOW_PAGE)
    (tmp_path / "gunicorn.conf.py").write_text((ROOT / "gunicorn.conf.py").read_text())
    gunicorn, _, *rest = shlex.split(LINES["web"])
    line = [f"{Path(sys.executable).parent}/{gunicorn}", "slow:app", *rest, "--timeout", "1"]

    def whole(*options: str) -> list[bool]:
        port = free_port()
        env = untraced(os.environ) | {"PORT": str(port)}
        process = subprocess.Popen([*line, *options], cwd=tmp_path, env=env, stderr=-3)
        until, found = time.monotonic() + 60, list[bool]()
        try:
            for seconds in (0, 3):
                while True:
                    try:
                        url = f"http://127.0.0.1:{port}/?{seconds}"
                        found.append(requests.get(url, timeout=30).text == "all of it")
                        break
                    except requests.ConnectionError as error:
                        if "refused" not in str(error) or time.monotonic() > until:
                            found.append(False)
                            break
                        time.sleep(0.1)
        finally:
            process.terminate()
            process.wait(30)
        return found

    assert whole() == [True, True]
    assert whole("--worker-class", "sync", "--threads", "1") == [True, False]


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


def _imported(*folders: str) -> set[str]:
    """The distributions whose modules the code of these folders imports, anywhere."""
    owners = packages_distributions()
    names = set()
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module)
    tops = {name.partition(".")[0] for name in names} - {"bookings", "integrations", "config"}
    return {canonicalize_name(owner) for top in tops for owner in owners.get(top, ())}


@pytest.mark.long
def test_what_the_code_imports_is_declared_and_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    def names(requirements: list[str]) -> set[str]:
        return {canonicalize_name(Requirement(each).name) for each in requirements}

    hard, extras = names(project["dependencies"]), project["optional-dependencies"]
    optional = set().union(*(names(extras[name]) for name in extras.keys() - {"dev"}))
    installed = _imported("integrations", "bookings")

    assert installed <= hard | optional
    assert hard <= installed
    # The project's own settings name theirs as apps and middleware, the Procfile its servers.
    text = (ROOT / "config" / "settings.py").read_text() + (ROOT / "Procfile").read_text()
    named = {name for name in optional if name.removeprefix("django-").replace("-", "_") in text}
    # A database's driver is loaded by Django itself.
    assert optional - installed - _imported("config") - named == {"psycopg"}
