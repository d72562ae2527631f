"""How does a command follow a run? It shows the steps until the run rests; Ctrl-C pauses it."""

import logging
import signal
import sys
import time
from functools import partial

from django.db import Error as DatabaseError

from integrations.acuity.runs import control, outages, stalls, states
from integrations.management import terminal
from integrations.models import ImportRun

# Seconds between two looks at the run: a small account is done at once, a large one is not held up.
QUICK, SLOW = 0.1, 0.3


def resume(run: ImportRun) -> str:
    """The command that goes on with the run."""
    return terminal.command("acuity_import", "--resume", str(run.pk))


def _look(run: ImportRun) -> ImportRun:
    return ImportRun.objects.select_related("account").get(pk=run.pk)


def _tell() -> None:
    print("The database is away: waiting for it, half an hour at most.", file=sys.stderr)


def follow(run: ImportRun) -> ImportRun | None:
    """The run as it rests, or None if a second Ctrl-C left it. The first one pauses it."""
    presses = 0

    def interrupt(*_: object) -> None:
        nonlocal presses
        presses += 1
        if presses > 1:
            raise KeyboardInterrupt
        try:
            control.pause(run)
        except DatabaseError:
            print("The database is away: cannot pause; Ctrl-C again leaves.", file=sys.stderr)
            return
        print("Pausing after the current page; Ctrl-C again leaves at once.", file=sys.stderr)

    if sys.stderr.isatty():
        # The bars say it better than lines between them.
        logging.getLogger("acuity").setLevel(logging.WARNING)
    before = signal.signal(signal.SIGINT, interrupt)
    began = swept = time.monotonic()
    try:
        with terminal.Lines() if terminal.plain() else terminal.Bars() as steps:
            while True:
                run = outages.outlast(partial(_look, run), tell=_tell)
                rests = run.status in states.FINAL or run.status == "paused"
                if not rests or isinstance(steps, terminal.Bars):
                    outages.outlast(partial(steps.show, run), tell=_tell)
                if rests:
                    return run
                if time.monotonic() - swept > 1:
                    swept = time.monotonic()
                    outages.outlast(stalls.resume_stalled, tell=_tell)
                time.sleep(QUICK if time.monotonic() - began < 2 else SLOW)
    except KeyboardInterrupt:
        return None
    finally:
        signal.signal(signal.SIGINT, before)
