"""Does `manage.py check` say what is wrong with a project's settings, and nothing when all is right?"""

import re
import runpy
import sqlite3
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from celery import current_app
from django.core.checks import run_checks
from django.db import connections

from integrations.checks import deployment, setup, values
from tests.commands.test_commands import ROOT, manage
from tests.web.test_deployment import PRODUCTION

RIGHT = PRODUCTION | {
    "REDIS_URL": "redis://127.0.0.1:9/0",
    "DATABASE_URL": "postgres://importer:x@127.0.0.1:9/importer",
    # The tests' own permission.
    "ACUITY_ALLOW_PRIVATE_ADDRESSES": "",
}
# What is wrong, and what says so.
WRONG = {
    "SECRET_KEY": ("", "acuity.E021"),
    "ACUITY_ENCRYPTION_KEYS": ("", "acuity.E021"),
    "REDIS_URL": ("", "acuity.E020"),
    "DATABASE_URL": ("sqlite:////tmp/x.sqlite3", "acuity.W022"),
    "BEHIND_TLS_PROXY": ("false", "acuity.W023"),
    "CSRF_TRUSTED_ORIGINS": ("http://importer.example.com", "acuity.W024"),
    "ALLOWED_HOSTS": ("*", "acuity.W025"),
    "SECURE_HSTS_SECONDS": ("0", "security.W004"),
    "DEBUG": ("true", "security.W018"),
    "ACUITY_ALLOW_PRIVATE_ADDRESSES": ("true", "acuity.W027"),
}


def said(**asked: Any) -> set[str]:
    return {str(message.id) for message in run_checks(**asked)}


@pytest.mark.slow
def test_the_documented_production_settings_are_silent(tmp_path: Any) -> None:
    done = manage(tmp_path, "check", "--deploy", **RIGHT)

    assert done.returncode == 0
    assert "no issues" in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", WRONG)
def test_each_wrong_production_setting_is_named(tmp_path: Any, name: str) -> None:
    value, expected = WRONG[name]

    done = manage(tmp_path, "check", "--deploy", **RIGHT | {name: value})

    assert expected in done.stderr


# Values that nobody means, and the beginning of the sentence.
NOT_MEANT = {
    "BEHIND_TLS_PROXY=ture": "BEHIND_TLS_PROXY must be true or false",
    "DEBUG=maybe": "DEBUG must be",
    "ACUITY_ALLOW_PRIVATE_ADDRESSES=nein": "ACUITY_ALLOW_PRIVATE_ADDRESSES must be",
    "SECURE_HSTS_SECONDS=1h": "SECURE_HSTS_SECONDS must be a whole number",
    "SECURE_HSTS_SECONDS=-5": "SECURE_HSTS_SECONDS must be",
    "DATABASE_URL=postgres://u:hidden@h:port/x": "DATABASE_URL must be",
    "DATABASE_URL=postgres://u:hidden@h": "DATABASE_URL must be",
    "DATABASE_URL=mariadb://u:hidden@h/x": "DATABASE_URL must be",
    "EMAIL_URL=carrier://u:hidden@h": "EMAIL_URL must be",
    "EMAIL_URL=smtp://u:hidden@h:port": "EMAIL_URL must be",
    "REDIS_URL=redis://:hidden@h:port/0": "REDIS_URL must be",
    "REDIS_URL=redis://:hidden@h/zero": "REDIS_URL must be",
    "CELERY_BROKER_URL=amqp://u:hidden@h:port": "CELERY_BROKER_URL must be",
    "ACUITY_BASE_URL=https://h:port/api": "ACUITY_BASE_URL is not a web address",
    "ACUITY_BASE_URL=https://[h/api": "ACUITY_BASE_URL is not a web address",
    "FLOWER_URL=javascript:alert(1)": "FLOWER_URL must be",
    "ACUITY_OAUTH_CLIENT_ID=x": "ACUITY_OAUTH_CLIENT_ID and ACUITY_OAUTH_CLIENT_SECRET belong",
    "ACUITY_OAUTH_CLIENT_ID=x,ACUITY_OAUTH_CLIENT_SECRET=hidden,ACUITY_OAUTH_URL=http://h.example.com": "ACUITY_OAUTH_URL must be",
}


def with_environment(monkeypatch: pytest.MonkeyPatch, settings: Any, **given: str) -> None:
    """The settings as this environment makes them."""
    for name, value in (RIGHT | given).items():
        monkeypatch.setenv(name, value)
    made = runpy.run_path(str(ROOT / "config" / "settings.py"))
    for name, value in made.items():
        if name.isupper() and name not in ("INSTALLED_APPS", "LOGGING"):
            setattr(settings, name, value)


