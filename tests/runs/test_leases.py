"""Who may work on a step, and when? Each rule of a lease by itself."""

import os
import socket
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from celery import Celery
from django.utils import timezone

from bookings.models import Tenant
from integrations.acuity.runs import control, leases, messages, stalls
from integrations.models import AcuityAccount, ImportRun, ImportStep

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]
SECOND = timedelta(seconds=1)


@pytest.fixture
def step() -> ImportStep:
    tenant = Tenant.objects.create(name="Example Studio")
    account = AcuityAccount.objects.create(tenant=tenant, user_id="1", api_key="key")
    run = control.start(account, send=False)
    step = control.current_step(run.pk)
    assert step
    return step


def put(step: ImportStep, **fields: Any) -> None:
    ImportStep.objects.filter(pk=step.pk).update(**fields)
    step.refresh_from_db()


def test_one_claims_and_the_next_does_not(step: ImportStep) -> None:
    began = timezone.now()

    token = leases.claim(step, step.version)

    step.refresh_from_db()
    assert token == step.lease_token and len(token) == 16
    assert (step.status, step.attempts, step.deaths) == ("running", 1, 0)
    assert step.lease_until and abs(step.lease_until - began - leases.LEASE) < 5 * SECOND
    assert step.heartbeat_at and step.heartbeat_at >= began
    assert step.lease_owner.endswith(f"/{os.getpid()}")
    assert leases.claim(step, step.version) == ""
    step.run.refresh_from_db()
    assert (step.run.status, step.run.started_at is not None) == ("running", True)


@pytest.mark.parametrize(("ends", "deaths"), [(-SECOND, 1), (30 * SECOND, 0)])
def test_a_lease_is_taken_over_once_it_has_ended_and_a_death_is_counted(
    step: ImportStep, ends: timedelta, deaths: int
) -> None:
    put(step, lease_token="another", lease_until=timezone.now() + ends)

    token = leases.claim(step, step.version)

    step.refresh_from_db()
    assert (bool(token), step.deaths) == (bool(deaths), deaths)


def test_a_lease_without_an_end_is_none(step: ImportStep) -> None:
    put(step, lease_token="another", lease_until=None)

    assert leases.claim(step, step.version)


@pytest.mark.parametrize(("due", "taken"), [(-SECOND, True), (30 * SECOND, False)])
def test_nobody_begins_before_it_is_due(step: ImportStep, due: timedelta, taken: bool) -> None:
    put(step, not_before=timezone.now() + due)

    assert bool(leases.claim(step, step.version)) is taken
    step.refresh_from_db()
    assert (step.not_before is None) is taken


def test_neither_a_stale_version_nor_a_step_that_is_done_is_claimed(step: ImportStep) -> None:
    assert leases.claim(step, step.version + 1) == ""
    put(step, status="done")

    assert leases.claim(step, step.version) == ""


def test_a_proof_reads_verifying_and_was_not_started_again(step: ImportStep) -> None:
    step.run.steps.exclude(pk=step.pk).delete()
    put(step, resource="verify")

    assert leases.claim(step, step.version)

    step.run.refresh_from_db()
    assert (step.run.status, step.run.started_at) == ("verifying", None)


def test_only_its_owner_renews_and_releases(step: ImportStep) -> None:
    token = leases.claim(step, step.version)
    put(step, lease_until=timezone.now() + SECOND)

    assert not leases.renew(step.pk, "another")
    leases.release(step.pk, "another", attempts=9)
    step.refresh_from_db()
    assert (step.lease_token, step.attempts) == (token, 1)
    assert leases.renew(step.pk, token) is True
    step.refresh_from_db()
    assert step.lease_until and step.lease_until > timezone.now() + 30 * SECOND
    leases.release(step.pk, token, attempts=0)
    step.refresh_from_db()
    assert (step.lease_token, step.lease_until, step.attempts) == ("", None, 0)


def test_an_owner_is_dead_only_where_that_can_be_seen() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    host = socket.gethostname()

    assert leases.owner_is_dead(f"{host}/{gone.pid}") is True
    assert leases.owner_is_dead(f"{host}/{os.getpid()}") is False
    assert leases.owner_is_dead(f"elsewhere/{gone.pid}") is False
    assert leases.owner_is_dead(f"{host}/") is False
    assert leases.owner_is_dead("") is False


def test_another_users_process_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int, signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(leases.os, "kill", refuse)

    assert leases.owner_is_dead(f"{socket.gethostname()}/1") is False


@pytest.mark.parametrize(
    "held",
    [
        {"lease_token": "another", "lease_until": -2 * SECOND, "lease_owner": "elsewhere/1"},
        {"not_before": -2 * SECOND},
        {},
    ],
    ids=["a lease that has ended", "a wait that is over", "nothing"],
)
def test_what_was_sent_and_lost_is_sent_again_after_the_time_of_a_stall(
    step: ImportStep, held: dict[str, Any], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ACUITY_STALL_SECONDS = 5
    monkeypatch.setattr(stalls, "enqueue", lambda run: None)
    now = timezone.now()
    at = {
        name: now + value if isinstance(value, timedelta) else value for name, value in held.items()
    }
    ImportRun.objects.filter(pk=step.run_id).update(status="running", started_at=now - 9 * SECOND)
    put(step, heartbeat_at=now - 9 * SECOND, **at)

    sent = [bool(stalls.resume_stalled(now + later * SECOND)) for later in (0, 1, 4, 6, 7, 12)]

    assert sent == [True, False, False, True, False, True]


@pytest.mark.parametrize(
    ("queued", "silent_for", "held", "sent"),
    [
        (1, 9, {}, False),
        (0, 9, {}, True),
        (1, 51, {}, True),
        (1, 9, {"lease_token": "another", "lease_until": -2 * SECOND}, True),
        (1, 9, {"not_before": -2 * SECOND}, True),
    ],
    ids=["in the queue", "lost", "for too long", "a lease that has ended", "a wait that is over"],
)
def test_what_only_waits_in_the_queue_is_not_sent_again(
    step: ImportStep,
    queued: int,
    silent_for: int,
    held: dict[str, Any],
    sent: bool,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.ACUITY_STALL_SECONDS = 5
    monkeypatch.setattr(stalls, "enqueue", lambda run: None)
    monkeypatch.setattr(messages, "queued", lambda: queued)
    now = timezone.now()
    at = {
        name: now + value if isinstance(value, timedelta) else value for name, value in held.items()
    }
    put(step, heartbeat_at=now - silent_for * SECOND, **at)

    assert bool(stalls.resume_stalled(now)) is sent


def test_the_queue_is_as_long_as_what_no_worker_has_taken(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = Celery("counted", broker=redis_url, set_as_current=False)
    app.conf.task_default_queue = "counted"
    monkeypatch.setattr(messages, "current_app", app)

    before = messages.queued()
    for _ in range(2):
        app.send_task("acuity.nothing")

    assert (before, messages.queued()) == (0, 2)
    app.conf.broker_url = app.conf.broker_write_url = "redis://127.0.0.1:1/0"
    assert messages.queued() == 0


def test_a_turn_that_nobody_asked_to_stop_costs_one_question(
    step: ImportStep, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        control.settle(step.run_id)
