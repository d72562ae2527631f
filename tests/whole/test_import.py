"""The main job: everything the sandbox has is stored, and proven."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from bookings.models import Appointment, Client, Payment
from bookings.reports import revenue
from integrations.acuity.accounts import find
from integrations.acuity.resources.base import Fetched
from integrations.acuity.runs import control, states, window
from integrations.acuity.sandbox import make_account
from integrations.acuity.steps import STEPS
from integrations.models import CompletionEvent
from tests.conftest import (
    begin,
    ids,
    import_all,
    prove_again,
    run_to_end,
    small,
    source,
    source_ids,
)
from tests.later import prove_later

pytestmark = [pytest.mark.money, pytest.mark.django_db(transaction=True), pytest.mark.database]


@pytest.mark.slow
def test_a_whole_account_arrives_and_is_proven() -> None:
    data = make_account()

    with source(data) as box:
        run = import_all(box, page_limit=100)
        asked = len(box.requests)

    assert (run.status, run.verified, run.gaps) == ("completed", True, [])
    assert ids() == source_ids(data)
    assert Client.objects.filter(listed=True).count() == 650
    assert Client.objects.count() == len(data.identities() | data.booked_identities())
    assert Payment.objects.count() == data.payment_count()
    paid = sum(row["paid"] == "yes" or Decimal(row["amountPaid"]) != 0 for row in data.appointments)
    # The proof asks by another cut too: at most 25 questions more. Each further list is read by the
    # import and by the proof, some of them otherwise, too.
    assert asked <= paid + 1.15 * len(data.appointments) / 100 + 12 + 25 + 36
    assert CompletionEvent.objects.count() == 1


@pytest.mark.long
def test_revenue_equals_the_source_to_the_cent() -> None:
    data = small()

    with source(data) as box:
        run = import_all(box)

    expected = {
        month: {name: {"count": n, "amount": f"{amount:.2f}"} for name, (n, amount) in rows.items()}
        for month, rows in data.revenue().items()
        if rows
    }
    assert revenue(run.account.tenant)["months"] == expected


@pytest.mark.long
def test_a_second_import_writes_nothing_and_asks_for_no_payment() -> None:
    with source(small()) as box:
        import_all(box)
        box.requests.clear()
        run = import_all(box)

        assert not [path for _, path, _, _ in box.requests if path.endswith("/payments")]
    for step in run.steps.all():
        assert (step.created, step.updated) == (0, 0)


@pytest.mark.long
@pytest.mark.parametrize("page_limit", [pytest.param(10, marks=pytest.mark.slow), 1000])
def test_the_page_limit_changes_no_row(page_limit: int) -> None:
    data = small()

    with source(data) as box:
        run = import_all(box, page_limit=page_limit)

    assert run.status == "completed"
    assert ids() == source_ids(data)
    assert Payment.objects.count() == data.payment_count()


@pytest.mark.long
@pytest.mark.parametrize(
    "options",
    [
        {"paging": "offset"},
        {"cap": 60},
        pytest.param({"day_zone": "UTC"}, marks=pytest.mark.slow),
        pytest.param({"day_zone": "calendar"}, marks=pytest.mark.slow),
        pytest.param({"shuffle_ties": True}, marks=pytest.mark.slow),
        pytest.param({"faults": 0.02}, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_the_sources_moods_lose_nothing(options: dict[str, Any]) -> None:
    data = small()

    with source(data, **options) as box:
        run = import_all(box)

    assert run.status == "completed", run.reason
    assert ids() == source_ids(data)


@pytest.mark.long
def test_a_date_window_gives_exactly_its_rows() -> None:
    data = small()
    low, high = date(2026, 2, 10), date(2026, 4, 20)

    with source(data) as box:
        run = import_all(box, min_date=low, max_date=high)

    inside = {
        str(row["id"])
        for row in data.appointments
        if low.isoformat() <= row["datetime"][:10] <= high.isoformat()
    }
    assert run.status == "completed"
    assert inside and ids() == inside


def test_a_wrong_key_fails_the_run_with_one_sentence() -> None:
    with source(small()) as box:
        account = find.ensure(box.options.user_id, "wrong", box.base_url)
        run = control.start(account, send=False)
        window.run_window(str(run.pk), "account", 0)

    run.refresh_from_db()
    assert (run.status, run.error_class) == ("failed", "CredentialsRefused")
    assert "ACUITY_API_KEY" in run.reason


def test_a_stale_message_writes_nothing() -> None:
    with source(small()) as box:
        run = begin(box)
        window.run_window(str(run.pk), "account", 0)
        before = len(box.requests)

        outcome = window.run_window(str(run.pk), "calendars", 7)

        assert outcome.text == "nothing to do: another message was first"
        assert len(box.requests) == before


@pytest.mark.long
def test_a_paused_run_goes_on_where_it_stopped() -> None:
    data = small()
    with source(data) as box:
        run = begin(box)
        window.run_window(str(run.pk), "account", 0)

        assert control.pause(run)
        run.refresh_from_db()
        assert run.status == "paused"
        with pytest.raises(control.ActiveRun):
            begin(box)
        states.transition(run.pk, "queued")
        run_to_end(run)

    assert run.status == "completed"
    assert ids() == source_ids(data)


@pytest.mark.long
def test_what_vanished_or_changed_at_the_source_is_seen() -> None:
    data = small()
    with source(data) as box:
        import_all(box)
        gone, canceled = (row["id"] for row in data.appointments[10:12])
        data.delete(gone)
        data.cancel(canceled)

        run = import_all(box)
        assert run.status == "completed_with_gaps"
        prove_later(run)

    assert run.status == "completed"
    assert ids() == source_ids(data)
    assert Appointment.objects.get(external_id=str(canceled)).canceled


@pytest.mark.long
def test_a_day_with_700_bookings_is_complete() -> None:
    data = small()
    data.crowd(date(2026, 3, 3))

    with source(data) as box:
        run = import_all(box)

    assert run.status == "completed"
    assert ids() == source_ids(data)


@pytest.mark.slow
def test_a_crowded_day_behind_a_cap_of_500_is_complete_through_the_calendars() -> None:
    data = small()
    data.crowd(date(2026, 3, 3))

    with source(data, cap=500) as box:
        run = import_all(box)

    assert run.status == "completed", run.gaps
    assert ids() == source_ids(data)


@pytest.mark.long
def test_verification_finds_a_row_that_was_deleted_after_the_import() -> None:
    data = small()
    with source(data) as box:
        run = import_all(box)
        Payment.objects.all().delete()
        Appointment.objects.filter(pk=Appointment.objects.order_by("pk")[5].pk).delete()
        prove_again(run)

    run.refresh_from_db()
    assert run.verified
    assert ids() == source_ids(data)
    assert Payment.objects.count() == data.payment_count()


@pytest.mark.long
def test_cash_twins_stay_two_and_a_lost_one_comes_back() -> None:
    data = small()
    number = data.appointments[20]["id"]
    cash = {
        "created": "2026-02-01T10:00:00-0500",
        "processor": "cash",
        "amount": "20.00",
        "transactionID": "",
    }
    data.edit(number, paid="yes", amountPaid="40.00", payments=[cash, cash])
    with source(data) as box:
        run = import_all(box)
        twins = Payment.objects.filter(appointment__external_id=str(number))
        assert [str(twin.amount) for twin in twins] == ["20.00", "20.00"]
        twins.first().delete()
        box.forget()

        prove_again(run)

        asked = [path for _, path, _, _ in box.requests if path.endswith("/payments")]
    assert asked == [f"/appointments/{number}/payments"]
    assert twins.count() == 2


@pytest.mark.long
def test_a_run_without_verification_is_not_called_completed() -> None:
    with source(small()) as box:
        run = import_all(box, verify=False)
        assert (run.status, run.gaps[0]["kind"]) == ("completed_with_gaps", "unverified")

        prove_again(run)

    run.refresh_from_db()
    assert (run.status, run.verified, run.gaps) == ("completed", True, [])


@pytest.mark.slow
def test_a_crowded_day_is_complete_through_offsets_where_they_work() -> None:
    data = small()
    data.crowd(date(2026, 3, 3))

    with source(data, cap=100, paging="offset") as box:
        run = import_all(box)

    assert run.status == "completed", run.gaps
    assert ids() == source_ids(data)


def test_a_listing_that_goes_in_circles_fails_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        STEPS["clients"],
        "fetch",
        lambda context: Fetched([], context.position.cursor),
        raising=False,
    )
    with source(small()) as box:
        run = import_all(box)

    assert (run.status, run.error_class) == ("failed", "Stalled")


@pytest.mark.slow
def test_a_crowded_day_behind_a_cap_of_100_is_complete_through_the_people() -> None:
    data = small()
    data.crowd(date(2026, 3, 3))

    with source(data, cap=100) as box:
        run = import_all(box)

    assert (run.status, run.gaps) == ("completed", [])
    assert ids() == source_ids(data)


@pytest.mark.slow
def test_a_crowded_minute_behind_a_cap_of_4_is_a_named_gap() -> None:
    data = small()
    data.crowd(date(2026, 3, 3), total=300, same_minute=300)

    with source(data, cap=4) as box:
        run = import_all(box)

    assert run.status == "completed_with_gaps"
    assert not run.verified
    assert "2026-03-03" in {gap.get("day") for gap in run.gaps}
    assert ids() <= source_ids(data)
