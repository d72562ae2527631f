"""Does an import outlast its database and its broker? Both are stopped in the middle of it.

`python -m tests.outages --database 8 8 8 8 90 --broker 3` stops PostgreSQL for so many seconds each,
and Redis so often, spread over one import by a real worker, beat and command. In the end the command
must say `completed`, and the rows must equal the source's.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.services import Postgres, Redis

ROOT = Path(__file__).resolve().parent.parent
CELERY = [sys.executable, "-m", "celery", "-A", "config"]
BROKER_SECONDS = 2.0
BETWEEN = 3.0


class Site:
    """A PostgreSQL, a Redis, and the processes that use them."""

    def __init__(self) -> None:
        self.postgres, self.redis = Postgres(), Redis().start()
        self.folder = Path(tempfile.mkdtemp(prefix="acuity-outages-"))
        self.env = {name: os.environ[name] for name in os.environ if name[:8] != "COVERAGE"} | {
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.redis.url,
            "ACUITY_REQUESTS_PER_SECOND": "0",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        self.processes: list[subprocess.Popen[str]] = []
        self.restarts = 0

    def django(self) -> None:
        """This process, too, uses the database."""
        os.environ.update(self.env)
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)

    def start(self, *args: str, **options: Any) -> subprocess.Popen[str]:
        log = (self.folder / "log").open("a")
        options = {"stdout": log, "stderr": log} | options
        process = subprocess.Popen(
            args, cwd=ROOT, env=self.env, text=True, start_new_session=True, **options
        )
        self.processes.append(process)
        return process

    def worker(self) -> subprocess.Popen[str]:
        self.working = self.start(*CELERY, "worker", "-Q", "acuity", "-c", "2", "-l", "WARNING")
        return self.working

    def supervise(self) -> None:
        """As systemd or a platform does: a worker that has ended is started anew."""
        if self.working.poll() is not None:
            self.restarts += 1
            self.worker()

    def beat(self) -> subprocess.Popen[str]:
        return self.start(*CELERY, "beat", "-s", str(self.folder / "beat"))

    def without_database(self, seconds: float) -> None:
        from django.db import connection

        connection.close()
        self.postgres.stop()
        time.sleep(seconds)
        self.postgres.start()

    def without_broker(self, seconds: float = BROKER_SECONDS) -> None:
        self.redis.stop()
        time.sleep(seconds)
        self.redis.start()

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, 9)
                process.wait()
        self.redis.stop()
        self.postgres.close()


def spread(outages: Sequence[Callable[[], None]], position: Callable[[], int]) -> None:
    """Each outage once the import has gone on since the one before."""
    for outage in outages:
        before, until = position(), time.monotonic() + 120
        while position() <= before:
            assert time.monotonic() < until, f"nothing moved since {before}"
            time.sleep(0.1)
        time.sleep(BETWEEN)
        outage()


def main(database: list[float], broker: int, appointments: int, latency: float) -> int:
    site = Site()
    site.django()
    from django.db.models import Sum

    from integrations.acuity.sandbox import make_account
    from integrations.models import CompletionEvent, ImportRun, ImportStep
    from tests.commands.test_commands import credentials
    from tests.conftest import source
    from tests.truth import stored, truth

    data = make_account(clients=60, appointments=appointments, months=6)
    outages = [lambda s=s: site.without_database(s) for s in database]
    for n in range(broker):
        outages.insert(2 * n, site.without_broker)
    began = time.monotonic()
    try:
        with source(data, latency=latency) as box:
            site.env |= credentials(box)
            beat, _ = site.beat(), site.worker()
            command = site.start(
                sys.executable,
                "manage.py",
                "acuity_import",
                "--json",
                "--page-limit=5",
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            while not ImportRun.objects.exists():
                assert command.poll() is None, command.communicate()
                time.sleep(0.2)

            def position() -> int:
                site.supervise()
                return ImportStep.objects.aggregate(n=Sum("version"))["n"] or 0

            spread(outages, position)
            over = command.poll() is not None
            while command.poll() is None and time.monotonic() - began < 900:
                site.supervise()
                time.sleep(0.5)
            out, err = command.communicate(timeout=1)
        result, run = json.loads(out), ImportRun.objects.get()
        assert "status" in result, err[-2000:]
        expected, found = truth(data), stored(run.account.tenant)
        figures = {
            "status": result["status"],
            "exit": command.returncode,
            "database": database,
            "broker": broker,
            "all_outages_met_it": not over,
            "wrong": [name for name in expected if expected[name] != found[name]],
            "events": CompletionEvent.objects.filter(run=run).count(),
            "said_lost": "lost its process" in err + site.log + run.reason,
            "beat_lives": beat.poll() is None,
            "worker_restarts": site.restarts,
            "seconds": round(time.monotonic() - began),
        }
    finally:
        sys.stderr.write(site.log[-3000:])
        site.close()
    print(figures)
    wanted = {"status": "completed", "exit": 0, "wrong": [], "events": 1, "said_lost": False}
    wanted |= {"all_outages_met_it": True, "beat_lives": True}
    return int(any(figures[name] != value for name, value in wanted.items()))


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--database", type=float, nargs="*", default=[8, 8, 8, 8, 90])
    options.add_argument("--broker", type=int, default=3)
    options.add_argument("--appointments", type=int, default=1200)
    options.add_argument("--latency", type=float, default=0.1)
    sys.exit(main(**vars(options.parse_args())))
