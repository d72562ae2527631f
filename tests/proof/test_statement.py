"""Is each thing that is open said? Small accounts, one thing open in each."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any, cast

import pytest
from django.test import Client as Browser
from django.urls import reverse

from bookings.models import Appointment, Client, Label, Payment
from integrations.acuity.reading.findings import Pair
from integrations.acuity.resources.appointments import cuts, said
from integrations.acuity.resources.appointments.cursors import ProofCursor
from integrations.acuity.resources.base import Context
from integrations.acuity.resources.payments import check as payments
from integrations.acuity.resources.scope import Scope
from integrations.acuity.sandbox import Account, Sandbox, make_account
from integrations.acuity.source.fetching import Fetcher
from integrations.models import ImportStep, RejectedRecord
from tests.conftest import import_all, prove_again, source
from tests.later import prove_later

pytestmark = [pytest.mark.money, pytest.mark.django_db(transaction=True), pytest.mark.database]


@pytest.fixture
def data() -> Account:
    return make_account(clients=6, appointments=40, months=4)


@pytest.fixture
def box(data: Account) -> Iterator[Sandbox]:
    with source(data) as box:
        yield box


def kinds(gaps: list[dict[str, Any]]) -> list[str]:
    return [gap["kind"] for gap in gaps]


@pytest.mark.long
def test_each_month_of_the_source_is_compared_the_last_one_too(box: Sandbox, data: Account) -> None:
    months = Counter(row["datetime"][:7] for row in data.appointments)

    run = import_all(box)

    assert run.coverage == {month: [n, n] for month, n in months.items()}
    assert run.scope["appointments"]["months"] == len(months)
    # Answers to forms are in none of the proof's questions, and it says so.
    assert any("forms" in each for each in run.scope["appointments"]["evidence"])
    # The newest of each calendar, and the canceled ones, were asked for by themselves.
    asked = [query for _, path, query, _ in box.requests if path == "/appointments"]
    newest = [query for query in asked if query.get("direction") == "DESC"]
    each = {query["calendarID"] for query in newest if "calendarID" in query}
    assert each >= {str(row["id"]) for row in data.calendars}
    assert any(query.get("canceled") == "true" for query in newest)


@pytest.mark.long
@pytest.mark.parametrize("place", [0, -1])
def test_a_booking_that_is_only_stored_is_said_in_its_month(
    box: Sandbox, data: Account, place: int
) -> None:
    run = import_all(box)
    row = Appointment.objects.order_by("starts_at")[20]
    month = sorted(run.coverage)[place]
    row.pk, row.external_id = None, "1"
    row.service_date = row.service_date.fromisoformat(f"{month}-02")
    row.starts_at = row.starts_at.replace(year=row.service_date.year)
    row.starts_at = row.starts_at.replace(month=row.service_date.month, day=2)
    row.save()

    # Gone at the source as far as one can see: only a second look, later, may believe it.
    run = prove_again(run)
    assert [(gap["kind"], gap["missing"]) for gap in run.gaps] == [("removals", 1)]
    prove_later(run)

    assert not Appointment.objects.filter(external_id="1", removed_at=None).exists()
    assert (run.verified, run.gaps) == (True, [])


@pytest.mark.long
def test_a_record_that_cannot_be_read_is_a_gap(box: Sandbox, data: Account) -> None:
    data.edit(data.appointments[5]["id"], price="not a price")

    run = import_all(box)

    assert (run.status, run.verified) == ("completed_with_gaps", False)
    # One cause, one gap: it is no loss beside that.
    assert kinds(run.gaps) == ["rejected"]
    assert run.scope["appointments"]["verified"] is False
    assert run.scope["clients"]["verified"] is True

    def missing() -> int:
        listed = {month: pair[0] for month, pair in run.coverage.items()}
        context = Context.of(Scope.of(run), cast(Fetcher, None))
        found = said.statement(context, ProofCursor(months=listed))
        return sum(gap.missing or 0 for gap in found.gaps if gap.kind == "appointments")

    assert missing() == 0
    lost, other = Appointment.objects.order_by("pk")[:2]
    lost.delete()
    assert missing() == 2
    # An older version of the rejected one is stored: then another is what lacks.
    other.pk, other.external_id = None, str(data.appointments[5]["id"])
    other.save()
    assert missing() == 1


@pytest.mark.long
def test_a_record_that_was_read_since_is_none(box: Sandbox, data: Account) -> None:
    data.edit(data.appointments[5]["id"], price="not a price")
    run = import_all(box)
    data.edit(data.appointments[5]["id"], price="45.00")

    run = import_all(box)

    assert (run.status, run.gaps) == ("completed", [])
    assert not RejectedRecord.objects.filter(resolved_at=None).exists()


@pytest.mark.long
def test_a_client_who_comes_between_the_list_and_its_search_does_not_make_the_list_cut(
    box: Sandbox, data: Account
) -> None:
    def comes(path: str, asked: dict[str, str]) -> None:
        if path == "/clients" and "search" in asked and len(data.clients) == 6:
            data.clients.append(data.clients[0] | {"firstName": asked["search"], "lastName": "New"})

    box.hook = comes
    run = import_all(box)

    assert len(data.clients) == 7
    assert (run.verified, run.gaps) == (True, [])
    assert Client.objects.filter(last_name="New", listed=True).count() == 1


@pytest.mark.long
def test_payments_that_nobody_could_read_are_a_gap(box: Sandbox, data: Account) -> None:
    booking = next(row for row in data.appointments if row["paid"] == "yes")
    data.edit(booking["id"], payments=[{"amount": "no money", "processor": "cash"}])

    run = import_all(box)

    assert not run.verified
    # One cause, one gap.
    assert [(gap["kind"], gap["ids"]) for gap in run.gaps] == [("rejected", [str(booking["id"])])]


@pytest.mark.long
def test_payments_that_nobody_has_read_are_a_gap(box: Sandbox) -> None:
    run = import_all(box)
    due = Appointment.objects.filter(paid=True)[0]
    Appointment.objects.filter(pk=due.pk).update(payments_fetched_for="of another time")

    found = payments.statement(
        Context.of(Scope.of(run), cast(Fetcher, None)), payments.ProofCursor()
    )

    assert [(gap.kind, gap.missing, gap.ids) for gap in found.gaps] == [
        ("payments", 1, [due.external_id])
    ]


@pytest.mark.long
def test_a_column_that_something_else_wrote_is_found_only_where_columns_are_said_to_be_compared(
    box: Sandbox,
) -> None:
    import_all(box)
    altered = Appointment.objects.filter(pk=Appointment.objects.earliest("starts_at").pk)
    altered.update(location="elsewhere")

    # It leans on the first proof: a row that comes as the same bytes is not looked into.
    run = import_all(box)
    leaning = {name: " ".join(part["evidence"]) for name, part in run.scope.items()}
    assert altered.get().location == "elsewhere"
    for name in ("appointments", "clients", "appointment_types"):
        assert "not column by column" in leaning[name], name
    assert "lists not read again stand as they were stored" in leaning["payments"]

    run = prove_again(run)
    assert altered.get().location != "elsewhere"
    for name, part in run.scope.items():
        assert "stored rows compared column by column" in part["evidence"], name


@pytest.mark.long
def test_a_booking_that_left_the_days_of_an_import_is_stored_where_it_moved(
    box: Sandbox, data: Account
) -> None:
    import_all(box)
    paid = Payment.objects.order_by("service_date")[0].appointment
    low, later = paid.service_date.replace(day=1), date(2027, 1, 12)
    data.move(int(paid.external_id), datetime(2027, 1, 12, 9))

    import_all(box, min_date=low, max_date=low.replace(day=28))

    moved = Appointment.objects.get(external_id=paid.external_id)
    assert moved.service_date == later
    assert {payment.service_date for payment in moved.payments.all()} == {later}


@pytest.mark.long
def test_a_month_is_a_gap_where_the_numbers_differ(box: Sandbox) -> None:
    run = import_all(box)
    first, second, *rest = [(month, n) for month, (n, _) in run.coverage.items()]
    listed = {first[0]: first[1] - 2, second[0]: second[1] + 3, **dict(rest)}

    found = said.statement(
        Context.of(Scope.of(run), cast(Fetcher, None)),
        ProofCursor(months=listed, asked=[cuts.BY_CALENDAR, cuts.CANCELED]),
    )

    assert [(gap.kind, gap.month) for gap in found.gaps] == [
        ("appointments", second[0]),
        ("unlisted", first[0]),
    ]
    assert (found.gaps[0].missing, found.gaps[1].extra) == (3, 2)
    assert found.coverage[first[0]] == Pair(first[1] - 2, first[1])


@pytest.mark.long
def test_the_run_page_says_how_many_rows_the_proof_added_and_corrected(
    box: Sandbox, admin_client: Browser
) -> None:
    run = import_all(box, only=("labels",))
    lost, changed = Label.objects.order_by("pk")[:2]
    url = reverse("admin:integrations_importrun_change", args=[run.pk])
    before = admin_client.get(url).content.decode()
    lost.delete()
    Label.objects.filter(pk=changed.pk).update(color="else")

    prove_again(run)

    assert "the proof added" not in before
    assert "the proof added 1 and corrected 1" in admin_client.get(url).content.decode()
    step = ImportStep.objects.get(run=run, resource="verify")
    assert (step.created, step.updated, step.unchanged) == (1, 1, 0)


@pytest.mark.parametrize("count", [1, 3])
def test_bookings_made_between_the_import_and_its_proof_are_stored_once(
    box: Sandbox, count: int
) -> None:
    times = [booking.local + timedelta(days=7) for booking in box.account.bookings.values()][:count]

    def made_now(path: str, query: dict[str, str]) -> None:
        # The cut shows them, and so does the listing after it.
        while times and "excludeForms" in query:
            box.account.add_appointment(times.pop())

    box.hook = made_now
    run = import_all(box)

    assert (run.status, run.verified, times) == ("completed", True, [])
    assert Appointment.objects.count() == len(box.account.bookings) == 40 + count


@pytest.mark.parametrize("place", [0, -1], ids=["the first", "the last"])
def test_what_cannot_be_read_is_rejected_once_wherever_it_stands(box: Sandbox, place: int) -> None:
    rows = sorted(box.account.appointments, key=lambda row: row["datetime"])
    box.account.edit(rows[place]["id"], price="twelve")

    run = import_all(box)

    assert run.steps.get(resource="appointments").rejected == 1
    assert [gap["kind"] for gap in run.gaps] == ["rejected"]
