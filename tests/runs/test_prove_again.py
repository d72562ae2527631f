"""Proving again is a run like any other, and breaking it off leaves the last proof standing."""

from typing import Any

import pytest

from bookings.models import Appointment
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.runs import control, leases, window
from integrations.acuity.sandbox import Sandbox
from integrations.models import CompletionEvent, ImportRun
from tests.conftest import import_all, prove_again, run_to_end, small, source

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.usefixtures("one_page_a_window"),
]
STATEMENT = ("status", "verified", "verified_at", "coverage", "gaps", "differences", "finished_at")


def statement(run: ImportRun) -> dict[str, Any]:
    return ImportRun.objects.filter(pk=run.pk).values(*STATEMENT).get()


def half_proven(run: ImportRun) -> ImportRun:
    """The run is being proven again, and its first page is done."""
    control.verify(ImportRun.objects.get(pk=run.pk), send=False)
    step = control.current_step(run.pk)
    assert step is not None
    window.run_window(str(run.pk), step.resource, step.version)
    return ImportRun.objects.get(pk=run.pk)


def lost_booking() -> None:
    """Something that a new proof would have to say."""
    Appointment.objects.filter(pk=Appointment.objects.order_by("pk")[5].pk).delete()


def pause(box: Sandbox, run: ImportRun) -> None:
    assert control.pause(run)


def cancel(box: Sandbox, run: ImportRun) -> None:
    assert control.cancel(run)


def refuse(box: Sandbox, run: ImportRun) -> None:
    run.account.api_key = "another"
    run.account.save()
    run_to_end(run)


def kill(box: Sandbox, run: ImportRun) -> None:
    """A process that took the step and never gave it back."""
    step = control.current_step(run.pk)
    assert step is not None
    assert leases.claim(step, step.version)


@pytest.mark.long
@pytest.mark.parametrize("end", [pause, cancel, refuse, kill])
def test_broken_off_it_leaves_the_statement_standing(end: Any) -> None:
    with source(small()) as box:
        run = import_all(box)
        before = statement(run)
        lost_booking()
        half = half_proven(run)
        assert half.status == "verifying"

        end(box, half)
        after = statement(run)

    status = {pause: "paused", kill: "verifying"}.get(end, "completed")
    assert after == before | {"status": status}


@pytest.mark.long
def test_cancelled_it_is_completed_with_all_steps_done() -> None:
    with source(small()) as box:
        run = half_proven(import_all(box))
        control.cancel(run)

    assert control.current_step(run.pk) is None
    assert CompletionEvent.objects.filter(run=run).count() == 1


@pytest.mark.long
def test_resumed_it_says_verifying_and_ends_with_a_new_statement() -> None:
    with source(small()) as box:
        run = import_all(box)
        before = statement(run)
        half = half_proven(run)
        control.pause(half)
        half.refresh_from_db()
        control.resume(half)
        step = control.current_step(run.pk)
        assert step is not None
        window.run_window(str(run.pk), step.resource, step.version)
        half.refresh_from_db()
        assert half.status == "verifying"

        run_to_end(run)

    after = statement(run)
    assert after["verified_at"] > before["verified_at"]
    assert after | {"verified_at": None} == before | {"verified_at": None}
    assert CompletionEvent.objects.filter(run=run).count() == 1


@pytest.mark.long
def test_it_never_runs_beside_an_active_run() -> None:
    with source(small()) as box:
        first = import_all(box)
        second = control.start(first.account, send=False)

        with pytest.raises(control.ActiveRun) as refused:
            control.verify(ImportRun.objects.get(pk=first.pk), send=False)

    assert refused.value.run == second
    assert statement(first)["status"] == "completed"


@pytest.mark.long
def test_only_a_finished_run_can_be_proven() -> None:
    with source(small()) as box:
        run = import_all(box)
        ImportRun.objects.filter(pk=run.pk).update(status="failed")

        with pytest.raises(ConfigurationError, match="only a completed run"):
            control.verify(ImportRun.objects.get(pk=run.pk), send=False)


@pytest.mark.long
def test_a_finished_run_is_not_resumed() -> None:
    with source(small()) as box:
        run = import_all(box)

        assert not control.resume(run)

    assert statement(run)["status"] == "completed"


@pytest.mark.long
def test_proven_twice_it_finds_what_was_lost_between() -> None:
    with source(small()) as box:
        run = import_all(box)
        had = Appointment.objects.count()
        lost_booking()

        prove_again(run)

    assert Appointment.objects.count() == had
    assert statement(run)["status"] == "completed"
