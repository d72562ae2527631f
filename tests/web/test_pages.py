"""Do the pages say what the database says, in the business's own time?"""

import html
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from bookings.models import (
    Appointment,
    Block,
    Change,
    Client,
    Order,
    Payment,
    Tenant,
)
from bookings.reports import revenue
from integrations.acuity.sandbox import Sandbox
from integrations.models import AcuityAccount, ImportRun, RejectedRecord
from tests.conftest import import_all

pytestmark = pytest.mark.django_db


def book(tenant: Tenant, starts_at: datetime, day: date, **facts: object) -> Appointment:
    client = Client.objects.create(
        tenant=tenant, external_id=str(starts_at), first_name="Ana", phone="(212) 551-0001"
    )
    return Appointment.objects.create(
        tenant=tenant,
        external_id=str(starts_at),
        client=client,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(hours=1),
        service_date=day,
        price=Decimal(45),
        amount_paid=Decimal(20),
        **facts,
    )


@pytest.fixture
def studio() -> Tenant:
    return Tenant.objects.create(name="Example Studio", timezone="America/New_York")


def page(browser: Browser, name: str, *args: object, **query: str) -> str:
    answer = browser.get(reverse(f"admin:{name}", args=args), query)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.long
@pytest.mark.parametrize(
    "typed", ["2125510001", "212 551 0001", "+1 (212) 551-0001", "551-0001", "1 212.551.0001"]
)
def test_a_phone_number_is_found_in_any_form(
    admin_client: Browser, studio: Tenant, typed: str
) -> None:
    book(studio, datetime(2026, 5, 4, 13, tzinfo=UTC), date(2026, 5, 4))

    for name in ("bookings_client_changelist", "bookings_appointment_changelist"):
        assert "Ana" in page(admin_client, name, q=typed)
        assert "Nothing here matches" in page(admin_client, name, q="2125510002")


def test_a_booking_is_shown_on_the_day_and_at_the_hour_of_the_business(
    admin_client: Browser, studio: Tenant
) -> None:
    book(studio, datetime(2026, 5, 5, 1, 30, tzinfo=UTC), date(2026, 5, 4))

    shown = page(admin_client, "bookings_appointment_changelist")

    assert "Starts (America/New_York)" in shown and "4 May 2026, 21:30" in shown


def test_no_other_list_or_page_has_a_time_in_another_zone_or_money_without_its_currency(
    admin_client: Browser, studio: Tenant
) -> None:
    at = datetime(2026, 5, 5, 1, 30, tzinfo=UTC)
    block = Block.objects.create(tenant=studio, external_id="1", starts_at=at, ends_at=at)
    order = Order.objects.create(
        tenant=studio, external_id="2", placed_at=at, title="Ten cuts", total=Decimal("1250.5")
    )
    change = Change.objects.create(
        tenant=studio,
        seen_at=at,
        resource="appointments",
        row=1,
        external_id="3",
        by="import",
        changed={
            "starts_at": ["2026-05-04T13:00:00Z", "2026-05-05T14:30:00Z"],
            "canceled": [False, True],
        },
    )

    for row, field in ((block, "starts at"), (order, "placed at"), (change, "seen at")):
        name = f"bookings_{type(row).__name__.lower()}"
        listed = page(admin_client, f"{name}_changelist")
        assert (
            f"{field.capitalize()} (America/New_York)" in listed and "4 May 2026, 21:30" in listed
        )
        whole = page(admin_client, f"{name}_change", row.pk)
        assert "4 May 2026, 21:30 (America/New_York)" in whole
        assert "a.m." not in listed + whole
    assert "1,250.50 USD" in page(admin_client, "bookings_order_change", order.pk)
    moved = "starts at: 4 May 2026, 09:00 → 5 May 2026, 10:30; canceled: no → yes"
    assert moved in page(admin_client, "bookings_change_changelist")
    assert "2026-05-04T13:00:00Z" not in page(admin_client, "bookings_change_change", change.pk)


