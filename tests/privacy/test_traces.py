"""Nothing that an import leaves behind beside its tables has a value of a client's record."""

import logging
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from celery.signals import before_task_publish, task_failure, task_success
from django.db import IntegrityError, OperationalError
from django.test import Client as Browser

from integrations.acuity.accounts import find
from integrations.acuity.resources.clients import save as clients
from integrations.acuity.runs import control
from integrations.acuity.runs.options import Options
from integrations.acuity.sandbox import Account, Sandbox, SandboxOptions, make_account
from integrations.acuity.store import upsert
from integrations.acuity.sync import refresh
from integrations.logs import NoValues
from integrations.management import embedded
from integrations.management.refusals import refusal
from integrations.models import (
    AuditEntry,
    CompletionEvent,
    ImportRun,
    ImportStep,
    PageFetch,
    RejectedRecord,
)
from integrations.tasks import refresh_appointment

pytestmark = pytest.mark.django_db(transaction=True)
KEY = "sandbox-key"


@pytest.fixture
def box() -> Iterator[Sandbox]:
    data = make_account(clients=60, appointments=200, months=4)
    for row in data.appointments[:3]:
        data.edit(row["id"], price="no price")
    with Sandbox(data, SandboxOptions()) as box:
        yield box


def values_of(data: Account) -> set[str]:
    """Names, addresses, numbers, notes and answers; and the secrets of bookings."""
    found: set[str] = set()
    for row in [*data.clients, *data.appointments]:
        first, last = row["firstName"].strip(), row["lastName"].strip()
        digits = re.sub(r"\D", "", row["phone"])
        found |= {f"{first} {last}", row["email"], row["phone"], digits, row.get("notes") or ""}
        found |= {last if len(last) > 4 else "", row.get("confirmationPage") or ""}
    return {value for value in found if len(value) > 4}


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(name)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """Every line of every logger at DEBUG, as a worker and a project might have it."""
    kept, root = Kept(), logging.getLogger()
    named = [logging.getLogger(name) for name in ("acuity", "celery", "django", "urllib3")]
    before = [(one, one.level, one.propagate) for one in (root, *named)]
    for one, *_ in before:
        one.setLevel(logging.DEBUG)
        one.propagate = True
    root.addHandler(kept)
    yield kept.lines
    root.removeHandler(kept)
    for one, level, propagate in before:
        one.setLevel(level)
        one.propagate = propagate


@pytest.fixture
def sent() -> Iterator[list[str]]:
    """What goes to the broker, and what tasks answer or fail with."""
    seen: list[str] = []

    def published(**facts: Any) -> None:
        seen.append(f"{facts.get('headers')} {facts.get('body')}")

    def answered(result: Any = None, **_: Any) -> None:
        seen.append(repr(result))

    def failed(exception: Any = None, einfo: Any = None, **_: Any) -> None:
        seen.append(f"{exception!r} {exception} {einfo}")

    before_task_publish.connect(published)
    task_success.connect(answered)
    task_failure.connect(failed)
    yield seen
    before_task_publish.disconnect(published)
    task_success.disconnect(answered)
    task_failure.disconnect(failed)


def provoke(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Database errors that name the row at fault, as PostgreSQL's do."""
    insert, count = upsert.insert, {"n": 0}

    def refusing(model: Any, names: Any, rows: Any, *args: Any, **same: Any) -> None:
        insert(model, names, rows, *args, **same)
        if count["n"] < 3 and model.__name__ in ("Client", "Appointment"):
            count["n"] += 1
            raise IntegrityError(f"duplicate key value\nDETAIL:  Key (raw)=({rows}) exists.")

    monkeypatch.setattr(upsert, "insert", refusing)
    save_clients, broken = clients.save_clients, iter([True])

    def bug(context: Any, groups: Any, **same: Any) -> Any:
        if next(broken, False):
            raise ValueError(f"cannot read {groups}")
        return save_clients(context, groups, **same)

    monkeypatch.setattr(clients, "save_clients", bug)
    return count


@pytest.mark.long
def test_nothing_that_an_import_leaves_behind_has_a_value(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch, lines: list[str], sent: list[str]
) -> None:
    account = find.ensure("10000001", KEY, box.base_url)
    searched = values_of(box.account) | {KEY}
    errors_raised = provoke(monkeypatch)

    with embedded.worker():
        logging.getLogger("celery").setLevel(logging.DEBUG)
        run, until = control.start(account, Options(page_limit=40)), time.monotonic() + 120
        while run.status not in ("completed", "completed_with_gaps", "failed"):
            assert time.monotonic() < until, f"The run is still {run.status}."
            # What waits after a fault goes on at once.
            if ImportStep.objects.filter(run=run, not_before__isnull=False).update(not_before=None):
                control.enqueue(run)
            time.sleep(0.05)
            run.refresh_from_db()
        monkeypatch.setattr(
            refresh, "perform", lambda *_: (_ for _ in ()).throw(IntegrityError(str(searched)))
        )
        before, until = len(sent), time.monotonic() + 60
        refresh_appointment.delay(account.pk, "1")
        while not any("IntegrityError" in line for line in sent[before:]):
            assert time.monotonic() < until
            time.sleep(0.05)

    rows: list[Any] = [
        *ImportRun.objects.values(),
        *ImportStep.objects.values(),
        *PageFetch.objects.values(),
        *AuditEntry.objects.values(),
        *CompletionEvent.objects.values(),
        *RejectedRecord.objects.values("external_id", "reason", "digest"),
    ]
    left = {
        "logs": "\n".join(lines),
        "broker and results": "\n".join(sent),
        "metrics": Browser().get("/metrics").content.decode(),
        "rows": "\n".join(map(str, rows)),
    }

    found = {(place, v) for place, text in left.items() for v in searched if v in text}
    print(f"searched for {len(searched)} values in {sum(map(len, left.values())):,} characters")
    assert run.status in ("completed", "completed_with_gaps"), run.reason
    assert errors_raised["n"] == 3 and RejectedRecord.objects.count() == 3
    assert len(searched) > 150 and all(map(len, left.values()))
    assert found == set()


def test_the_second_net_takes_values_out_of_a_record() -> None:
    try:
        raise IntegrityError("Key (email)=(ann@example.com) exists.")
    except IntegrityError as error:
        record = logging.LogRecord(
            "x", logging.ERROR, "", 1, "failed: %s", (error,), (type(error), error, None)
        )
        address = logging.LogRecord(
            "x", logging.DEBUG, "", 1, "GET %s", ("/clients?search=Ann&max=1",), None
        )

    NoValues().filter(record)
    NoValues().filter(address)

    said = logging.Formatter().format(record)
    assert "ann@example.com" not in said and "IntegrityError" in said
    assert address.getMessage() == "GET /clients?search=…&max=1"


def test_the_text_of_a_database_error_is_said_only_where_it_has_no_values() -> None:
    refused = refusal(IntegrityError("DETAIL: Key (email)=(ann@example.com) already exists."))
    away = refusal(OperationalError("could not connect to server"))

    assert "ann@" not in refused.error and "IntegrityError" in refused.error
    assert "could not connect" in away.error
    assert refused.code == away.code == "database_trouble"
