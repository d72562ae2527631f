"""What is left when a process is killed at one exact point, and does it come back to the same end?

Run as a process of its own: it loads Django once and forks a victim and a rescuer for each case.
"""

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

POINTS = [
    "before_fetch",
    "after_fetch",
    "in_transaction",
    "after_rows",
    "after_commit",
    "before_send",
    "after_send",
    "before_ack",
]
SEAMS = {"fetch": ("before_fetch", "after_fetch"), "save": ("in_transaction", "after_rows")}
PATIENCE = 60.0
MONEY = ("clients", "appointments", "payments")


class Bomb:
    """Kills this process when `point` is reached in `resource` for the nth time."""

    def __init__(self, point: str, resource: str, nth: int) -> None:
        self.point, self.resource, self.left = point, resource, nth

    def reach(self, point: str, resource: str) -> None:
        if (point, resource) != (self.point, self.resource):
            return
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def plant(self) -> None:
        from celery.signals import task_postrun

        from integrations.acuity.runs import messages, window
        from integrations.acuity.steps import STEPS

        for name, step in STEPS.items():
            for method, points in SEAMS.items():
                setattr(step, method, self.around(*points, name, getattr(step, method)))
        work, send = window.run_window, messages.send

        def worked(run: str, resource: str, version: int | None) -> Any:
            outcome = work(run, resource, version)
            if outcome.kind in ("more", "done"):
                self.reach("before_send", resource)
            return outcome

        def sent(signature: Any, *args: Any, **options: Any) -> None:
            send(signature, *args, **options)
            for name, step in STEPS.items():
                if getattr(signature, "task", "") == step.task:
                    self.reach("after_send", name)

        def done(sender: Any = None, **_: Any) -> None:
            for name, step in STEPS.items():
                if sender is not None and sender.name == step.task:
                    self.reach("before_ack", name)

        window.run_window, messages.send = worked, sent
        task_postrun.connect(done, weak=False)

    def around(self, before: str, after: str, resource: str, inner: Callable[..., Any]) -> Any:
        from django.db import transaction

        def step(*args: Any) -> Any:
            self.reach(before, resource)
            if before == "in_transaction":
                transaction.on_commit(lambda: self.reach("after_commit", resource))
            result = inner(*args)
            self.reach(after, resource)
            return result

        return step


def follow(run_id: Any) -> None:
    """Wait as the command does, then leave without tidying up. Exit status 0: completed."""
    from integrations.acuity.runs import stalls, states
    from integrations.models import ImportRun

    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        run = ImportRun.objects.get(pk=run_id)
        if run.status in states.FINAL:
            os._exit(0 if run.status == "completed" else 1)
        stalls.resume_stalled()
        time.sleep(0.05)
    os._exit(2)


def in_child(database: Path, work: Callable[[], None]) -> int:
    """Runs `work` in a fork with a database of its own; gives its exit status, -9 when killed."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    try:
        from django.db import connections

        connections["default"].settings_dict["NAME"] = str(database)
        work()
    finally:
        os._exit(9)


def only(resource: str) -> tuple[str, ...]:
    """What the import reads in which a step is killed: that, and what it cannot do without."""
    if resource == "account":
        return ("calendars",)
    return MONEY if resource in (*MONEY[1:], "verify") else (resource,)


def importing(url: str, resources: tuple[str, ...], bomb: Bomb | None) -> None:
    from integrations.acuity.accounts import find
    from integrations.acuity.runs import control, window
    from integrations.acuity.runs.options import Options
    from integrations.management import embedded

    # Every page a window of its own, so that each is sent, taken and acknowledged.
    window.WINDOW_SECONDS = 0.0
    if bomb:
        bomb.plant()
    run = control.start(
        find.ensure("10000001", "sandbox-key", url),
        Options(page_limit=10, only=resources),
        send=False,
    )
    with embedded.worker():
        control.enqueue(run)
        follow(run.pk)


def rescuing() -> None:
    from integrations.acuity.runs import control
    from integrations.management import embedded
    from integrations.models import ImportRun

    run = ImportRun.objects.get()
    with embedded.worker():
        control.resume(run)
        follow(run.pk)


def main(url: str, folder: Path, cases: list[tuple[str, str, int]]) -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connections

    from integrations.models import AcuityAccount
    from tests.tables import dump, events

    # Once for all forks.
    assert getattr(AcuityAccount._meta.get_field("api_key"), "keys")  # noqa: B009
    call_command("migrate", verbosity=0)
    connections.close_all()
    empty = Path(connections["default"].settings_dict["NAME"])
    calm: dict[tuple[str, ...], Any] = {}
    for resources in {only(resource) for _, resource, _ in cases}:
        database = folder / f"calm-{len(calm)}.sqlite3"
        shutil.copy(empty, database)
        assert in_child(database, lambda: importing(url, resources, None)) == 0  # noqa: B023
        calm[resources] = dump(database)
    for point, resource, nth in cases:
        database = folder / f"{point}-{resource}-{nth}.sqlite3"
        shutil.copy(empty, database)
        killed = in_child(
            database,
            lambda: importing(url, only(resource), Bomb(point, resource, nth)),  # noqa: B023
        )
        rescued = in_child(database, rescuing) if killed else 0
        print(
            json.dumps(
                {
                    "case": [point, resource, nth],
                    "killed": killed == -signal.SIGKILL,
                    "rescued": rescued == 0,
                    "same": dump(database) == calm[only(resource)],
                    "events": events(database),
                }
            ),
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3]))