def test_a_booking_elsewhere_is_shown_on_the_day_that_the_source_shows(
    admin_client: Browser, studio: Tenant
) -> None:
    book(
        studio,
        datetime(2026, 5, 5, 5, tzinfo=UTC),
        date(2026, 5, 4),
        timezone="America/Los_Angeles",
    )

    shown = page(admin_client, "bookings_appointment_changelist")

    assert "4 May 2026, 22:00 (America/Los_Angeles)" in shown


@pytest.mark.long
def test_who_paid_for_what_is_on_the_client_and_on_the_payment(
    admin_client: Browser, studio: Tenant
) -> None:
    booking = book(studio, datetime(2026, 5, 4, 13, tzinfo=UTC), date(2026, 5, 4))
    Payment.objects.create(
        tenant=studio,
        appointment=booking,
        external_id="p",
        processor="cash",
        amount=Decimal(20),
        currency="USD",
        paid_at=booking.starts_at,
        service_date=booking.service_date,
    )

    client = page(admin_client, "bookings_client_change", booking.client_id)
    payments = page(admin_client, "bookings_payment_changelist")

    assert "1 booking; 1 payment, 20.00 USD; open 25.00 USD" in client
    assert "Ana" in payments and "Booking, 4 May 2026, 09:00" in payments
    for inner in ("content_hash", "name_key", "fingerprint"):
        assert inner not in client


@pytest.mark.long
def test_a_month_with_a_gap_is_never_shown_as_whole(
    admin_client: Browser, account: AcuityAccount
) -> None:
    run = ImportRun.objects.create(
        account=account,
        status="completed_with_gaps",
        verified_at=datetime(2026, 6, 1, tzinfo=UTC),
        coverage={"2026-04": [440, 440], "2026-05": [10, 9]},
        gaps=[
            {"kind": "day", "day": "2026-04-02", "reason": "The day was cut."},
            {"kind": "appointments", "month": "2026-05", "missing": 1, "reason": "1 is missing."},
            {"kind": "rejected", "resource": "appointments", "missing": 1, "reason": "1 rejected."},
        ],
    )

    shown = page(admin_client, "integrations_importrun_change", run.pk)
    months = page(admin_client, "acuity_proofs")

    assert "440 listed, more may exist" in shown and "440 of 440" not in shown
    assert "9 of 10, 1 rejected" in shown and "1 is missing." not in shown
    assert 'class="month whole"' not in shown and 'class="proven"><a' not in months


@pytest.mark.long
def test_each_day_says_what_the_newest_proof_that_spoke_of_it_found(
    admin_client: Browser, account: AcuityAccount
) -> None:
    now = timezone.now()
    ImportRun.objects.create(
        account=account,
        status="completed_with_gaps",
        verified_at=now - timedelta(days=30),
        coverage={"2026-04": [440, 440], "2026-05": [10, 9]},
        gaps=[
            {"kind": "day", "day": "2026-04-02", "reason": "The day was cut."},
            {"kind": "day", "day": "2026-04-20", "reason": "The day was cut."},
            {"kind": "appointments", "month": "2026-05", "missing": 1, "reason": "1 is missing."},
        ],
    )
    ImportRun.objects.create(
        account=account,
        status="completed",
        verified_at=now,
        min_date=date(2026, 4, 10),
        max_date=date(2026, 4, 25),
        coverage={"2026-04": [200, 200]},
    )
    booking = book(account.tenant, datetime(2026, 4, 20, 13, tzinfo=UTC), date(2026, 4, 20))
    Appointment.objects.filter(pk=booking.pk).update(source_account=account.source_id)

    shown = page(admin_client, "acuity_proofs", account=str(account.pk), year="2026")

    cells = re.findall(r'<td class="(\w+)"><a href="[^"]*service_date__gte=(2026-[\d-]+)', shown)
    states = {day: state for state, day in cells}
    assert len(states) == 365
    assert {states[f"2026-04-{n:02}"] for n in range(10, 26)} == {"proven"}
    assert states["2026-04-02"] == "gap" and states["2026-04-03"] == states["2026-04-26"] == "old"
    assert {state for day, state in states.items() if day.startswith("2026-05")} == {"gap"}
    assert states["2026-03-31"] == states["2026-06-01"] == "never"
    assert "1 booking, proven in the last 7 days" in shown
    assert "0 bookings, never asked" in shown


