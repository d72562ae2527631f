"""Does a run that lost its worker, its messages or its broker go on by itself?"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import redis

from integrations.acuity.sandbox import Sandbox, make_account
from tests.commands.test_commands import ROOT, credentials, environment, manage, query
from tests.conftest import USUAL, source
from tests.services import Redis
from tests.tables import dump, events

pytestmark = [pytest.mark.slow, pytest.mark.sandbox(latency=0.03)]

# Every message doubled, one in ten dropped, some late: what a bad broker does at its worst.
UNRELIABLE = """
import random, sys, threading
from kombu.messaging import Producer
publish, rng = Producer.publish, random.Random(7)
def unreliable(self, *args, **kwargs):
    if kwargs.get("routing_key", "acuity") not in ("acuity", "celery") and "celeryev" in str(kwargs.get("exchange")):
        return publish(self, *args, **kwargs)
    if rng.random() < 0.1:
        return None
    for _ in range(rng.randint(1, 5)):
        if rng.random() < 0.3:
            threading.Timer(rng.random(), publish, (self, *args), kwargs).start()
        else:
            publish(self, *args, **kwargs)
Producer.publish = unreliable
"""
WORKER = ["-A", "config", "worker", "-Q", "acuity", "-c", "1", "-B", "-s"]


class Place:
    """A folder, a Redis, an account and as many workers as a test starts."""

    def __init__(self, folder: Path, box: Sandbox) -> None:
        self.folder, self.redis = folder, Redis().start()
        self.shared = {"REDIS_URL": self.redis.url, "ACUITY_STALL_SECONDS": "5", **credentials(box)}
        self.workers: list[subprocess.Popen[bytes]] = []

    def worker(self, before: str = "") -> subprocess.Popen[bytes]:
        run = [*WORKER, str(self.folder / f"beat-{len(self.workers)}")]
        code = f"{before}\nfrom celery.__main__ import main\nimport sys\nsys.argv = ['celery', *{run!r}]\nmain()"
        log = (self.folder / "worker.log").open("a")
        self.workers.append(
            subprocess.Popen(
                [sys.executable, "-c", code],
                cwd=ROOT,
                env=environment(self.folder, **self.shared),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        )
        return self.workers[-1]

    def kill(self) -> None:
        os.killpg(self.workers[-1].pid, signal.SIGKILL)
        self.workers[-1].wait()

    def start_import(self, *args: str) -> str:
        done = manage(self.folder, "acuity_import", "--detach", *args, **self.shared)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def state(self) -> tuple[str, int, str]:
        """Status, position over all steps, reason."""
        return query(
            self.folder,
            "SELECT status, (SELECT sum(version) FROM integrations_importstep), reason"
            " FROM integrations_importrun",
        )[0]

    def wait(self, until: Any, seconds: float = 90) -> float:
        """Seconds until `until(status, position)` is true."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            status, position, _ = self.state()
            if until(status, position):
                return time.monotonic() - began
            time.sleep(0.05)
        raise AssertionError(f"{self.state()}\n{(self.folder / 'worker.log').read_text()[-3000:]}")

    def close(self) -> None:
        for worker in self.workers:
            if worker.poll() is None:
                os.killpg(worker.pid, signal.SIGKILL)
                worker.wait()
        self.redis.stop()


def ended(status: str, _: int) -> bool:
    return status in ("completed", "completed_with_gaps", "failed", "cancelled")


@pytest.fixture
def place(tmp_path: Path, box: Sandbox) -> Iterator[Place]:
    place = Place(tmp_path, box)
    yield place
    place.close()
    print((tmp_path / "worker.log").read_text()[-6000:])


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """The tables after an undisturbed import of the same account."""
    calm = tmp_path_factory.mktemp("calm")
    with source(make_account(**USUAL)) as box:
        assert manage(calm, "acuity_import", **credentials(box)).returncode == 0
    return dump(calm / "db.sqlite3")


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.endurance)])
def test_a_killed_worker_restarted_goes_on_within_90_seconds(
    place: Place, box: Sandbox, expected: dict[str, list[Any]], kills: int
) -> None:
    if kills > 3:
        del place.shared["ACUITY_STALL_SECONDS"]
        box.options.latency = 0.2
    place.worker()
    place.start_import("--page-limit", "5" if kills == 3 else "2")
    pauses = []
    for _ in range(kills):
        _, position, _ = place.state()
        place.wait(lambda status, now, then=position: now > then or ended(status, now))
        assert not ended(*place.state()[:2]), "too small an account for so many kills"
        place.kill()
        _, position, _ = place.state()
        place.worker()
        pauses.append(place.wait(lambda status, now, then=position: now > then or ended(status, 0)))
    place.wait(ended)

    assert place.state()[0] == "completed"
    assert dump(place.folder / "db.sqlite3") == expected
    print(f"{kills} kills: median {median(pauses):.1f} s, longest {max(pauses):.1f} s")
    assert median(pauses) < 30 and max(pauses) < 90


@pytest.mark.parametrize("seconds", [5, pytest.param(30, marks=pytest.mark.endurance)])
def test_redis_gone_for_a_while_and_empty_afterwards_costs_only_time(
    place: Place, expected: dict[str, list[Any]], seconds: int
) -> None:
    place.worker()
    place.start_import("--page-limit", "5")
    place.wait(lambda status, position: position >= 4)

    place.redis.stop()
    time.sleep(seconds)
    place.redis.start()
    back = time.monotonic()
    _, position, _ = place.state()
    place.wait(lambda status, now: now > position)
    print(f"Redis gone for {seconds} s: going on {time.monotonic() - back:.1f} s after it was back")
    place.wait(ended)

    assert place.state()[0] == "completed"
    assert dump(place.folder / "db.sqlite3") == expected
    assert events(place.folder / "db.sqlite3") == 1


