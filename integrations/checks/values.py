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
from integrations.acuity.source.addresses import LOOPBACK, check_base_url, check_egress
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
    "SECURE_HSTS_SECONDS": Range(0, 10**9, "seconds, 0 for none", whole=True),
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
    yield from getattr(settings, "ACUITY_MISREAD", ())
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
    if conf.REDIS_URL and not _is_redis(conf.REDIS_URL):
        yield "REDIS_URL must be an address like redis://localhost:6379/0."
    if (broker := getattr(settings, "CELERY_BROKER_URL", None)) and not _is_broker(broker):
        yield "CELERY_BROKER_URL must be an address like redis://localhost:6379/0 or amqp://localhost."
    client = (conf.ACUITY_OAUTH_CLIENT_ID, conf.ACUITY_OAUTH_CLIENT_SECRET)
    if any(client) and not all(client):
        yield "ACUITY_OAUTH_CLIENT_ID and ACUITY_OAUTH_CLIENT_SECRET belong together: set both, or neither."
    if any(client) and not _is_web(conf.ACUITY_OAUTH_URL):
        yield "ACUITY_OAUTH_URL must be an address like https://acuityscheduling.com/oauth2."
    if conf.FLOWER_URL and _scheme(conf.FLOWER_URL) not in ("http", "https"):
        yield "FLOWER_URL must be an address like https://flower.example.com."
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
    """Nothing for what is no address, or has a port that is no number."""
    try:
        parts = urlsplit(url)
        return parts.scheme if parts.port is None or parts.port else ""
    except ValueError:
        return ""


def _is_redis(url: str) -> bool:
    scheme = _scheme(url)
    if scheme not in REDIS or scheme == "unix":
        return scheme == "unix"
    base = urlsplit(url).path.strip("/")
    return not base or base.isdecimal()


def _is_broker(url: str) -> bool:
    kind = url.partition(":")[0]
    if kind in REDIS[:2]:
        return _is_redis(url)
    # Of several, which some take one behind the other, the first one's port.
    whole = kind not in ("amqp", "amqps") or bool(_scheme(url.partition(";")[0]))
    return whole and kind.partition("+")[0] in TRANSPORT_ALIASES


def _is_web(url: str) -> bool:
    """Whether it is an address that a secret may be sent to."""
    scheme = _scheme(url)
    return scheme == "https" or (scheme == "http" and urlsplit(url).hostname in LOOPBACK)