@pytest.mark.long
def test_the_numbers_of_a_run_are_those_of_the_database(
    admin_client: Browser, box: Sandbox
) -> None:
    box.account.edit(box.account.appointments[3]["id"], price="twelve")
    run = import_all(box)
    kept = Appointment.objects.filter(removed_at=None).count()
    counts = {"Clients": Client.objects.count(), "Appointments": kept}
    counts["Payments"] = Payment.objects.filter(removed_at=None).count()

    answer = admin_client.get(reverse("admin:integrations_importrun_change", args=[run.pk]))
    rows = {row["title"]: row["cells"] for row in answer.context["counts"]}

    assert {title: rows[title][0] for title in counts} == counts
    assert rows["Appointments"][-1] == RejectedRecord.objects.count() == 1


@pytest.mark.long
def test_the_home_page_says_of_each_account_whose_it_is_and_what_to_do(
    admin_client: Browser, box: Sandbox, account: AcuityAccount
) -> None:
    other = Tenant.objects.create(name="Second Business", timezone="UTC")
    AcuityAccount.objects.create(tenant=other, user_id="2", api_key="x", name=account.name)
    import_all(box)

    shown = page(admin_client, "index")

    assert "Second Business" in shown and account.tenant.name in shown
    assert "Import again" in shown and "Never imported." in shown
    assert "nothing scheduled" in shown and "no gaps" in shown
    assert "bookings as of" in shown and "never imported whole" in shown


@pytest.mark.long
def test_a_new_installation_says_what_to_do_first(admin_client: Browser, db: None) -> None:
    assert "Three steps to begin" in page(admin_client, "index")
    assert "import an account first" in page(admin_client, "bookings_client_changelist")


@pytest.mark.long
def test_errors_in_the_browser_name_the_field_and_no_setting(
    admin_client: Browser, account: AcuityAccount
) -> None:
    account.api_key = "wrong"
    account.save()

    shown = page(admin_client, "acuity_start", accounts=str(account.pk))

    assert "user ID and API key on the account" in shown and "ACUITY_" not in shown


@pytest.mark.database
def test_money_is_of_the_month_of_the_service_or_of_the_month_in_which_it_came(
    studio: Tenant,
) -> None:
    booking = book(studio, datetime(2026, 6, 4, 13, tzinfo=UTC), date(2026, 6, 4))
    payment = Payment.objects.create(
        tenant=studio,
        appointment=booking,
        external_id="p",
        processor="cash",
        amount=Decimal(20),
        currency="USD",
        # Still April in New York.
        paid_at=datetime(2026, 5, 1, 1, 30, tzinfo=UTC),
        service_date=booking.service_date,
    )
    cell = {"cash": {"count": 1, "amount": "20.00"}}

    assert revenue(studio)["months"] == {"2026-06": cell}
    assert revenue(studio, by="paid_at")["months"] == {"2026-04": cell}
    assert revenue(studio, "2026-04", by="paid_at")["months"] == {"2026-04": cell}
    # The last second of a year there, and one that nobody can have meant.
    for paid, month in [
        (datetime(2026, 1, 1, 4, 59, 59, tzinfo=UTC), "2025-12"),
        (datetime(1900, 2, 1, 3, tzinfo=UTC), "1900-01"),
    ]:
        payment.pk, payment.external_id, payment.paid_at = None, month, paid
        payment.save()
        months = {month: cell, "2026-04": cell}
        assert revenue(studio, by="paid_at", month=month)["months"] == {month: cell}
        assert revenue(studio, by="paid_at")["months"].items() >= months.items()
    Payment.objects.exclude(external_id="p").delete()
    assert revenue(studio, year=2026)["as_vendor"] == {"2026-06": cell}
    assert revenue(studio, year=2025)["months"] == revenue(studio, "2026-05")["months"] == {}


