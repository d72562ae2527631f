"""The Celery application."""

import logging.config
import os
from typing import Any

from celery import Celery
from celery.signals import import_modules, setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# Celery would run all system checks, which load every page, and drop what they say; a worker's own
# are below.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")
app = Celery("acuity")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@import_modules.connect(sender=app)
def refuse_bad_settings(**_: Any) -> None:
    """Before worker, beat and Flower ask broker or database, which would answer with tracebacks."""
    from integrations.checks import values

    values.refuse()


@setup_logging.connect
def use_django_logging(**_: Any) -> None:
    """Without this the worker replaces the handlers and the import's log lines vanish."""
    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)
