"""Whole processes against one sandbox, all in one run, as ratios: `make bench`.

Nobody's time is printed whose bookings, and the sum of their prices, are not the sandbox's.

python -m tests.benchmarks [--appointments 200000] [--curve 2000,20000,200000] [--dlt PYTHON]
"""

import argparse
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from base64 import b64encode
from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from json import loads
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import conninfo

from tests.services import postgres_url

ROOT = Path(__file__).resolve().parent.parent.parent
CLIENTS_PER_APPOINTMENT = 20_500 / 200_000
MONTHS = 31
# A larger account is one of the same business after a longer time.
APPOINTMENTS_PER_MONTH = 200_000 / MONTHS

TEMPLATE = re.compile(r"/(bench\d+)")


@dataclass
class Ran:
    seconds: float
    megabytes: float
    output: str
    # Processor time, in seconds: other processes, the database's too, are not in it.
    cpu: float = 0.0


def run(*command: str, **env: str) -> Ran:
    """Wall time and peak memory of a whole process. An import that was not compared exits with 1."""
    began = time.monotonic()
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout
    output = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    if os.waitstatus_to_exitcode(status) != ("--no-verify" in command):
        raise SystemExit(f"{' '.join(command)} failed:\n{output[-2000:]}")
    return Ran(seconds, used.ru_maxrss / 1024, output, used.ru_utime + used.ru_stime)


@contextmanager
def sandbox(appointments: int) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    clients = round(appointments * CLIENTS_PER_APPOINTMENT)
    months = max(MONTHS, round(appointments / APPOINTMENTS_PER_MONTH))
    process = subprocess.Popen(
        [
            sys.executable,
            "manage.py",
            "acuity_sandbox",
            "--rps",
            "0",
            "--port",
            str(port),
            "--clients",
            str(clients),
            "--appointments",
            str(appointments),
            "--months",
            str(months),
        ],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}/api/v1"
    try:
        while not _up(url):
            time.sleep(0.5)
        warm(url)
        yield url
    finally:
        process.kill()
        process.wait()


def months(url: str, forms: bool) -> Iterator[bytes]:
    """The sandbox's bookings, a month an answer."""
    login = {"Authorization": "Basic " + b64encode(b"10000001:sandbox-key").decode()}
    for year in range(2013, 2028):
        for month in range(1, 13):
            # The sandbox passes over a date that there is not, as the source does: all would come.
            last = monthrange(year, month)[1]
            query = f"minDate={year}-{month:02}-01&maxDate={year}-{month:02}-{last}&max=1000000"
            shape = "false" if forms else "true"
            asked = f"{url}/appointments?{query}&showall=true&excludeForms={shape}"
            with urllib.request.urlopen(urllib.request.Request(asked, headers=login)) as answer:
                yield answer.read()


def warm(url: str) -> None:
    """Let the sandbox make every answer once, so that nobody is measured waiting for it."""
    for forms in (True, False):
        for _ in months(url, forms):
            pass


class Sums(NamedTuple):
    """What a contestant has to have in the end."""

    bookings: int
    prices: Decimal

    @classmethod
    def of_sandbox(cls, url: str) -> "Sums":
        prices = {
            r["id"]: Decimal(r["price"]) for month in months(url, False) for r in loads(month)
        }
        return cls(len(prices), sum(prices.values(), Decimal(0)))

    @classmethod
    def stored(cls, database: str) -> "Sums":
        asked = "SELECT count(*), sum(price) FROM bookings_appointment"
        if database.startswith("sqlite:///"):
            with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as sqlite:
                return cls.said(*sqlite.execute(asked).fetchone())
        with psycopg.connect(database) as server:
            return cls.said(*server.execute(asked).fetchone() or (0, 0))

    @classmethod
    def said(cls, bookings: Any, prices: Any) -> "Sums":
        return cls(int(bookings), Decimal(str(prices or 0)).quantize(Decimal("0.01")))

    def same(self, other: "Sums", who: str) -> None:
        if self != other:
            raise SystemExit(f"{who} has {other}, the sandbox {self}: no time is worth that.")


def _up(url: str) -> bool:
    try:
        urllib.request.urlopen(f"{url}/meta")
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def manage(database: str, base_url: str, *args: str, program: Iterable[str] = ()) -> Ran:
    return run(
        sys.executable,
        *(program or ["manage.py"]),
        *args,
        DATABASE_URL=database,
        REDIS_URL="",
        ACUITY_REQUESTS_PER_SECOND="0",
        ACUITY_MAX_CONNECTIONS="0",
        ACUITY_BASE_URL=base_url,
        ACUITY_USER_ID="10000001",
        ACUITY_API_KEY="sandbox-key",
        ACUITY_LOG_LEVEL="ERROR",
    )


