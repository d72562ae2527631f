"""The database fails in the middle of a page: rows and checkpoint agree, and the run goes on."""

import random
import string
import threading
import time
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from bookings.models import Appointment
from integrations.acuity.runs import control, window
from integrations.acuity.sandbox import Sandbox
from integrations.acuity.store import upsert
from integrations.models import ImportRun, ImportStep, RejectedRecord
from tests import invariants
from tests.conftest import begin
from tests.truth import stored, truth

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.sandbox(clients=20, appointments=60, months=3),
]


def work(box: Sandbox) -> tuple[ImportRun, list[str]]:
    """The whole import, taken up again whenever it waits; and what its windows said."""
    run, said = begin(box, page_limit=10), []
    while step := control.current_step(run.pk):
        said.append(window.run_window(str(run.pk), step.resource, step.version).text)
        assert invariants.of_django() == []
        ImportStep.objects.filter(pk=step.pk).update(not_before=timezone.now())
        assert len(said) < 200
    control.finish(run.pk)
    run.refresh_from_db()
    return run, said


@pytest.mark.long
@pytest.mark.parametrize(
    "message", ["database or disk is full", "deadlock detected", "database is locked"]
)
def test_an_error_in_the_transaction_undoes_the_page_and_is_tried_again(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, message: str
) -> None:
    insert, failing = upsert.insert, iter([False, False, True, False, True])

    def full(*args: Any, **same: Any) -> None:
        insert(*args, **same)
        if next(failing, False):
            raise OperationalError(message)

    monkeypatch.setattr(upsert, "insert", full)
    run, said = work(box)

    assert (run.status, run.gaps) == ("completed", [])
    assert sum("OperationalError" in text for text in said) == 2
    assert stored(run.account.tenant) == truth(box.account)


def test_a_connection_lost_in_the_transaction_is_opened_again(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no connection to lose")
    insert, failing = upsert.insert, iter([False, False, True])

    def lost(*args: Any, **same: Any) -> None:
        if next(failing, False):
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        insert(*args, **same)

    monkeypatch.setattr(upsert, "insert", lost)
    run, said = work(box)

    assert (run.status, run.gaps) == ("completed", [])
    assert any("OperationalError" in text for text in said)
    assert stored(run.account.tenant) == truth(box.account)


def test_no_session_is_idle_in_transaction_while_the_source_answers(box: Sandbox) -> None:
    """A second session looks on while answers take their time."""
    if connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL tells")
    seen: list[Any] = []
    slow, over = iter([5.0, 0.5, 0.5, 0.5]), threading.Event()
    box.hook = lambda path, query: time.sleep(next(slow, 0.0))

    def look_on() -> None:
        while not over.wait(0.02):
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT state, now() - state_change FROM pg_stat_activity"
                    " WHERE state LIKE 'idle in transaction%' AND now() - state_change > interval '0.2 s'"
                )
                seen.extend(cursor.fetchall())
        connection.close()

    watcher = threading.Thread(target=look_on)
    watcher.start()
    run, _ = work(box)
    over.set()
    watcher.join()

    assert run.status == "completed"
    assert seen == []
    assert Appointment.objects.count() == 60


@pytest.mark.parametrize("name", ["firstName", "email", "phone"])
@pytest.mark.parametrize("where", ["client", "booking"])
def test_a_name_longer_than_an_index_holds_is_one_reject(
    box: Sandbox, name: str, where: str
) -> None:
    """Made of letters that PostgreSQL cannot compress."""
    odd = "".join(random.Random(name).choices(string.ascii_letters + string.digits, k=6000))
    if where == "client":
        box.account.clients[2][name] = odd
    else:
        box.account.edit(box.account.appointments[5]["id"], **{name: odd})

    run, _ = work(box)

    assert run.status == "completed_with_gaps"
    reasons = RejectedRecord.objects.values_list("reason", flat=True)
    assert len(reasons) == 1 and "characters, more than 500" in reasons[0]
    listed = len(box.account.appointments)
    assert Appointment.objects.count() == listed - (where == "booking")
