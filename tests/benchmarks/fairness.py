"""50 small tenants beside a large one, and alone, on two workers: `python -m tests.benchmarks.fairness`."""

import os
import statistics
import subprocess
import sys
import tempfile
import time

from tests.benchmarks.__main__ import ROOT, Databases, manage, sandbox
from tests.services import Redis

SMALL, LARGE, TENANTS = 200, 200_000, 50


def main() -> None:
    redis = Redis().start()
    with tempfile.TemporaryDirectory() as folder, sandbox(SMALL) as small, sandbox(LARGE) as large:
        database = Databases(folder).postgres()
        manage(database, small, "migrate", "-v0")
        os.environ |= {
            "DATABASE_URL": database,
            "REDIS_URL": redis.url,
            "ACUITY_REQUESTS_PER_SECOND": "0",
            "ACUITY_MAX_CONNECTIONS": "0",
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "ACUITY_LOG_LEVEL": "ERROR",
        }
        workers = [
            subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "celery",
                    "-A",
                    "config",
                    "worker",
                    "-Q",
                    "acuity",
                    "-c",
                    "1",
                ],
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for _ in range(2)
        ]
        try:
            measure(small, large)
        finally:
            for worker in workers:
                worker.kill()
            redis.stop()


def measure(small: str, large: str) -> None:
    import django

    django.setup()
    from bookings.models import Tenant
    from integrations.acuity.runs import control
    from integrations.acuity.runs.options import Options
    from integrations.models import AcuityAccount, ImportRun

    def begin(url: str, name: str) -> ImportRun:
        account = AcuityAccount.objects.create(
            tenant=Tenant.objects.create(name=name),
            user_id="10000001",
            api_key="sandbox-key",
            base_url=url,
        )
        return control.start(account, Options(only=("clients", "appointments")))

    def wait(begun: list[ImportRun]) -> list[float]:
        keys = [run.pk for run in begun]
        while ImportRun.objects.filter(pk__in=keys, finished_at=None).exists():
            time.sleep(0.2)
        over = list(ImportRun.objects.filter(pk__in=keys))
        assert {run.status for run in over} == {"completed"}, {run.reason for run in over}
        return sorted(
            (run.finished_at - run.created_at).total_seconds() for run in over if run.finished_at
        )

    wait([begin(small, "warm")])
    alone = wait([begin(small, f"alone {n}") for n in range(TENANTS)])
    big = begin(large, "large")
    time.sleep(5)
    beside = wait([begin(small, f"beside {n}") for n in range(TENANTS)])
    big.refresh_from_db()
    still = "was still going on" if big.finished_at is None else "was over"
    (whole,) = wait([big])
    print(f"{'':<24}{'median':>10}{'longest':>10}")
    for name, taken in (("50 small ones alone", alone), ("beside a large one", beside)):
        print(f"{name:<24}{statistics.median(taken):>8.1f} s{taken[-1]:>8.1f} s")
    ratios = [b / a for a, b in zip(alone, beside, strict=True)]
    print(
        f"each to each: {min(ratios):.2f} to {max(ratios):.2f} ×; the large one, {whole:.1f} s, {still}"
    )


if __name__ == "__main__":
    main()
