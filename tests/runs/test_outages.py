"""A small version of `make outages`, and a command that finds PostgreSQL full."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace

import psycopg
import pytest
from django.db import OperationalError

from integrations.acuity.runs import leases, outages
from integrations.acuity.sandbox import Sandbox
from integrations.management import database
from integrations.models import ImportStep
from tests.commands.test_commands import ROOT, credentials, untraced
from tests.conftest import begin
from tests.services import Postgres

pytestmark = pytest.mark.slow


def test_an_import_outlasts_its_database_and_its_broker() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.outages", "--database", "4", "--broker", "1"],
        cwd=ROOT,
        env=untraced(os.environ),
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert done.returncode == 0, done.stdout + done.stderr[-3000:]


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    postgres = Postgres()
    yield postgres
    postgres.close()


def test_a_command_waits_while_postgresql_has_too_many_clients(
    postgres: Postgres, box: Sandbox
) -> None:
    taken = [psycopg.connect(postgres.url)]
    [[most]] = taken[0].execute("SELECT current_setting('max_connections')::int").fetchall()
    taken += [psycopg.connect(postgres.url) for _ in range(most - 1)]
    command = subprocess.Popen(
        [sys.executable, "manage.py", "acuity_import", "--json"],
        cwd=ROOT,
        env=untraced(os.environ)
        | {"DATABASE_URL": postgres.url, "REDIS_URL": "", "ACUITY_REQUESTS_PER_SECOND": "0"}
        | credentials(box),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(12)
    assert command.poll() is None
    for connection in taken:
        connection.close()
    out, err = command.communicate(timeout=120)

    assert command.returncode == 0, err
    assert json.loads(out)["status"] == "completed"
    assert err.splitlines()[0] == "The database takes no connection now: waiting for it."


@pytest.mark.django_db(transaction=True)
def test_a_lease_lost_to_an_outage_is_no_death(box: Sandbox) -> None:
    step = begin(box).steps.first()
    assert step is not None and leases.claim(step, 0)
    ImportStep.objects.filter(pk=step.pk).update(lease_until=None)
    assert leases.claim(step, 0)
    step.refresh_from_db()
    assert step.deaths == 1

    leases.excuse(step.pk)
    leases.excuse(step.pk)

    step.refresh_from_db()
    assert step.deaths == 0


@pytest.mark.django_db(transaction=True)
def test_what_fails_while_the_database_is_there_is_not_waited_for() -> None:
    told = threading.Event()

    def full() -> None:
        raise OperationalError("database or disk is full")

    with pytest.raises(OperationalError, match="full"):
        outages.outlast(full, told.set)
    assert not told.is_set()


def test_a_pool_that_has_no_connection_left_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    full = OperationalError("FATAL:  no more connections allowed (max_client_conn)")
    answers = iter([full, full, None])

    def connect() -> None:
        if error := next(answers):
            raise error

    monkeypatch.setattr(database, "connection", SimpleNamespace(ensure_connection=connect))
    monkeypatch.setattr(outages, "PAUSE", 0)

    database.reach()

    assert next(answers, "asked three times") == "asked three times"
    assert capsys.readouterr().err.count("waiting for it") == 1
