"""What must one page never do? Each of these was once broken without a test noticing."""

import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.db.models.signals import post_save, pre_save
from django.utils import timezone

from bookings.models import Appointment
from integrations.acuity.runs import control, leases, window
from integrations.acuity.runs.page import Stale
from integrations.acuity.sandbox import Account, Sandbox, make_account
from integrations.models import ImportRun, ImportStep, PageFetch
from tests.conftest import begin, import_all, run_to_end, source

pytestmark = [pytest.mark.money, pytest.mark.django_db(transaction=True), pytest.mark.database]
Told = Callable[[PageFetch], None]


@pytest.fixture
def data() -> Account:
    return make_account(clients=6, appointments=40, months=3)


@pytest.fixture
def box(data: Account) -> Iterator[Sandbox]:
    with source(data) as box:
        yield box


def until(run: ImportRun, resource: str) -> ImportStep:
    """The run's step of that resource, when all before it are done."""
    while (step := control.current_step(run.pk)) and step.resource != resource:
        window.run_window(str(run.pk), step.resource, step.version)
    assert step
    return step


@pytest.fixture
def told() -> Iterator[Callable[[Any, Told], None]]:
    """`told(signal, receiver)`: of each page as it is written, until the test is over."""
    connected: list[tuple[Any, Any]] = []

    def connect(when: Any, receiver: Told) -> None:
        def receive(instance: PageFetch, **_: Any) -> None:
            receiver(instance)

        connected.append((when, receive))
        when.connect(receive, sender=PageFetch)

    yield connect
    for when, receive in connected:
        when.disconnect(receive, sender=PageFetch)


def test_rows_and_checkpoint_are_undone_together(box: Sandbox, told: Any) -> None:
    step = until(begin(box), "appointments")

    def fail(page: PageFetch) -> None:
        raise OperationalError("disk is full")

    told(pre_save, fail)
    window.run_window(str(step.run_id), "appointments", step.version)

    after = ImportStep.objects.get(pk=step.pk)
    assert (after.version, after.offset, after.cursor) == (step.version, 0, {})
    assert not Appointment.objects.exists()


def test_a_window_renews_its_lease_while_it_waits(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window, "RENEW_SECONDS", 0.0)
    step = until(begin(box), "appointments")
    token = leases.claim(step, step.version)
    soon = timezone.now() + timedelta(seconds=2)
    ImportStep.objects.filter(pk=step.pk).update(lease_until=soon)
    working = window.Window(step.run, step, token)

    working.source.get("/me")
    working.heartbeat()
    working.source.close()

    kept = ImportStep.objects.get(pk=step.pk)
    assert kept.lease_until and kept.lease_until > soon + timedelta(seconds=30)


def test_a_window_that_lost_its_lease_stops(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "RENEW_SECONDS", 0.0)
    step = until(begin(box), "appointments")
    working = window.Window(step.run, step, leases.claim(step, step.version))
    ImportStep.objects.filter(pk=step.pk).update(lease_token="another")

    with pytest.raises(Stale):
        working.heartbeat()
    working.source.close()


def test_on_a_slow_line_a_turn_is_longer() -> None:
    turns = [window.turn(latency) for latency in (0.0, 0.1, 0.15, 0.6, 1.2, 30.0)]

    assert turns == [12, 12, 12, 48, 96, 96]


@pytest.mark.parametrize("stop", [control.pause, control.cancel])
def test_a_window_stops_after_the_page_in_hand(
    box: Sandbox, told: Any, monkeypatch: pytest.MonkeyPatch, stop: Callable[[ImportRun], bool]
) -> None:
    monkeypatch.setattr(window, "STATUS_CHECK_SECONDS", 0.0)
    step = until(begin(box, page_limit=5), "appointments")
    told(post_save, lambda page: stop(step.run))

    outcome = window.run_window(str(step.run_id), "appointments", step.version)

    assert outcome.kind == "stop"
    assert step.run.pages.filter(resource="appointments").count() == 1
    step.run.refresh_from_db()
    assert step.run.status == ("paused" if stop is control.pause else "cancelled")


@pytest.mark.long
def test_no_log_line_names_a_person(
    box: Sandbox, data: Account, caplog: pytest.LogCaptureFixture
) -> None:
    data.edit(data.appointments[3]["id"], price="not a price")
    caplog.set_level(logging.DEBUG, "acuity")

    run_to_end(begin(box))

    lines = [record.getMessage() for record in caplog.records]
    assert any("acuity_appointments_page" in line for line in lines)
    for person in data.clients:
        for name in ("email", "phone", "lastName"):
            assert not [line for line in lines if person[name] and person[name] in line]


@pytest.mark.long
def test_a_changed_answer_in_a_form_is_stored(box: Sandbox, data: Account) -> None:
    import_all(box)
    key = data.appointments[7]["id"]
    form = {"id": 1, "name": "Intake", "values": [{"id": 2, "fieldID": 3, "value": "cats"}]}

    for answer in ("cats", "dogs"):
        form["values"][0]["value"] = answer  # type: ignore[index]
        data.edit(key, forms=[form])
        run = import_all(box)

        assert run.steps.get(resource="appointments").updated == 1
        assert Appointment.objects.get(external_id=key).forms == [form]
