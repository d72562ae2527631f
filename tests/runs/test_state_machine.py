"""Any order of start, page, pause, resume, cancel, crash and repeated or stale messages."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from bookings.models import Appointment, Tenant
from integrations.acuity.runs import control, stalls, troubles, window
from integrations.acuity.runs.options import Options
from integrations.acuity.sandbox import Sandbox, make_account
from integrations.acuity.steps import STEPS
from integrations.models import CompletionEvent, ImportRun, ImportStep
from tests import invariants
from tests.conftest import begin, known, run_to_end, source
from tests.truth import stored, truth

pytestmark = pytest.mark.slow
DATA = make_account(clients=6, appointments=25, months=2)
IDS = {str(row["id"]) for row in DATA.appointments}


class Crash(BaseException):
    """As a kill between two statements: no handler of the importer's sees it."""


class Importing(RuleBasedStateMachine):
    box: Sandbox

    def __init__(self) -> None:
        super().__init__()
        Appointment.objects.all().delete()
        Tenant.objects.all().delete()
        self.account = known(self.box)
        self.messages: list[tuple[Any, str, int]] = []

    @property
    def run(self) -> ImportRun | None:
        return ImportRun.objects.order_by("-created_at").first()

    @rule()
    def start(self) -> None:
        active = ImportRun.objects.filter(status__in=ImportRun.ACTIVE).exists()
        try:
            control.start(self.account, Options(page_limit=5), send=False)
            assert not active
        except control.ActiveRun:
            assert active

    @rule(pages=st.integers(1, 8))
    def work(self, pages: int) -> None:
        """The message that is due, and what follows from it."""
        for _ in range(pages):
            step = control.current_step(self.run.pk) if self.run else None
            if self.run is None:
                return
            if step is None:
                control.finish(self.run.pk)
                return
            self.deliver(self.run.pk, step.resource, step.version)

    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """Any message that ever was, once more."""
        if self.messages:
            self.deliver(*data.draw(st.sampled_from(self.messages)))

    @rule(point=st.sampled_from(["fetch", "save"]), after=st.booleans())
    def crash(self, point: str, after: bool) -> None:
        """The process dies in the middle of a page; its lease ends later."""
        step = control.current_step(self.run.pk) if self.run else None
        if step is None:
            return
        resource = STEPS[step.resource]
        inner = getattr(resource, point)

        with pytest.MonkeyPatch.context() as patch:

            def dying(*args: Any) -> Any:
                if after:
                    inner(*args)
                # A dead process gives nothing back; a window that ends before this does.
                patch.setattr(window.leases, "release", lambda *args, **fields: None)
                raise Crash

            patch.setattr(resource, point, dying, raising=False)
            try:
                window.run_window(str(self.run.pk), step.resource, step.version)
            except Crash:
                ImportStep.objects.filter(pk=step.pk).update(lease_token="", lease_until=None)

    @rule()
    def pause(self) -> None:
        if self.run:
            control.pause(self.run)

    @rule()
    def resume(self) -> None:
        if self.run:
            control.resume(self.run)

    @rule()
    def cancel(self) -> None:
        if self.run:
            control.cancel(self.run)

    @rule()
    def sweep(self) -> None:
        stalls.resume_stalled()

    def deliver(self, run: Any, resource: str, version: int) -> None:
        self.messages.append((run, resource, version))
        if ImportRun.objects.filter(pk=run).exists():
            window.run_window(str(run), resource, version)

    @invariant()
    def rows_and_checkpoints_agree(self) -> None:
        assert invariants.of_django() == []

    @invariant()
    def rows_are_the_sources(self) -> None:
        assert set(Appointment.objects.values_list("external_id", flat=True)) <= IDS

    @invariant()
    def one_active_run_and_one_event_each(self) -> None:
        assert ImportRun.objects.filter(status__in=ImportRun.ACTIVE).count() <= 1
        over = ImportRun.objects.filter(status__startswith="completed").count()
        assert CompletionEvent.objects.count() == over

    def teardown(self) -> None:
        """Whatever happened: resumed and left alone, it completes with everything."""
        run = self.run
        if run is None or run.status == "cancelled":
            return
        control.resume(run)
        run_to_end(run)
        assert run.status == "completed", (run.status, run.reason, run.gaps)
        assert stored(self.account.tenant) == truth(DATA)


@pytest.fixture
def machine(one_page_a_window: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(control, "enqueue", lambda run: None)
    monkeypatch.setattr(stalls, "enqueue", lambda run: None)
    with source(DATA) as box:
        yield type("Machine", (Importing,), {"box": box})


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("orders", [15, pytest.param(100, marks=pytest.mark.thorough)])
def test_any_order_of_events_keeps_the_invariants(machine: Any, orders: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=orders,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.django_db(transaction=True)
def test_a_window_that_gives_up_before_it_crashes_gives_its_lease_back(machine: Any) -> None:
    importing = machine()
    importing.start()
    for _ in range(troubles.MAX_ATTEMPTS + 1):
        importing.crash("fetch", after=False)
    assert importing.run.status == "failed"

    importing.teardown()


@pytest.mark.django_db(transaction=True)
def test_a_run_paused_after_its_last_page_completes_when_resumed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(control, "enqueue", lambda run: None)
    with source(DATA) as box:
        run = begin(box)
        while step := control.current_step(run.pk):
            window.run_window(str(run.pk), step.resource, step.version)
    control.pause(run)
    assert not control.finish(run.pk)
    control.resume(run)
    assert control.finish(run.pk)
    run.refresh_from_db()
    assert (run.status, CompletionEvent.objects.count()) == ("completed", 1)
