"""Does a resource that only declares itself get everything that the others have?"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.admin import autodiscover, site
from django.core.checks import run_checks

from bookings import history
from bookings.exports import tables
from bookings.models import Calendar
from integrations.acuity.accounts.connection import account_client
from integrations.acuity.reading.stored import as_json
from integrations.acuity.reading.values import text
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.base import Context, Foreseen
from integrations.acuity.resources.clients import Clients
from integrations.acuity.resources.scope import Scope
from integrations.acuity.resources.whole import Whole
from integrations.acuity.sandbox import Sandbox
from integrations.acuity.source.fetching import Fetcher
from integrations.acuity.store.upsert import Counts
from integrations.checks import resources as checks
from integrations.models import ImportRun, RejectedRecord
from integrations.privacy import deleting
from tests.conftest import known

pytestmark = [pytest.mark.django_db, pytest.mark.sandbox(clients=2, appointments=2, months=1)]


class Chairs(Whole):
    name, title, noun = "chairs", "Chairs", "chair"
    path, model, columns = "/calendars", Calendar, ("name", "timezone")

    def read(self, payload: dict[str, Any]) -> tuple[str, ...]:
        return text(payload.get("name"), "name"), text(payload.get("timezone"), "timezone")


@pytest.fixture
def context(box: Sandbox) -> Iterator[Context]:
    account = known(box)
    run = ImportRun.objects.create(account=account)
    source = Fetcher(account_client(account), lambda: None)
    yield Context.of(Scope.of(run), source)
    source.close()


def bring(context: Context) -> Counts:
    page = Chairs().fetch(context)
    assert (page.done, page.total) == (True, page.size)
    return Chairs().save(context, page)


class TestWhole:
    def test_the_second_reading_writes_nothing(self, context: Context) -> None:
        first, second = bring(context), bring(context)

        assert (first, second) == (Counts(created=4), Counts(unchanged=4))
        assert Chairs().stored(context.scope) == 4

    def test_a_dry_run_counts_and_writes_nothing(self, context: Context) -> None:
        seen: list[Any] = []

        answer = Chairs().dry_run(context, seen.extend)

        assert (answer, len(seen)) == (Foreseen(fetched=4, created=4), 4)
        assert not Calendar.objects.exists()

    def test_the_check_finds_what_was_lost_changed_and_is_listed_no_longer(
        self, context: Context, box: Sandbox
    ) -> None:
        bring(context)
        lost, changed, gone = (str(row["id"]) for row in box.account.calendars[:3])
        Calendar.objects.filter(external_id=lost).delete()
        box.account.calendars[1]["name"] = "Moved"
        del box.account.calendars[2]

        page = Chairs().check(context, {"anew": True})

        assert {str(row["id"]) for row in page.found.save} == {lost, changed}
        Chairs().heal(context, page.found)
        said = Chairs().statement(context, as_json(page.cursor))
        assert (said.gaps, said.scope["no_longer_listed"]) == ([], 1)
        assert "unproven" in said.scope
        assert Calendar.objects.filter(name="Moved").exists()
        assert Calendar.objects.exclude(removed_at=None).get().external_id == gone

    def test_what_vanishes_by_more_than_half_goes_only_when_a_person_says_so(
        self, context: Context, box: Sandbox
    ) -> None:
        bring(context)
        del box.account.calendars[1:]

        page = Chairs().check(context, {"anew": True})

        assert [gap.extra for gap in Chairs().statement(context, as_json(page.cursor)).gaps] == [3]
        assert page.found.gone == []
        context.scope = replace(context.scope, accept_removals=True)
        assert len(Chairs().check(context, {"anew": True}).found.gone) == 3

    def test_what_cannot_be_read_is_kept_and_settled_once_it_can(
        self, context: Context, box: Sandbox
    ) -> None:
        name = box.account.calendars[0]["name"]
        box.account.calendars[0]["name"] = {"no": "text"}
        assert bring(context) == Counts(created=3, rejected=1)
        box.account.calendars[0]["name"] = name

        Chairs().read_one(context, RejectedRecord.objects.get(resource="chairs"))

        assert not RejectedRecord.objects.filter(resolved_at=None).exists()
        assert Calendar.objects.filter(name=name).exists()


def bad(of: type[Any] = Chairs, **facts: Any) -> Any:
    return type("Bad", (of,), facts)()


class TestDeclarations:
    def test_ours_are_in_order(self) -> None:
        assert [e for e in run_checks() if e.id == "integrations.E001"] == []
        assert list(checks.faults([*RESOURCES.values(), Chairs()])) == []

    @pytest.mark.parametrize(
        ("resource", "words"),
        [
            (bad(name="two words"), "needs a name of small letters"),
            (bad(name=""), "needs a name of small letters"),
            (bad(name="clients"), "has a name that another resource has"),
            (bad(title=""), "needs a title"),
            (bad(path="calendars"), "needs a path"),
            (bad(path=None), "needs a path"),
            (bad(model=None), "needs a model"),
            (bad(model=ImportRun), "has a model without a key"),
            (bad(columns=("name", "colour")), "fills colour, which its model does not have"),
            (bad(personal=("email",)), "calls email personal, which it does not fill"),
            (bad(log="chairs"), "needs a log"),
            (bad(check=None), "has no check"),
            (bad(after=("orders",)), "comes after orders"),
            (bad(options={"chairs": ()}), "has the option chairs without a choice"),
            (bad(Clients, name="people", dry_run=None), "has no dry_run"),
        ],
    )
    def test_a_bad_one_is_refused_in_one_sentence(self, resource: Any, words: str) -> None:
        found = list(checks.faults([Clients(), resource]))

        assert found
        assert {error.id for error in found} == {"integrations.E001"}
        assert any(error.msg.startswith(f"Bad {words}") for error in found), found


class TestElsewhere:
    """Where a resource does not come by itself, and would be missed."""

    def test_its_rows_have_a_history_are_exported_shown_and_deleted(self) -> None:
        models = {resource.model for resource in RESOURCES.values()}

        parts = [part for r in RESOURCES.values() if isinstance(r, Whole) for part in r.parts]
        assert models <= set(history.TABLES.values())
        assert {part.model for part in parts} <= history.OF.keys()
        assert models <= {table.model for table in tables.TABLES.values()}
        assert models <= set(deleting.OF_TENANT)
        autodiscover()
        assert models <= site._registry.keys()