@pytest.mark.parametrize("given", NOT_MEANT)
def test_a_value_that_nobody_means_is_one_sentence(
    settings: Any, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    with_environment(monkeypatch, settings)
    assert list(values.faults()) == []

    pairs = (pair.partition("=") for pair in given.split(","))
    with_environment(monkeypatch, settings, **{name: value for name, _, value in pairs})

    said = list(values.faults())
    assert any(one.startswith(NOT_MEANT[given]) for one in said), said
    assert "hidden" not in str(said)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"ALLOWED_HOSTS": "https://importer.example.com"}, "acuity.E022"),
        ({"ALLOWED_HOSTS": "importer.example.com:8000"}, "acuity.E022"),
        ({"ACUITY_ENCRYPTION_KEYS": ","}, "acuity.E021"),
        ({"ACUITY_ENCRYPTION_KEYS": "short"}, "acuity.W026"),
        ({"ACUITY_ENCRYPTION_KEYS": RIGHT["SECRET_KEY"]}, "acuity.W026"),
    ],
)
def test_what_weakens_a_service_is_said(
    settings: Any, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], expected: str
) -> None:
    found = {}
    for name, more in (("right", {}), ("wrong", given)):
        with_environment(monkeypatch, settings, **more)
        found[name] = {
            str(message.id)
            for one in (deployment.storage, deployment.proxy)
            for message in one(None)
        }

    assert expected in found["wrong"] and expected not in found["right"]


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("SALT_KEY", [], "acuity.E001"),
        ("SALT_KEY", [""], "acuity.E001"),
        ("USE_TZ", False, "acuity.E002"),
    ],
)
def test_a_wrong_setup_is_an_error(settings: Any, setting: str, value: Any, expected: str) -> None:
    assert expected not in said()

    setattr(settings, setting, value)

    assert expected in said()


@pytest.mark.parametrize(
    ("apps", "expected"),
    [
        (lambda names: [n for n in names if n != "django.contrib.humanize"], "acuity.E003"),
        (lambda names: [n for n in names if n != "unfold"] + ["unfold"], "acuity.E004"),
    ],
)
def test_apps_missing_or_out_of_order_are_errors(settings: Any, apps: Any, expected: str) -> None:
    assert expected not in said()

    settings.INSTALLED_APPS = apps(settings.INSTALLED_APPS)

    assert expected in said()


def test_another_database_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(connections["default"]), "vendor", "mysql")

    assert "acuity.E006" in said()


def test_a_sqlite_that_cannot_write_changes_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "acuity.E008" not in said()
    monkeypatch.setattr(type(connections["default"]), "vendor", "sqlite")

    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 32, 3))
    assert "acuity.E008" in said()
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 33, 0))
    assert "acuity.E008" not in said()
    # Which is the wheel's description, too.
    assert "SQLite 3.33 or newer" in (ROOT / "README.md").read_text()


def test_a_project_without_a_celery_app_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(current_app, "main", "default")

    assert "acuity.E007" in said()


@pytest.mark.django_db
@pytest.mark.database
def test_what_nobody_would_notice_until_it_fails_is_said(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connections["default"]
    monkeypatch.setattr(setup, "HAS_REDIS", False)
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {})
    hour = timedelta(hours=1)
    monkeypatch.setattr(setup.timezone, "now", lambda: datetime.now(UTC) + hour)
    settings.REDIS_URL = "redis://127.0.0.1:9/0"

    # What is said of one database is not said of the other.
    own = {"sqlite": {"acuity.W001"}, "postgresql": {"acuity.W002"}}[connection.vendor]
    assert {"acuity.E005", *own} <= said(databases=["default"])
    assert not ({"acuity.W001", "acuity.W002"} - own) & said(databases=["default"])

    monkeypatch.setattr(deployment.messages, "broker_in_memory", lambda: False)
    unplanned = SimpleNamespace(beat_scheduler="celery.beat:PersistentScheduler", beat_schedule={})
    monkeypatch.setattr(deployment, "current_app", SimpleNamespace(conf=unplanned))
    settings.REDIS_URL = ""
    assert {"acuity.W020", "acuity.W021"} <= said(include_deployment_checks=True)


def test_every_check_and_setting_is_in_the_reference() -> None:
    from integrations.conf import NAMES

    reference = (ROOT / "docs" / "reference.md").read_text()
    code = "".join(path.read_text() for path in (ROOT / "integrations" / "checks").glob("*.py"))
    example = (ROOT / ".env.example").read_text()

    assert {f"`{i}`" for i in re.findall(r'id="([\w.]+)"', code)} <= set(
        re.findall(r"`[\w.]+`", reference)
    )
    assert [name for name in NAMES if f"`{name}`" not in reference] == []
    own = re.findall(r'env[.\w]*\(\s*"(\w+)"', (ROOT / "config" / "settings.py").read_text())
    assert [name for name in own if f"# {name}=" not in example] == []