@pytest.mark.database
def test_what_was_paid_for_canceled_and_gone_bookings_is_told_apart(
    admin_client: Browser, studio: Tenant
) -> None:
    gone = datetime(2026, 6, 9, tzinfo=UTC)
    off = [{"canceled": True}, {"no_show": True}, {"canceled": True, "no_show": True}]
    for n, facts in enumerate([{}, *off, {"removed_at": gone}]):
        booking = book(studio, datetime(2026, 6, 4 + n, 13, tzinfo=UTC), date(2026, 6, 4), **facts)
        for key in ("a", "lost"):
            Payment.objects.create(
                tenant=studio,
                appointment=booking,
                external_id=key,
                processor="cash" if n > 1 else "square",
                amount=Decimal(10) ** n,
                currency="USD",
                # In the middle of a month, which no zone moves into another one.
                paid_at=datetime(2026, 5, 15, 23, 30, tzinfo=UTC),
                service_date=booking.service_date,
                removed_at=gone if key == "lost" else None,
            )

    for by, month in (("service_date", "2026-06"), ("paid_at", "2026-05")):
        found = revenue(studio, by=by)
        cash, both = {"count": 2, "amount": "1100.00"}, {"count": 2, "amount": "11.00"}
        off, kept = {"count": 1, "amount": "10.00"}, {"count": 1, "amount": "1.00"}
        assert found["months"] == {month: {"cash": cash, "square": both}}
        assert found["canceled"] == {month: {"cash": cash, "square": off}}
        assert found["as_vendor"] == {month: {"square": kept}}
        shown = page(admin_client, "bookings_revenue", studio.pk, by=by)
        [link] = re.findall(r'<td class="n"><a href="([^"]+)">1.00</a>', shown)
        listed = admin_client.get(html.unescape(link)).content.decode()
        assert "sum <b>1.00 USD</b>" in re.sub(r"\s+", " ", listed)


def test_the_home_counts_what_its_lists_show(studio: Tenant, admin_client: Browser) -> None:
    AcuityAccount.objects.create(tenant=studio, user_id="1", api_key="k")
    at = datetime(2026, 3, 3, 15, tzinfo=UTC)
    bookings = [book(studio, at + timedelta(days=n), date(2026, 3, 3 + n)) for n in range(4)]
    for n, booking in enumerate([*bookings, *bookings]):
        Payment.objects.create(
            tenant=studio,
            appointment=booking,
            external_id=str(n),
            processor="cash",
            amount=10,
            currency="USD",
            paid_at=at,
            service_date=booking.service_date,
            removed_at=at if n == 7 else None,
        )
    # Their payments are shown no more, gone themselves or not.
    Appointment.objects.filter(pk__in=[each.pk for each in bookings[2:]]).update(removed_at=at)

    shown = re.findall(r"<b>([\d,]+)</b> (\w+)", page(admin_client, "index"))

    assert {name: n for n, name in shown} == {"Clients": "4", "Bookings": "2", "Payments": "4"}


def test_a_page_of_a_row_asks_each_question_once(admin_client: Browser) -> None:
    booking = book(Tenant.objects.create(name="Studio"), timezone.now(), date(2026, 3, 1))
    for name, row in (("client", booking.client), ("appointment", booking)):
        with CaptureQueriesContext(connection) as asked:
            admin_client.get(reverse(f"admin:bookings_{name}_change", args=[row.pk]))

        of_rows = [one["sql"] for one in asked if '"bookings_' in one["sql"]]
        twice = {sql for sql in of_rows if of_rows.count(sql) > 1}
        assert twice == set(), name
