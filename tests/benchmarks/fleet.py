"""Many small accounts over several addresses, one of which falls away: `make fleet`.

Eight workers go out by 127.0.0.2 to 127.0.0.9 against a server that limits each source address to
ten requests a second and counts what arrives. In the middle one of them is killed.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from statistics import mean
from typing import Any

from integrations.acuity.sandbox import make_account
from tests.benchmarks.__main__ import ROOT, Databases, manage
from tests.benchmarks.wall import BUDGET, Line, quiet
from tests.services import Redis


def worker(address: str, processes: int, folder: str) -> subprocess.Popen[bytes]:
    run = [sys.executable, "-m", "celery", "-A", "config", "worker", "-Q", "acuity", "-B"]
    log = open(f"{folder}/{address}.log", "wb")  # noqa: SIM115  (as long as the worker)
    return subprocess.Popen(
        [*run, "-s", f"{folder}/beat-{address}", "-c", str(processes), "-n", f"{address}@%h"],
        cwd=ROOT,
        env=os.environ | {"ACUITY_EGRESS": address, "ACUITY_STALL_SECONDS": "10"},
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


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


def wait(keys: list[Any], workers: list[subprocess.Popen[bytes]]) -> tuple[list[float], float]:
    """Seconds that each account took, and when the worker was killed."""
    from integrations.models import ImportRun

    killed = 0.0
    while left := ImportRun.objects.filter(pk__in=keys, finished_at=None).count():
        if not killed and left <= len(keys) * 0.6:
            os.killpg(workers[0].pid, signal.SIGKILL)
            killed = time.monotonic()
        time.sleep(0.5)
    over = ImportRun.objects.filter(pk__in=keys)
    unlike = {run.reason or run.status for run in over if run.status != "completed"}
    assert not unlike, unlike
    return [(r.finished_at - r.created_at).total_seconds() for r in over if r.finished_at], killed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=400)
    parser.add_argument("--addresses", type=int, default=8)
    parser.add_argument("--processes", type=int, default=3, help="of each worker")
    options = parser.parse_args()
    # Told to stop, it stops its workers first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
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
        try:
            time.sleep(10)
            taken, killed = wait(begin(box.base_url, options.accounts), workers)
        finally:
            for one in workers:
                if one.poll() is None:
                    os.killpg(one.pid, signal.SIGKILL)
                    one.wait()
            redis.stop()
    report(box, taken, killed, options.addresses)


def report(box: Line, taken: list[float], killed: float, addresses: int) -> None:
    times = sorted(at for at, _, _ in box.arrived)
    refused = sum(status == 429 for _, _, status in box.arrived)
    possible = BUDGET * (addresses * (killed - times[0]) + (addresses - 1) * (times[-1] - killed))
    print(
        f"{len(taken)} accounts, {addresses} addresses: {len(times):,} requests in"
        f" {times[-1] - times[0]:.0f} s, {(len(times) - refused) / possible:.1%} of what the addresses"
        f" could carry; {refused / len(times):.2%} × 429; longest {max(taken):.0f} s,"
        f" {max(taken) / mean(taken):.2f} × the mean; one worker killed after"
        f" {killed - times[0]:.0f} s, all accounts completed; load {os.getloadavg()[0]:.1f}"
    )


if __name__ == "__main__":
    main()