def test_a_lost_tail_of_the_chain_is_sent_again(
    place: Place, expected: dict[str, list[Any]]
) -> None:
    place.start_import("--page-limit", "5")
    broker = redis.Redis.from_url(place.redis.url)
    assert broker.llen("acuity") == 1
    broker.flushall()

    place.worker()
    place.wait(ended)

    assert dump(place.folder / "db.sqlite3") == expected


def test_messages_doubled_dropped_and_late_make_no_double_rows(
    place: Place, expected: dict[str, list[Any]]
) -> None:
    for _ in range(2):
        place.worker(before=UNRELIABLE)
    place.start_import("--page-limit", "5")
    place.wait(ended)

    assert place.state()[0] == "completed"
    assert dump(place.folder / "db.sqlite3") == expected
    assert events(place.folder / "db.sqlite3") == 1


def test_sigterm_finishes_the_page_and_another_worker_goes_on(
    place: Place, expected: dict[str, list[Any]]
) -> None:
    first = place.worker()
    place.start_import("--page-limit", "5")
    place.wait(lambda status, position: position >= 4)

    first.terminate()
    first.wait(60)
    place.worker()
    place.wait(ended)

    assert dump(place.folder / "db.sqlite3") == expected
    assert query(place.folder, "SELECT max(deaths) FROM integrations_importstep") == [(0,)]


SUICIDE = """
import os, signal
from integrations.acuity.resources import appointments
def die(*args):
    os.kill(os.getpid(), signal.SIGKILL)
appointments.Appointments.save = die
"""


def test_a_window_that_kills_its_process_every_time_fails_after_three_deaths(place: Place) -> None:
    place.worker(
        before=f"import os; os.environ['DJANGO_SETTINGS_MODULE']='config.settings'\nimport django; django.setup()\n{SUICIDE}"
    )
    place.start_import()
    place.wait(ended)

    status, _, reason = place.state()
    assert status == "failed"
    assert "lost its process 3 times" in reason


def test_what_is_left_in_redis_is_nothing(place: Place) -> None:
    place.worker()
    place.start_import("--page-limit", "5")
    place.wait(ended)

    keys = {key.decode() for key in redis.Redis.from_url(place.redis.url).keys("*")}
    assert not {key for key in keys if key.startswith("celery-task-meta")}


# Every page a window of its own, and a note of each message's size.
SHORT_WINDOWS = """
import json, os
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
import django; django.setup()
from kombu.messaging import Producer
from integrations.acuity.runs import window
window.WINDOW_SECONDS = 0.0
publish = Producer._publish
def noting(self, body, priority, content_type, content_encoding, headers, properties, *args, **kwargs):
    if headers.get("task") == "acuity.import_appointments":
        with open(SIZES, "a") as file:
            print(len(body) + len(json.dumps(headers, default=str)), resident(), file=file)
    return publish(self, body, priority, content_type, content_encoding, headers, properties, *args, **kwargs)
def resident():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
Producer._publish = noting
"""


@pytest.mark.parametrize("windows", [300, pytest.param(10_400, marks=pytest.mark.endurance)])
def test_thousands_of_windows_cost_the_same_each(tmp_path: Path, windows: int) -> None:
    """Messages stay as long as they are, the worker as large, Redis as empty."""
    account = make_account(clients=50, appointments=windows, months=windows // 60)
    sizes = tmp_path / "sizes"
    with source(account) as box:
        place = Place(tmp_path, box)
        try:
            place.worker(before=f"SIZES = {str(sizes)!r}\n{SHORT_WINDOWS}")
            place.start_import("--page-limit", "1", "--only", "clients,appointments", "--no-verify")
            place.wait(ended, seconds=3000)
            status = place.state()[0]
            left = redis.Redis.from_url(place.redis.url).keys("celery-task-meta*")
        finally:
            place.close()
    rows = [tuple(map(int, line.split())) for line in sizes.read_text().splitlines()]
    lengths, memory = [row[0] for row in rows], [row[1] for row in rows]
    settled = memory[len(memory) // 10]
    print(
        f"{len(rows)} windows: messages {min(lengths)} to {max(lengths)} bytes,"
        f" memory {settled / 1024:.0f} to {max(memory) / 1024:.0f} MB"
    )
    assert status == "completed_with_gaps", "without verification nothing is called complete"
    assert len(rows) >= windows / 2
    assert max(lengths) <= 1.05 * min(lengths)
    assert max(memory) - settled <= 20 * 1024
    assert left == []


def test_pausing_twice_and_resuming_goes_on_at_the_checkpoint(place: Place, box: Sandbox) -> None:
    box.hook = lambda path, query: time.sleep(0.2)
    place.worker()
    run = place.start_import("--page-limit", "5")
    place.wait(lambda status, position: position >= 4)
    with_pause = [sys.executable, "-c", PAUSE, run]
    subprocess.run(with_pause, cwd=ROOT, env=environment(place.folder, **place.shared), check=True)
    place.wait(lambda status, _: status == "paused", 20)
    box.hook = None
    done = manage(place.folder, "acuity_import", "--resume", run, "--json", **place.shared)

    assert (done.returncode, json.loads(done.stdout)["resumed"]) == (0, 1)


PAUSE = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
import django; django.setup()
from integrations.acuity.runs import control
from integrations.models import ImportRun
run = ImportRun.objects.get(pk=sys.argv[1])
assert [control.pause(run), control.pause(run)] == [True, False]
"""
