"""Many small accounts over several addresses, one of which falls away: `make fleet`.

Eight workers go out by 127.0.0.2 to 127.0.0.9 against a server that limits each source address to
ten requests a second and counts what arrives. In the middle one of them is killed.

Beside the share stands who spent how much processor time on a request, because a machine that has
none to spare measures itself.
"""

import argparse
import contextlib
import gc
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean
from typing import Any

import psycopg

from integrations.acuity.sandbox import make_account
from tests.benchmarks.__main__ import ROOT, Databases, manage
from tests.benchmarks.wall import BUDGET, Line, quiet
from tests.services import Redis


def celery(folder: str, name: str, *args: str, **env: str) -> subprocess.Popen[bytes]:
    log = open(f"{folder}/{name}.log", "wb")  # noqa: SIM115  (as long as the process)
    return subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "config", *args],
        cwd=ROOT,
        env=os.environ | env,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def worker(address: str, processes: int, folder: str) -> subprocess.Popen[bytes]:
    name = f"{address}@fleet"
    args = ("worker", "-Q", "acuity", "-c", str(processes), "--without-gossip", "-n", name)
    return celery(folder, address, *args, ACUITY_EGRESS=address, ACUITY_STALL_SECONDS="10")


def ready(names: list[str]) -> None:
    """Wait until each worker answers: what it takes to start them is not what is measured."""
    from config.celery import app

    missing = {f"{name}@fleet" for name in names}
    while missing:
        for said in app.control.ping(list(missing), timeout=1):
            missing -= set(said)


def begin(url: str, accounts: int) -> list[Any]:
    from bookings.models import Tenant
    from integrations.acuity.runs import control
    from integrations.models import AcuityAccount

    made = [
        AcuityAccount.objects.create(
            tenant=Tenant.objects.create(name=f"Studio {n}"),
            user_id="10000001",
            api_key="sandbox-key",
            base_url=url,
        )
        for n in range(accounts)
    ]
    return [control.start(account).pk for account in made]


def spent(roots: list[int]) -> float:
    """Processor seconds of these processes and all that they began, those that have ended too."""
    used, children = dict[int, int](), dict[int, list[int]]()
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            facts = file.read_text().rpartition(")")[2].split()
            children.setdefault(int(facts[1]), []).append(int(file.parent.name))
            used[int(file.parent.name)] = sum(map(int, facts[11:15]))

    def of(process: int) -> int:
        return used.get(process, 0) + sum(map(of, children.get(process, [])))

    return sum(map(of, roots)) / os.sysconf("SC_CLK_TCK")


class Meter:
    """Who has spent how many processor seconds since it was made."""

    def __init__(self, **who: list[int]) -> None:
        self.who = who
        self.before = self._now()
        # The seconds of a worker that is killed are those before that.
        self.lost = 0.0

    def _now(self) -> dict[str, float]:
        own = os.times()
        return {"server": own.user + own.system} | {k: spent(v) for k, v in self.who.items()}

    def loses(self, worker: int) -> None:
        self.lost += spent([worker])

    def each(self, requests: int) -> str:
        now = self._now()
        now["workers"] += self.lost
        ms = {k: (now[k] - before) / requests * 1000 for k, before in self.before.items()}
        return f"{sum(ms.values()):.0f} ms ({', '.join(f'{k} {v:.1f}' for k, v in ms.items())})"


def wait(keys: list[Any], workers: list[subprocess.Popen[bytes]], meter: Meter) -> Any:
    """Seconds that each account took, and when the worker was killed: in the middle."""
    from integrations.models import ImportRun, ImportStep

    killed = 0.0
    # All accounts get on at the same pace: the middle is where half of them have their payments.
    middle = ImportStep.objects.filter(run__in=keys, resource="payments", status="done")
    while ImportRun.objects.filter(pk__in=keys, finished_at=None).exists():
        if not killed and middle.count() >= len(keys) / 2:
            meter.loses(workers[0].pid)
            os.killpg(workers[0].pid, signal.SIGKILL)
            workers[0].wait()
            killed = time.monotonic()
        time.sleep(1)
    over = ImportRun.objects.filter(pk__in=keys)
    unlike = {run.reason or run.status for run in over if run.status != "completed"}
    assert not unlike, unlike
    return [(r.finished_at - r.created_at).total_seconds() for r in over if r.finished_at], killed


def postmaster(database: str) -> list[int]:
    """The process of the database's server, where that is on this machine."""
    with psycopg.connect(database) as server:
        ((folder,),) = server.execute("SHOW data_directory").fetchall()
    pid = Path(folder, "postmaster.pid")
    return [int(pid.read_text().split()[0])] if pid.exists() else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=400)
    parser.add_argument("--addresses", type=int, default=8)
    parser.add_argument("--processes", type=int, default=3, help="of each worker")
    options = parser.parse_args()
    # Told to stop, it stops its workers first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    # As in `make wall`: a search for reference cycles would hold answers back.
    gc.disable()
    redis = Redis().start()
    data = make_account(clients=20, appointments=60, months=3)
    with tempfile.TemporaryDirectory() as folder, Line(data, quiet) as box:
        box.options.max_connections = 0
        database = Databases(folder).postgres()
        manage(database, box.base_url, "migrate", "-v0")
        os.environ |= {
            "DATABASE_URL": database,
            "REDIS_URL": redis.url,
            "ACUITY_REQUESTS_PER_SECOND": str(BUDGET),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "ACUITY_LOG_LEVEL": "ERROR",
        }
        import django

        django.setup()
        names = [f"127.0.0.{n + 2}" for n in range(options.addresses)]
        workers = [worker(name, options.processes, folder) for name in names]
        beat = celery(folder, "beat", "beat")
        try:
            ready(names)
            assert redis.process
            meter = Meter(
                workers=[one.pid for one in workers],
                redis=[redis.process.pid],
                database=postmaster(database),
            )
            taken, killed = wait(begin(box.base_url, options.accounts), workers, meter)
            print(report(box, taken, killed, options.addresses, meter), flush=True)
        finally:
            for one in (*workers, beat):
                if one.poll() is None:
                    os.killpg(one.pid, signal.SIGKILL)
                    one.wait()
            redis.stop()


def report(box: Line, taken: list[float], killed: float, addresses: int, meter: Meter) -> str:
    times = sorted(at for at, _, _ in box.arrived)
    refused = sum(status == 429 for _, _, status in box.arrived)
    possible = BUDGET * (addresses * (killed - times[0]) + (addresses - 1) * (times[-1] - killed))
    return (
        f"{len(taken)} accounts, {addresses} addresses: {len(times):,} requests in"
        f" {times[-1] - times[0]:.0f} s, {(len(times) - refused) / possible:.1%} of what the addresses"
        f" could carry; {refused / len(times):.2%} × 429; longest {max(taken):.0f} s,"
        f" {max(taken) / mean(taken):.2f} × the mean; one worker killed after"
        f" {killed - times[0]:.0f} s, all accounts completed\n"
        f"processor time a request: {meter.each(len(times))};"
        f" {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
