"""Is the project set up so that an import can work? Errors, said before anything starts."""

from collections.abc import Iterator, Sequence
from typing import Any

from celery import current_app
from django.apps import AppConfig, apps
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections, router
from django.utils import timezone

from integrations.acuity.source.redis_budget import HAS_REDIS, NO_REDIS
from integrations.conf import conf
from integrations.models import ImportRun

Apps = Sequence[AppConfig] | None
# The first one that writes one table over another (UPDATE … FROM), as a page of changes is.
SQLITE = (3, 33, 0)
# Leases and waiting times are compared with this machine's clock.
CLOCK_SECONDS = 5


@register()
def keys(app_configs: Apps, **_: Any) -> list[CheckMessage]:
    salts = getattr(settings, "SALT_KEY", None)
    found = [salts] if isinstance(salts, str) else salts
    if found and all(isinstance(salt, str) and salt for salt in found):
        return []
    said = "SALT_KEY is missing: without it no API key can be encrypted."
    return [Error(said, hint="Set it to a list of long random strings.", id="acuity.E001")]


@register()
def time(app_configs: Apps, **_: Any) -> list[CheckMessage]:
    if settings.USE_TZ:
        return []
    said = "USE_TZ is False: bookings have time zones, and their times would be stored without."
    return [Error(said, hint="Set USE_TZ = True.", id="acuity.E002")]


@register()
def installed(app_configs: Apps, **_: Any) -> Iterator[CheckMessage]:
    if not apps.is_installed("django.contrib.humanize"):
        yield Error(
            "The pages of a run need django.contrib.humanize.",
            hint="Add it to INSTALLED_APPS.",
            id="acuity.E003",
        )
    # Both may be listed by the names of their configurations.
    names = [app.name for app in apps.get_app_configs()]
    late = apps.is_installed("unfold") and apps.is_installed("django.contrib.admin")
    if late and names.index("unfold") > names.index("django.contrib.admin"):
        yield Error(
            "unfold stands behind django.contrib.admin, whose templates it replaces.",
            hint="Put it first in INSTALLED_APPS.",
            id="acuity.E004",
        )
    if conf.REDIS_URL and not HAS_REDIS:
        yield Error(NO_REDIS, id="acuity.E005")


@register()
def database(app_configs: Apps, **_: Any) -> Iterator[CheckMessage]:
    connection = connections[router.db_for_write(ImportRun)]
    if connection.vendor not in ("sqlite", "postgresql"):
        yield Error(
            f"The importer works on PostgreSQL and SQLite, not on {connection.display_name}.",
            hint="Route `bookings` and `integrations` to a PostgreSQL database.",
            id="acuity.E006",
        )
    options = connection.settings_dict.get("OPTIONS", {})
    if connection.vendor == "sqlite" and options.get("transaction_mode") != "IMMEDIATE":
        yield Warning(
            "SQLite's transaction_mode is not IMMEDIATE: two writers fail as `database is locked`.",
            hint='Set OPTIONS = {"timeout": 30, "transaction_mode": "IMMEDIATE"}.',
            id="acuity.W001",
        )


@register()
def sqlite(app_configs: Apps, **_: Any) -> Iterator[CheckMessage]:
    if connections[router.db_for_write(ImportRun)].vendor != "sqlite":
        return
    # A Python for PostgreSQL alone may have been built without it.
    import sqlite3

    if sqlite3.sqlite_version_info < SQLITE:
        yield Error(
            f"SQLite {sqlite3.sqlite_version} cannot write changed records: 3.33 or newer can.",
            hint="Use a Python whose sqlite3 module has a newer SQLite, or a PostgreSQL database.",
            id="acuity.E008",
        )


@register()
def celery(app_configs: Apps, **_: Any) -> Iterator[CheckMessage]:
    if current_app.main == "default":
        yield Error(
            "No Celery app is loaded, so no worker would hear of an import.",
            hint="Import your app in the project's __init__.py, as Celery's guide for Django shows.",
            id="acuity.E007",
        )


@register(Tags.database)
def clock(
    app_configs: Apps, databases: Sequence[str] | None = None, **_: Any
) -> Iterator[CheckMessage]:
    connection = connections[router.db_for_write(ImportRun)]
    if connection.alias not in (databases or []) or connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        [theirs] = cursor.fetchone()
    apart = abs((timezone.now() - theirs).total_seconds())
    if apart > CLOCK_SECONDS:
        yield Warning(
            f"This machine's clock and the database's are {apart:,.0f} seconds apart.",
            hint="Run a time service (NTP) on both: a run's waiting times depend on the clock.",
            id="acuity.W002",
        )
