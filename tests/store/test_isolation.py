"""Two tenants at once, and two starts at once: nobody touches what is another's."""

import threading
from typing import Any

import pytest
from django.db import connection

from bookings.models import Appointment, Tenant
from integrations.acuity.runs import control, window
from integrations.acuity.runs.options import Options
from integrations.acuity.sandbox import make_account
from integrations.models import AcuityAccount, ImportRun
from tests.conftest import begin, source
from tests.truth import stored, truth

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.database]


@pytest.mark.long
def test_two_accounts_with_the_same_ids_import_at_once_and_keep_apart(
    one_page_a_window: None,
) -> None:
    data = [make_account(clients=20, appointments=60, months=3, seed=seed) for seed in (1, 2)]
    with source(data[0]) as one, source(data[1], user_id="20000002") as two:
        both = [begin(box, page_limit=10) for box in (one, two)]
        assert both[0].account.tenant_id != both[1].account.tenant_id
        # Window by window in turns, as two workers would.
        while steps := [(run, step) for run in both if (step := control.current_step(run.pk))]:
            for run, step in steps:
                window.run_window(str(run.pk), step.resource, step.version)
        for run, account in zip(both, data, strict=True):
            control.finish(run.pk)
            run.refresh_from_db()
            assert (run.status, run.gaps) == ("completed", [])
            assert stored(run.account.tenant) == truth(account)
    foreign = Appointment.objects.exclude(client__tenant=both[0].account.tenant).filter(
        tenant=both[0].account.tenant
    )
    assert not foreign.exists()


def test_of_many_starts_at_once_one_run_comes_out(settings: Any) -> None:
    account = AcuityAccount.objects.create(
        tenant=Tenant.objects.create(name="A"), user_id="1", api_key="k"
    )
    started, refused, gate = [], [], threading.Barrier(6)

    def press() -> None:
        gate.wait()
        try:
            started.append(control.start(account, send=False))
        except control.ActiveRun as active:
            refused.append(active.run)
        finally:
            connection.close()

    threads = [threading.Thread(target=press) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(started) == 1
    assert {run.pk for run in refused} == {started[0].pk} and len(refused) == 5
    assert ImportRun.objects.count() == 1


@pytest.mark.long
def test_while_another_run_waits_turns_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(window, "TURN_SECONDS", 0.0)
    monkeypatch.setattr(window, "STATUS_CHECK_SECONDS", 0.0)
    data = make_account(clients=5, appointments=60, months=3)

    def pages_of_a_turn(run: ImportRun) -> int:
        before = run.pages.filter(resource="appointments").count()
        while step := control.current_step(run.pk):
            window.run_window(str(run.pk), step.resource, step.version)
            if step.resource == "appointments":
                break
        return run.pages.filter(resource="appointments").count() - before

    with source(data) as box:
        one, two = (
            control.start(
                AcuityAccount.objects.create(
                    tenant=Tenant.objects.create(name=name),
                    user_id="10000001",
                    api_key="sandbox-key",
                    base_url=box.base_url,
                ),
                Options(page_limit=5),
                send=False,
            )
            for name in ("one", "two")
        )
        assert pages_of_a_turn(one) <= 2
        control.pause(two)
        assert pages_of_a_turn(one) > 5