def ours(database: str, base_url: str, *args: str) -> Ran:
    return manage(
        database,
        base_url,
        "acuity_import",
        "--only",
        "clients,appointments",
        "--page-limit",
        "1000",
        "--json",
        *args,
    )


class Databases:
    """Fresh ones, as many as are asked for."""

    def __init__(self, folder: str) -> None:
        self.folder, self.made = Path(folder), 0
        self.server = postgres_url()

    def sqlite(self, like: str = "") -> str:
        self.made += 1
        path = f"{self.folder}/{self.made}.sqlite3"
        if like:
            shutil.copy(like.removeprefix("sqlite:///"), path)
        return f"sqlite:///{path}"

    def postgres(self, like: str = "") -> str:
        self.made += 1
        name = f"bench{self.made}"
        with psycopg.connect(self.server, autocommit=True) as server:
            template = f" TEMPLATE {TEMPLATE.findall(like)[0]}" if like else ""
            server.execute(f"CREATE DATABASE {name}{template}")
        facts = conninfo.conninfo_to_dict(self.server)
        if str(facts.get("host", "")).startswith("/"):
            return self.server.replace("/postgres?", f"/{name}?")
        return self.server.rsplit("/", 1)[0] + f"/{name}"


def line(name: str, ran: Ran, base: Ran | None = None) -> None:
    ratio = f"{base.seconds / ran.seconds:6.2f} ×" if base else ""
    print(f"  {name:<52}{ran.seconds:8.1f} s{ran.megabytes:8.0f} MB  {ratio}", flush=True)


def compare(databases: Databases, appointments: int, dlt: str) -> None:
    with sandbox(appointments) as url:
        truth = Sums.of_sandbox(url)
        for kind in ("sqlite", "postgres"):
            fresh = getattr(databases, kind)
            print(
                f"\n{appointments:,} appointments into {kind}; × = times as fast as the first line"
            )
            base = None
            if dlt:
                with tempfile.TemporaryDirectory() as pipelines:
                    # dlt insists on a host and a password; the socket in the query is what counts.
                    target = fresh().replace("postgres:@/", "postgres:none@localhost/")
                    base = run(dlt, "tests/benchmarks/dlt_pipeline.py", url, target, pipelines)
                truth.same(Sums.said(*base.output.split()[-3:-1]), "dlt")
                line("dlt, rest_api source", base)

            def migrated(fresh: Callable[[], str] = fresh) -> str:
                database = fresh()
                manage(database, url, "migrate", "-v0")
                return database

            database = migrated()
            straight = run(sys.executable, "-m", "tests.benchmarks.straight_line", url, database)
            truth.same(Sums.stored(database), "the straight line")
            line("straight line, no framework", straight, base)
            base = base or straight
            database = migrated()
            alone = ours(database, url, "--no-verify")
            truth.same(Sums.stored(database), "this importer")
            line("this importer, as the others: not compared", alone, base)
            database = migrated()
            first = ours(database, url)
            truth.same(Sums.stored(database), "this importer")
            line("this importer, compared with the source", first, base)
            again = ours(database, url)
            written = json.loads(again.output)["appointments"]
            line(f"  again, {written['created'] + written['updated']} rows written", again, base)
            print(f"  second import : first = {again.seconds / first.seconds:.2f}")


def curve(databases: Databases, sizes: list[int]) -> None:
    print("\nScaling, SQLite, compared with the source")
    before: tuple[int, float] | None = None
    for size in sizes:
        with sandbox(size) as url:
            ran = ours(databases.sqlite(), url)
        slope = (
            f", {(ran.seconds - before[1]) / (size - before[0]) * 1e6:.0f} µs each more"
            if before
            else ""
        )
        line(f"{size:,} appointments{slope}", ran)
        before = (size, ran.seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--appointments", type=int, default=200_000)
    parser.add_argument("--curve", default="2000,20000,200000,1000000")
    parser.add_argument("--dlt", default="", help="a Python that has dlt")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        databases = Databases(folder)
        if options.appointments:
            compare(databases, options.appointments, options.dlt)
        if options.curve:
            curve(databases, [int(size) for size in options.curve.split(",")])


if __name__ == "__main__":
    main()
