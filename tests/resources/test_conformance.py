"""Does every resource, present and future, keep the importer's promises?

`test_crashes` kills each of them at every boundary; here messages repeat and the source moves. The
promises are in `tests/conformance.py`; bad resources show that each of them can be broken.
"""

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.base import Resource
from integrations.acuity.runs import control, window
from integrations.acuity.sandbox import Account, Sandbox
from integrations.acuity.steps import STEPS
from integrations.models import CompletionEvent, ImportRun, ImportStep
from tests import invariants
from tests.conformance import PROMISES, ROWS, Writes, contents, try_out
from tests.conftest import begin
from tests.later import prove_later
from tests.resources.bad import BAD, Chairs
from tests.truth import stored, truth

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.sandbox(clients=12, appointments=40, months=2),
]
# PostgreSQL need not see all of them: a list without pages, pages, windows of days, lists by ID.
ALSO_ON_POSTGRESQL = ("labels", "clients", "appointments", "payments")


def trials() -> Iterator[Any]:
    """Each promise with each resource; each with every third of them in `make test`."""
    for n, resource in enumerate([Chairs(), *RESOURCES.values()]):
        for m, promise in enumerate(PROMISES):
            marks = [pytest.mark.slow] if n else []
            marks += [pytest.mark.thorough] if n and (n + m) % 3 else []
            marks += [pytest.mark.database] if resource.name in ALSO_ON_POSTGRESQL else []
            yield pytest.param(resource, promise, marks=marks, id=f"{promise}-{resource.name}")


def work(run: ImportRun, step: ImportStep) -> None:
    outcome = window.run_window(str(run.pk), step.resource, step.version)
    assert outcome.kind != "stop", outcome.text


def steps(run: ImportRun) -> Iterator[ImportStep]:
    """The current step, again and again until none is left; whoever asks works on it."""
    while step := control.current_step(run.pk):
        yield step
    control.finish(run.pk)
    run.refresh_from_db()


class TestPromises:
    @pytest.mark.parametrize(("resource", "promise"), list(trials()))
    def test_it_is_kept(self, resource: Resource, promise: str) -> None:
        assert try_out(resource, promise) == ""

    @pytest.mark.long
    @pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.__name__)
    def test_a_bad_resource_is_refused_for_its_reason(self, bad: type[Resource]) -> None:
        promise, reason = BAD[bad]

        assert reason in try_out(bad(), promise)

    def test_every_promise_can_be_broken(self) -> None:
        assert {promise for promise, _ in BAD.values()} == set(PROMISES)


@pytest.mark.database
class TestRepeated:
    @pytest.mark.long
    def test_the_second_copy_of_a_message_has_no_effect(
        self, one_page_a_window: None, box: Sandbox
    ) -> None:
        run, repeated = begin(box, page_limit=10), set()

        for step in steps(run):
            work(run, step)
            before, asked = contents(), len(box.requests)

            again = window.run_window(str(run.pk), step.resource, step.version)

            assert again.kind in ("stop", "done")
            assert (contents(), len(box.requests)) == (before, asked), step.resource
            assert invariants.of_django() == []
            repeated.add(step.resource)

        assert repeated == set(STEPS)
        assert stored(run.account.tenant) == truth(box.account)

    @pytest.mark.long
    def test_two_workers_on_one_page_write_it_once(
        self, one_page_a_window: None, box: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The second one takes the step while the first is still asking, as after a lease that ran out."""
        run, overtaken, late = begin(box, page_limit=10), set(), set()

        def rivalled(name: str, fetch: Callable[[Any], Any]) -> Callable[[Any], Any]:
            def asked(context: Any) -> Any:
                page = fetch(context)
                if name not in overtaken:
                    overtaken.add(name)
                    mine = ImportStep.objects.get(pk=context.position.step)
                    ImportStep.objects.filter(pk=mine.pk).update(
                        lease_until=mine.heartbeat_at - timedelta(seconds=1)
                    )
                    window.run_window(str(run.pk), name, mine.version)
                return page

            return asked

        for name, step in STEPS.items():
            monkeypatch.setattr(step, "fetch", rivalled(name, step.fetch), raising=False)
        for each in steps(run):
            outcome = window.run_window(str(run.pk), each.resource, each.version)
            if outcome.text == "nothing to do: another message was first":
                late.add(each.resource)

        assert late == overtaken == set(STEPS)
        assert stored(run.account.tenant) == truth(box.account)
        assert invariants.of_django() == []


@pytest.mark.database
class TestSecondRun:
    @pytest.mark.long
    def test_it_writes_no_row_when_nothing_has_changed(
        self, one_page_a_window: None, box: Sandbox
    ) -> None:
        first = begin(box, page_limit=10)
        for step in steps(first):
            work(first, step)
        before, second, written = contents(), begin(box, page_limit=10), {}

        for step in steps(second):
            writes = Writes(ROWS)
            with connection.execute_wrapper(writes):
                work(second, step)
            written[step.resource] = written.get(step.resource, 0) + writes.rows

        assert written == dict.fromkeys(STEPS, 0)
        assert contents() == before


@pytest.mark.database
class TestMovingSource:
    @pytest.mark.long
    @pytest.mark.parametrize("resource", ["clients", "appointments", "payments", "verify"])
    def test_it_ends_equal_to_a_source_that_changed_under_it(
        self, one_page_a_window: None, box: Sandbox, resource: str
    ) -> None:
        rng, run = random.Random(resource), begin(box, page_limit=10)

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
        if run.gaps:
            prove_later(run)

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
