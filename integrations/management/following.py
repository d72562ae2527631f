"""How does a command follow a run? It shows the steps until the run rests; Ctrl-C pauses it."""

import logging
import shlex
import signal
import sys
import time

from integrations.acuity.runs import control, stalls, states
from integrations.management import terminal
from integrations.models import ImportRun

# Seconds between two looks at the run: a small account is done at once, a large one is not held up.
QUICK, SLOW = 0.1, 0.3


def resume(run: ImportRun) -> str:
    """The command that goes on with the run, called as this one was, so that it runs as printed."""
    return (
        f"{shlex.quote(sys.executable)} {shlex.quote(sys.argv[0])} acuity_import --resume {run.pk}"
    )


def follow(run: ImportRun) -> ImportRun | None:
    """The run as it rests, or None if a second Ctrl-C left it. The first one pauses it."""
    presses = 0

    def interrupt(*_: object) -> None:
        nonlocal presses
        presses += 1
        if presses > 1:
            raise KeyboardInterrupt
        terminal.err.print("Pausing after the page in hand; Ctrl-C again leaves at once.")
        control.pause(run)

    if sys.stderr.isatty():
        # The bars say it better than lines between them.
        logging.getLogger("acuity").setLevel(logging.WARNING)
    before = signal.signal(signal.SIGINT, interrupt)
    began = swept = time.monotonic()
    try:
        with terminal.Bars() as bars:
            while True:
                run = ImportRun.objects.select_related("account").get(pk=run.pk)
                bars.show(run)
                if run.status in states.FINAL or run.status == "paused":
                    return run
                if time.monotonic() - swept > 1:
                    swept = time.monotonic()
                    stalls.resume_stalled()
                time.sleep(QUICK if time.monotonic() - began < 2 else SLOW)
    except KeyboardInterrupt:
        return None
    finally:
        signal.signal(signal.SIGINT, before)
