"""What do all rooms' tests start from? An invented account, a sandbox that serves it, a run of it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import TransactionTestCase

from bookings.models import Appointment
from integrations.acuity.accounts import find
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.scope import Period
from integrations.acuity.runs import control, window
from integrations.acuity.runs.options import Options
from integrations.acuity.sandbox import Account, Sandbox, SandboxOptions, make_account
from integrations.acuity.source.throttle import shared_throttle
from integrations.models import AcuityAccount, ImportRun
from tests.services import emptied, migrated

SWITCHES = {field.name for field in fields(SandboxOptions)}
# Of a run, besides what is asked of it.
SAID = {"by", "kind", "reread", "idempotency_key"}
MONEY = ("clients", "appointments", "payments")
USUALLY = {"only": tuple(RESOURCES)}
USUAL = {"clients": 30, "appointments": 120, "months": 4}


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """Django finds nothing to migrate on a copy, and makes the database where there is none."""
    return True


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    if connection.vendor == "sqlite":
        name = Path(connection.settings_dict["TEST"]["NAME"])
        for old in name.parent.glob(name.name + "*"):
            old.unlink()
        shutil.copy(migrated(), name)


@pytest.fixture(autouse=True, scope="session")
def _quick_flush() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", emptied)
        yield


@pytest.fixture(autouse=True)
def unlimited(settings: Any) -> None:
    settings.ACUITY_REQUESTS_PER_SECOND = 0
    # No test waits for what another's 429 announced.
    shared_throttle.cache_clear()


@pytest.fixture
def box(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """A running sandbox; `@pytest.mark.sandbox(appointments=40, latency=0.1)` shapes it."""
    marker = request.node.get_closest_marker("sandbox")
    wanted = USUAL | (marker.kwargs if marker else {})
    switches = {name: wanted.pop(name) for name in SWITCHES & wanted.keys()}
    with source(make_account(**wanted), **switches) as box:
        yield box


@pytest.fixture
def account(box: Sandbox) -> AcuityAccount:
    return known(box, name="Example Studio")


@pytest.fixture(autouse=True)
def _money(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """`@pytest.mark.money`: imports that say nothing else read three resources, in half the time."""
    marker = request.node.get_closest_marker("money")
    monkeypatch.setitem(USUALLY, "only", MONEY if marker and not marker.args else tuple(RESOURCES))


@pytest.fixture
def one_page_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "WINDOW_SECONDS", 0.0)


@contextmanager
def source(data: Account, **switches: Any) -> Iterator[Sandbox]:
    """A sandbox of this account, for tests that make their own."""
    with Sandbox(data, SandboxOptions(**switches)) as box:
        yield box


def small(**options: Any) -> Account:
    return make_account(**{"clients": 40, "appointments": 300, "months": 6} | options)


def known(box: Sandbox, **facts: Any) -> AcuityAccount:
    """The sandbox's account as the importer keeps it."""
    return find.ensure(box.options.user_id, box.options.api_key, box.base_url, **facts)


def chosen(
    *,
    min_date: date | None = None,
    max_date: date | None = None,
    payments_mode: str = "",
    **rest: Any,
) -> Options:
    choices = {"payments": payments_mode} if payments_mode else {}
    return Options(Period(min_date, max_date), choices=choices, **rest)


def begin(box: Sandbox, **options: Any) -> ImportRun:
    """A run that no message was sent for."""
    options = USUALLY | options
    said = {name: options.pop(name) for name in SAID & options.keys()}
    return control.start(known(box), chosen(**options), send=False, **said)


def run_to_end(run: ImportRun, before: str = "") -> ImportRun:
    """Work through the run without Celery, window by window, until it ends or has to wait.

    With `before` it stops in front of the step of that name.
    """
    while (step := control.current_step(run.pk)) and step.resource != before:
        if window.run_window(str(run.pk), step.resource, step.version).kind == "stop":
            break
    if not before:
        control.finish(run.pk)
    run.refresh_from_db()
    return run


def import_all(box: Sandbox, **options: Any) -> ImportRun:
    return run_to_end(begin(box, **options))


def prove_again(run: ImportRun) -> ImportRun:
    control.verify(ImportRun.objects.get(pk=run.pk), send=False)
    return run_to_end(run)


def ids() -> set[str]:
    """The bookings stored that the source still has."""
    return set(Appointment.objects.filter(removed_at=None).values_list("external_id", flat=True))


def source_ids(data: Account) -> set[str]:
    return {str(row["id"]) for row in data.appointments}
