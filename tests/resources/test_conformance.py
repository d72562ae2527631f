"""Does every resource, present and future, keep the importer's promises?

`test_crashes` kills each of them at every boundary; here messages repeat and the source moves.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import Model

from bookings.models import Tenant
from integrations.acuity.accounts import find
from integrations.acuity.runs import control, window
from integrations.acuity.sandbox import Account, Sandbox, SandboxOptions, make_account
from integrations.acuity.steps import STEPS
from integrations.models import CompletionEvent, ImportRun, ImportStep
from tests import invariants
from tests.truth import stored, truth

BUSINESS = apps.get_app_config("bookings").get_models(include_auto_created=True)
ROWS: list[type[Model]] = [model for model in BUSINESS if model is not Tenant]
every_resource = pytest.mark.parametrize("resource", STEPS)
in_database = [pytest.mark.django_db(transaction=True), pytest.mark.database]


def small() -> Account:
    return make_account(clients=12, appointments=40, months=2)


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(small(), SandboxOptions()) as box:
        yield box


@pytest.fixture
def one_page_a_window(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ACUITY_REQUESTS_PER_SECOND = 0
    monkeypatch.setattr(window, "WINDOW_SECONDS", 0.0)


def begin(box: Sandbox) -> ImportRun:
    account = find.ensure(box.options.user_id, box.options.api_key, box.base_url)
    return control.start(account, page_limit=10, send=False)


def work(run: ImportRun, step: ImportStep) -> None:
    outcome = window.run_window(str(run.pk), step.resource, step.version)
    assert outcome.kind != "stop", outcome.text


def steps(run: ImportRun) -> Iterator[ImportStep]:
    """The current step, again and again until none is left; whoever asks works on it."""
    while step := control.current_step(run.pk):
        yield step
    control.finish(run.pk)
    run.refresh_from_db()


def contents() -> list[Any]:
    return [list(model._default_manager.order_by("pk").values()) for model in ROWS]


class Writes:
    """Rows that statements on the business's tables have written."""

    def __init__(self) -> None:
        self.rows = 0

    def __call__(self, execute: Callable[..., Any], sql: str, *args: Any) -> Any:
        """As connection.execute_wrapper calls it; the last argument is its context."""
        cursor = execute(sql, *args)
        tables = (model._meta.db_table for model in ROWS)
        if sql.startswith(("INSERT", "UPDATE", "DELETE")) and any(f'"{t}"' in sql for t in tables):
            self.rows += max(args[-1]["cursor"].rowcount, 0)
        return cursor


class TestRepeated:
    pytestmark = in_database

    @every_resource
    def test_the_second_copy_of_a_message_has_no_effect(
        self, one_page_a_window: None, box: Sandbox, resource: str
    ) -> None:
        run = begin(box)

        for step in steps(run):
            work(run, step)
            if step.resource == resource:
                before, asked = contents(), len(box.requests)

                again = window.run_window(str(run.pk), resource, step.version)

                assert again.kind in ("stop", "done")
                assert (contents(), len(box.requests)) == (before, asked)
                assert invariants.of_django() == []

        assert stored(run.account.tenant) == truth(box.account)

    @every_resource
    def test_two_workers_on_one_page_write_it_once(
        self, one_page_a_window: None, box: Sandbox, resource: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The second one takes the step while the first is still asking, as after a lease that ran out."""
        run, rivals = begin(box), []
        fetch = STEPS[resource].fetch

        def overtaken(context: Any) -> Any:
            page = fetch(context)
            if not rivals:
                rivals.append(context.step.version)
                ImportStep.objects.filter(pk=context.step.pk).update(
                    lease_until=context.step.heartbeat_at - timedelta(seconds=1)
                )
                window.run_window(str(run.pk), resource, context.step.version)
            return page

        monkeypatch.setattr(STEPS[resource], "fetch", overtaken, raising=False)
        outcomes = [
            window.run_window(str(run.pk), step.resource, step.version).text for step in steps(run)
        ]

        assert "stale message" in outcomes
        assert stored(run.account.tenant) == truth(box.account)
        assert invariants.of_django() == []


class TestSecondRun:
    pytestmark = in_database

    @every_resource
    def test_it_writes_no_row_when_nothing_has_changed(
        self, one_page_a_window: None, box: Sandbox, resource: str
    ) -> None:
        first = begin(box)
        for step in steps(first):
            work(first, step)
        before, second, writes = contents(), begin(box), Writes()

        for step in steps(second):
            with connection.execute_wrapper(writes) if step.resource == resource else nullcontext():
                work(second, step)

        assert writes.rows == 0
        assert contents() == before


class TestMovingSource:
    pytestmark = in_database

    @every_resource
    def test_it_ends_equal_to_a_source_that_changed_under_it(
        self, one_page_a_window: None, box: Sandbox, resource: str
    ) -> None:
        rng, run = random.Random(resource), begin(box)

        for step in steps(run):
            work(run, step)
            if step.resource != resource:
                continue
            if resource != "verify":
                change(box.account, rng)
                rename(box.account, rng)
            # What changes after verification has listed it is the next import's business.
            elif step.version == 0:
                change(box.account, rng)

        assert (run.status, run.gaps) == ("completed", [])
        have, want = stored(run.account.tenant), truth(box.account)
        # Acuity's clients have no ID: a renamed one is another, and the old name's row stays.
        assert have.pop("clients") >= want.pop("clients")
        assert have == want
        assert CompletionEvent.objects.filter(run=run).count() == 1


def change(account: Account, rng: random.Random) -> None:
    """A booking more, one moved to either end, one canceled, one paid, one gone."""
    numbers = sorted(account.bookings)
    starts = account.starts
    low, high = min(starts.values()), max(starts.values())
    account.add_appointment(rng.choice([low, high]) + timedelta(minutes=15))
    account.move(rng.choice(numbers), low - timedelta(hours=rng.randint(1, 30)))
    account.move(rng.choice(numbers), high + timedelta(hours=rng.randint(1, 30)))
    account.cancel(rng.choice(numbers))
    pay(account, rng.choice(numbers), rng)
    account.delete(rng.choice(numbers))


def rename(account: Account, rng: random.Random) -> None:
    with account.lock:
        rng.choice(account.clients)["firstName"] = f"New{rng.randrange(999)}"


def pay(account: Account, number: int, rng: random.Random) -> None:
    amount = f"{rng.randint(10, 99)}.00"
    cash = {
        "created": "2026-06-01T10:00:00-0500",
        "processor": "cash",
        "transactionID": "",
        "amount": amount,
    }
    account.edit(number, paid="yes", amountPaid=amount, payments=[cash])
