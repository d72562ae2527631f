"""How does an import run without a broker? A worker thread in this process, the same chain."""

import contextlib
import logging
import os
from collections.abc import Iterator

from celery.app import app_or_default
from celery.contrib.testing.worker import start_worker
from celery.worker import state

from integrations.acuity.errors import BrokerTrouble
from integrations.acuity.runs import messages

SKIP = "CELERY_SKIP_CHECKS"


def needed() -> bool:
    return messages.broker_in_memory()


def reach() -> None:
    """Raises BrokerTrouble if there is a broker, and it cannot be reached: nobody would work."""
    if trouble := messages.broker_trouble():
        raise BrokerTrouble(trouble)


@contextlib.contextmanager
def worker() -> Iterator[None]:
    """A solo worker for as long as the block lasts; nothing if there is a broker."""
    if not needed():
        yield
        return
    logging.getLogger("celery").setLevel(logging.ERROR)
    app = app_or_default()
    with contextlib.ExitStack() as stack:
        with _unchecked():
            app.loader.import_default_modules()
            started = start_worker(
                app, pool="solo", perform_ping_check=False, shutdown_timeout=60, loglevel="ERROR"
            )
            stack.enter_context(started)
        try:
            yield
        finally:
            # An idle worker asks every two seconds whether it is to stop, and waits once more
            # after that: two messages wake it at once.
            state.should_terminate = 0  # type: ignore[assignment]
            for _ in range(2):
                app.send_task("acuity.resume_stalled")


@contextlib.contextmanager
def _unchecked() -> Iterator[None]:
    """The command has checked the settings; Celery would run all of Django's checks besides."""
    before = os.environ.get(SKIP)
    os.environ[SKIP] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[SKIP]
        else:
            os.environ[SKIP] = before
