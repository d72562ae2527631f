"""Can the settings' values be meant? Said by `manage.py check`, and by each process at its start."""

import logging
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from kombu.transport import TRANSPORT_ALIASES

from integrations.acuity.errors import ConfigurationError
from integrations.acuity.source.addresses import check_base_url, check_egress
from integrations.conf import conf


class Range(NamedTuple):
    """Both ends are allowed; `whole`: without a fraction."""

    least: float
    most: float
    unit: str
    whole: bool = False


RANGES = {
    "ACUITY_PAGE_LIMIT": Range(1, 1000, "records", whole=True),
    "ACUITY_REQUESTS_PER_SECOND": Range(0, 1000, "requests a second, 0 for no limit"),
    "ACUITY_MAX_CONNECTIONS": Range(0, 1000, "connections, 0 for no limit", whole=True),
    "ACUITY_CONNECT_TIMEOUT": Range(0.1, 3600, "seconds"),
    "ACUITY_READ_TIMEOUT": Range(0.1, 3600, "seconds"),
    "ACUITY_STALL_SECONDS": Range(5, 86_400, "seconds", whole=True),
    "ACUITY_KEEP_PAGES_DAYS": Range(0, 36_500, "days, 0 for ever", whole=True),
    "ACUITY_KEEP_STAGED_DAYS": Range(0, 36_500, "days, 0 for ever", whole=True),
    "ACUITY_KEEP_WEBHOOKS_DAYS": Range(0, 36_500, "days, 0 for ever", whole=True),
    "ACUITY_KEEP_REJECTS_DAYS": Range(0, 36_500, "days, 0 for ever", whole=True),
}
REDIS = ("redis", "rediss", "unix")


@register()
def values(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    return [Error(sentence, id="acuity.E030") for sentence in faults()]


def require() -> None:
    """Raises ConfigurationError with the first fault."""
    for sentence in faults():
        raise ConfigurationError(sentence)


def refuse(status: int = 2) -> None:
    """End a process that serves before it begins, with the first fault as its one sentence."""
    for sentence in faults():
        print(sentence, file=sys.stderr)
        sys.exit(status)


def faults() -> Iterator[str]:
    """A sentence for each value that cannot be meant, with the name of its variable."""
    for name, allowed in RANGES.items():
        if not _within(value := getattr(settings, name, allowed.least), allowed):
            kind = "a whole number" if allowed.whole else "a number"
            yield (
                f"{name} must be {kind} from {allowed.least:g} to {allowed.most:g}"
                f" ({allowed.unit}), not {value!r}."
            )
    for check, value in (
        (check_base_url, conf.ACUITY_BASE_URL),
        (check_egress, conf.ACUITY_EGRESS),
    ):
        try:
            check(value)
        except ConfigurationError as error:
            yield str(error)
    level = getattr(settings, "ACUITY_LOG_LEVEL", "INFO")
    if level not in logging.getLevelNamesMapping():
        yield f"ACUITY_LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR, not {level!r}."
    # The rest of an address may be a password.
    if conf.REDIS_URL and _scheme(conf.REDIS_URL) not in REDIS:
        yield "REDIS_URL must be an address like redis://localhost:6379/0."
    broker = getattr(settings, "CELERY_BROKER_URL", None)
    if broker and _scheme(broker).partition("+")[0] not in TRANSPORT_ALIASES:
        yield "CELERY_BROKER_URL must be an address like redis://localhost:6379/0 or amqp://localhost."
    if settings.DATABASES["default"]["ENGINE"] == "django.db.backends.dummy":
        yield (
            "DATABASE_URL must be postgres://user:password@host/name or sqlite:///path:"
            " no other database is supported."
        )


def _within(value: Any, allowed: Range) -> bool:
    if isinstance(value, bool) or not isinstance(value, int if allowed.whole else int | float):
        return False
    return allowed.least <= value <= allowed.most


def _scheme(url: str) -> str:
    return urlsplit(url).scheme
