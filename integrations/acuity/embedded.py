"""How does an import run without a broker? A worker thread in this process, the same chain."""

import contextlib
import logging
from collections.abc import Iterator

from celery.contrib.testing.worker import start_worker
from django.conf import settings

from config.celery import app


def needed() -> bool:
    return settings.CELERY_BROKER_URL.startswith("memory://")


@contextlib.contextmanager
def worker() -> Iterator[None]:
    """A solo worker for as long as the block lasts; nothing if there is a broker."""
    if not needed():
        yield
        return
    logging.getLogger("celery").setLevel(logging.ERROR)
    app.loader.import_default_modules()
    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=60, loglevel="ERROR"):
        yield
