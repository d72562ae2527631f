"""Is the database away? Then whoever needs it waits until it is back, and has lost nothing."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

from integrations.acuity import events

T = TypeVar("T")
WAIT_FOR = timedelta(minutes=30)
# Seconds between two tries.
PAUSE = 1.0


def away() -> bool:
    """Whether the database cannot be reached now. What was open before is closed."""
    connection.close()
    try:
        connection.ensure_connection()
    except (OperationalError, InterfaceError):
        return True
    return False


def in_log() -> None:
    events.log("acuity_database_away", patience_s=int(WAIT_FOR.total_seconds()))


def wait(tell: Callable[[], None] = in_log) -> bool:
    """Wait until the database can be reached, for up to WAIT_FOR. True if it was away.

    `tell` is called when the waiting begins. In a transaction nobody waits: it is lost anyway.
    """
    if connection.in_atomic_block or not away():
        return False
    tell()
    until = time.monotonic() + WAIT_FOR.total_seconds()
    while away() and time.monotonic() < until:
        time.sleep(PAUSE)
    return True


def outlast(work: Callable[[], T], tell: Callable[[], None] = in_log) -> T:
    """What `work` gives. After an outage it is done again, so it must be safe to do twice.

    Raises its error if the database was there, or is away for longer than WAIT_FOR.
    """
    until = time.monotonic() + WAIT_FOR.total_seconds()
    while True:
        try:
            return work()
        except (OperationalError, InterfaceError):
            if time.monotonic() > until or not wait(tell):
                raise
