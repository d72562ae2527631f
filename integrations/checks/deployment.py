"""Is it safe and able to run as a service? Said by `manage.py check --deploy`."""

from collections.abc import Iterator, Sequence
from typing import Any

from celery import current_app
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections, router

from integrations.acuity.runs import messages
from integrations.conf import conf
from integrations.models import ImportRun

SHORTEST_KEY = 20
Apps = Sequence[AppConfig] | None


@register(Tags.security, deploy=True)
def broker(app_configs: Apps, **_: Any) -> Iterator[CheckMessage]:
    if messages.broker_in_memory():
        yield Error(
            "There is no broker: an import that a page or the API starts would reach no worker.",
            hint="Set REDIS_URL or CELERY_BROKER_URL, and run a worker and beat.",
            id="acuity.E020",
        )
        return
    if not conf.REDIS_URL:
        yield Warning(
            "REDIS_URL is empty: each process has a request budget of its own, and together they"
            " may ask Acuity for more than it allows.",
            hint="Set REDIS_URL, whatever the broker is.",
            id="acuity.W020",
        )
    if not _scheduled():
        yield Warning(
            "Nothing schedules acuity.resume_stalled: a run whose worker died stays where it is.",
            hint="Add it to Celery's beat_schedule, every 15 seconds; docs/howto.md has the lines.",
            id="acuity.W021",
        )


def _scheduled() -> bool:
    """True also where another scheduler keeps its own list."""
    scheduler = str(current_app.conf.beat_scheduler)
    if not scheduler.startswith("celery."):
        return True
    entries = current_app.conf.beat_schedule.values()
    return any(entry["task"] == "acuity.resume_stalled" for entry in entries)


@register(Tags.security, deploy=True)
def storage(app_configs: Apps, **_: Any) -> Iterator[CheckMessage]:
    if connections[router.db_for_write(ImportRun)].vendor == "sqlite":
        yield Warning(
            "The database is SQLite, which one machine alone can use, one writer at a time.",
            hint="Set DATABASE_URL to a PostgreSQL database.",
            id="acuity.W022",
        )
    if made := getattr(settings, "ACUITY_KEYS_MADE_HERE", []):
        yield Error(
            f"{' and '.join(made)} not set: made on this machine, so no other one can read the"
            " accounts' keys, and neither can this one once its disk is gone.",
            hint="Set long random strings, and keep them where your other secrets are.",
            id="acuity.E021",
        )
    salts = getattr(settings, "SALT_KEY", [])
    for key in [salts] if isinstance(salts, str) else salts:
        if len(key) < SHORTEST_KEY or key == settings.SECRET_KEY:
            yield Warning(
                "SALT_KEY (ACUITY_ENCRYPTION_KEYS) has one that is short, or is SECRET_KEY: it adds"
                " little or nothing to SECRET_KEY.",
                hint=f"Set a random string of its own, {SHORTEST_KEY} characters or longer.",
                id="acuity.W026",
            )
    if conf.ACUITY_ALLOW_PRIVATE_ADDRESSES:
        yield Warning(
            "ACUITY_ALLOW_PRIVATE_ADDRESSES is on: who may edit an account can have this server ask"
            " any machine of its own network.",
            hint="Unset it. What stands in ACUITY_BASE_URL may be inside all the same.",
            id="acuity.W027",
        )


@register(Tags.security, deploy=True)
def proxy(app_configs: Apps, **_: Any) -> Iterator[CheckMessage]:
    if not settings.SECURE_PROXY_SSL_HEADER:
        yield Warning(
            "SECURE_PROXY_SSL_HEADER is not set: behind a proxy that ends TLS, each log-in is"
            " refused (403), and a redirect to HTTPS goes in circles.",
            hint="Set BEHIND_TLS_PROXY=true (in a project of your own: the Django setting).",
            id="acuity.W023",
        )
    for origin in settings.CSRF_TRUSTED_ORIGINS:
        if not origin.startswith("https://"):
            yield Warning(
                f"CSRF_TRUSTED_ORIGINS has {origin}: a page that came without TLS is trusted.",
                hint="Name only origins that begin with https://.",
                id="acuity.W024",
            )
    if "*" in settings.ALLOWED_HOSTS:
        yield Warning(
            "ALLOWED_HOSTS has *: whoever sends a request chooses the name that links carry.",
            hint="Name the hosts. /healthz answers under any name or address.",
            id="acuity.W025",
        )
    for host in settings.ALLOWED_HOSTS:
        if "/" in host or (":" in host and not host.startswith("[")):
            yield Error(
                f"ALLOWED_HOSTS has {host}: no request carries that as its host, so each is refused (400).",
                hint="Name hosts alone, without scheme and port.",
                id="acuity.E022",
            )
