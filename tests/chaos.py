"""Does an import survive everything at once? Workers and Redis are killed while the source changes.

`python -m tests.chaos SEEDS` runs that many small accounts through three real workers over a real
Redis and PostgreSQL. 5 % of the answers are faults; every few seconds a worker or Redis is killed
with SIGKILL. In the end every account's rows must equal its source.
"""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.services import Redis, postgres_url

ROOT = Path(__file__).resolve().parent.parent
WORKERS = 3
AT_ONCE = 8
KILL_EVERY = (0.8, 2.5)
SEED_SECONDS = 150


@dataclass
class Fleet:
    """Three workers and a Redis that may lose their lives."""

    redis: Redis
    env: dict[str, str]
    rng: random.Random
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    kills: dict[str, int] = field(default_factory=lambda: {"worker": 0, "redis": 0})

    def start(self) -> None:
        self.workers = [self.spawn() for _ in range(WORKERS)]

    def spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "config", "worker", "-Q", "acuity", "-c", "1"],
            cwd=ROOT,
            env=self.env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def kill_one(self) -> None:
        if self.rng.random() < 0.25:
            self.kills["redis"] += 1
            self.redis.stop()
            time.sleep(self.rng.uniform(0.1, 1.0))
            self.redis.start()
            return
        self.kills["worker"] += 1
        n = self.rng.randrange(WORKERS)
        # The parent alone, or the whole machine as it were.
        if self.rng.random() < 0.5:
            self.workers[n].kill()
        else:
            os.killpg(self.workers[n].pid, signal.SIGKILL)
        self.workers[n].wait()
        self.workers[n] = self.spawn()

    def stop(self) -> None:
        for worker in self.workers:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait()
        self.redis.stop()


class Subject:
    """One seed: an account that changes while it is imported."""

    def __init__(self, seed: int) -> None:
        from integrations.acuity.accounts import find
        from integrations.acuity.runs import control
        from integrations.acuity.runs.options import Options
        from integrations.acuity.sandbox import Sandbox, SandboxOptions, make_account

        self.seed, self.rng, self.frozen = seed, random.Random(seed), False
        self.data = make_account(seed=seed, clients=12, appointments=40, months=3)
        self.box = Sandbox(
            self.data,
            SandboxOptions(
                faults=0.05,
                fault_seed=seed,
                retry_after=0.05,
                shuffle_ties=True,
                latency=0.005,
                fault_kinds=("500", "502", "429", "cut", "reset"),
            ),
        ).start()
        self.box.hook = self.change
        account = find.ensure(f"chaos-{seed}", "sandbox-key", self.box.base_url)
        self.box.options.user_id = account.user_id
        self.run = control.start(account, Options(page_limit=10))
        self.until = time.monotonic() + SEED_SECONDS

    def change(self, path: str, query: dict[str, str]) -> None:
        """Bookings are made, moved, canceled and paid until verification has begun to list."""
        self.frozen = self.frozen or "excludeForms" in query
        read = path == "/appointments" or path.endswith("/payments")
        if self.frozen or not read or self.rng.random() > 0.1:
            return
        ids = list(self.data.bookings)
        number = self.rng.choice(ids)
        at = self.data.starts[number] + timedelta(days=self.rng.randint(-20, 20), minutes=5)
        kind = self.rng.randrange(4)
        if kind == 0:
            self.data.add_appointment(at.replace(tzinfo=None))
        elif kind == 1:
            self.data.move(number, at.replace(tzinfo=None))
        elif kind == 2:
            self.data.cancel(number)
        else:
            cash = {"created": "2026-02-01T10:00:00-0500", "processor": "cash", "transactionID": ""}
            rows = [cash | {"amount": "7.00"}] * 2
            self.data.edit(number, paid="yes", amountPaid="14.00", payments=rows)

    def over(self) -> bool:
        from integrations.acuity.runs import states

        self.run.refresh_from_db()
        return self.run.status in states.FINAL or time.monotonic() > self.until

    def judge(self) -> str:
        """Empty if all is well, else what is not."""
        from integrations.models import CompletionEvent
        from tests.truth import stored, truth

        self.box.stop()
        if self.run.status != "completed":
            stands = {step.resource: step.cursor for step in self.run.steps.exclude(status="done")}
            return f"{self.run.status} {self.run.reason} {self.run.gaps} {stands}"
        expected, found = truth(self.data), stored(self.run.account.tenant)
        wrong = [name for name in expected if expected[name] != found[name]]
        if wrong:
            return f"differs in {', '.join(wrong)}"
        events = CompletionEvent.objects.filter(run=self.run).count()
        return "" if events == 1 else f"{events} completion events"


def sweep(stop: threading.Event) -> None:
    """What beat does, once a second."""
    from django.db import connection

    from integrations.acuity.runs import stalls

    while not stop.wait(1.0):
        stalls.resume_stalled()
    connection.close()


def chaos(seeds: range, redis: Redis) -> dict[str, Any]:
    """Figures of a chaos run; `wrong` is empty if every seed ended well."""
    fleet = Fleet(redis, dict(os.environ), random.Random(seeds.start))
    fleet.start()
    stop = threading.Event()
    sweeper = threading.Thread(target=sweep, args=(stop,))
    sweeper.start()
    began, wrong, done = time.monotonic(), {}, 0
    waiting, busy = list(reversed(seeds)), []
    next_kill = began + 3
    while waiting or busy:
        while waiting and len(busy) < AT_ONCE:
            busy.append(Subject(waiting.pop()))
        if time.monotonic() > next_kill:
            fleet.kill_one()
            next_kill = time.monotonic() + fleet.rng.uniform(*KILL_EVERY)
        for subject in [one for one in busy if one.over()]:
            busy.remove(subject)
            done += 1
            if verdict := subject.judge():
                wrong[subject.seed] = verdict
                print(f"seed {subject.seed}: {verdict}", flush=True)
        time.sleep(0.1)
    stop.set()
    sweeper.join()
    fleet.stop()
    return {
        "seeds": done,
        "wrong": wrong,
        "seconds": round(time.monotonic() - began),
        **fleet.kills,
    }


def main(count: int) -> int:
    os.environ["DATABASE_URL"] = postgres_url()
    redis = Redis().start()
    os.environ["REDIS_URL"] = redis.url
    os.environ["ACUITY_STALL_SECONDS"] = "5"
    os.environ["ACUITY_REQUESTS_PER_SECOND"] = "0"
    os.environ["ACUITY_LOG_LEVEL"] = "WARNING"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    figures = chaos(range(1, count + 1), redis)
    print(figures)
    return 1 if figures["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
