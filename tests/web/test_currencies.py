"""A business whose currency changes: is what was paid before still told in the currency it was paid in?"""

import csv
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bookings.exports import Export
from bookings.models import Appointment, Client, Payment, Refund, Tenant
from bookings.reports import obligations, revenue
from integrations.acuity.reconcile.files import File
from integrations.acuity.reconcile.revenue import compare
from integrations.acuity.sandbox import Account
from integrations.acuity.sync import changes
from integrations.models import AcuityAccount, ImportRun
from tests.conftest import begin, import_all, run_to_end, small, source

pytestmark = pytest.mark.django_db


def paid(tenant: Tenant, day: date, amount: int, **facts: Any) -> Payment:
    """A booking of Ana's, paid in what is the business's currency now."""
    ana, _ = Client.objects.get_or_create(tenant=tenant, external_id="ana", first_name="Ana")
    at = datetime(day.year, day.month, day.day, 15, tzinfo=UTC)
    booking = Appointment.objects.create(
        tenant=tenant,
        external_id=f"{day} {amount}",
        client=ana,
        starts_at=at,
        ends_at=at,
        service_date=day,
        price=amount,
        amount_paid=amount,
        **facts,
    )
    return Payment.objects.create(
        tenant=tenant,
        appointment=booking,
        external_id="p",
        processor="cash",
        amount=amount,
        currency=tenant.currency,
        paid_at=at,
        service_date=day,
    )


def moved(tenant: Tenant, currency: str) -> Tenant:
    tenant.currency = currency
    tenant.save()
    return Tenant.objects.get(pk=tenant.pk)


@pytest.fixture
def studio() -> Tenant:
    return Tenant.objects.create(name="Example Studio", timezone="America/New_York")


@pytest.fixture
def abroad(studio: Tenant) -> Tenant:
    """Paid in dollars until the middle of June, one of them on a canceled booking; in euros since."""
    paid(studio, date(2026, 5, 4), 20)
    paid(studio, date(2026, 6, 4), 30)
    paid(studio, date(2026, 6, 5), 7, canceled=True)
    studio = moved(studio, "EUR")
    paid(studio, date(2026, 6, 20), 45)
    paid(studio, date(2026, 6, 21), 11, no_show=True)
    return studio


def cell(count: int, amount: str) -> dict[str, Any]:
    return {"cash": {"count": count, "amount": amount}}


def of_cash(found: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {
        name: {month: cells["cash"]["amount"] for month, cells in found[name].items()}
        for name in ("months", "canceled", "as_vendor", "refunds")
    }


def test_a_business_remembers_the_currencies_in_which_payments_are_stored(studio: Tenant) -> None:
    assert moved(studio, "GBP").former_currencies == []
    payment = paid(studio, date(2026, 5, 4), 20)
    assert moved(studio, "gbp").former_currencies == []
    studio.name, studio.currency = "Other", "EUR"
    studio.save(update_fields=["name"])
    assert moved(Tenant.objects.get(), "GBP").former_currencies == []

    studio.currency = "EUR"
    studio.save(update_fields=["currency"])
    assert Tenant.objects.get().former_currencies == ["GBP"]
    # Nothing is paid in euros: they are forgotten; a currency that it has again is no former one.
    assert moved(studio, "USD").former_currencies == ["GBP"]
    assert moved(studio, "GBP").former_currencies == []
    Payment.objects.filter(pk=payment.pk).update(currency="gbp")
    assert moved(studio, "CHF").former_currencies == ["GBP"]


@pytest.mark.database
def test_the_migration_reads_former_currencies_off_the_payments(studio: Tenant) -> None:
    migration = import_module("bookings.migrations.0022_former_currencies")
    settled = Tenant.objects.create(name="Settled", currency="USD")
    for tenant in (studio, settled):
        paid(tenant, date(2026, 5, 4), 20)
    Tenant.objects.filter(pk=studio.pk).update(currency="EUR")

    migration.read_them_off_the_payments(apps, None)

    found = dict(Tenant.objects.values_list("name", "former_currencies"))
    assert found == {"Example Studio": ["USD"], "Settled": []}


@pytest.mark.database
@pytest.mark.parametrize("by", ["service_date", "paid_at"])
def test_each_payment_counts_in_its_own_currency(abroad: Tenant, by: str) -> None:
    euros = Payment.objects.get(amount=45)
    dollars = Payment.objects.get(amount=30)
    for payment, amount in ((euros, 4), (dollars, 3)):
        Refund.objects.create(
            payment=payment, origin="stripe", amount=amount, refunded_at=payment.paid_at
        )

    found = revenue(abroad, by=by)

    assert found["currency"] == "EUR" and list(found["other_currencies"]) == ["USD"]
    assert of_cash(found) == {
        "months": {"2026-06": "56.00"},
        "canceled": {"2026-06": "11.00"},
        "as_vendor": {"2026-06": "45.00"},
        "refunds": {"2026-06": "4.00"},
    }
    assert of_cash(found["other_currencies"]["USD"]) == {
        "months": {"2026-05": "20.00", "2026-06": "37.00"},
        "canceled": {"2026-06": "7.00"},
        "as_vendor": {"2026-05": "20.00", "2026-06": "30.00"},
        "refunds": {"2026-06": "3.00"},
    }
    only_may = revenue(abroad, "2026-05", by=by)
    assert only_may["months"] == {}
    assert only_may["other_currencies"]["USD"]["months"] == {"2026-05": cell(1, "20.00")}
    assert revenue(abroad, year=2025, by=by)["other_currencies"] == {}


def test_a_business_of_one_currency_is_asked_nothing_about_others(studio: Tenant) -> None:
    paid(studio, date(2026, 5, 4), 20)

    with CaptureQueriesContext(connection) as asked:
        found = revenue(studio)

    assert found["months"] == {"2026-05": cell(1, "20.00")} and found["other_currencies"] == {}
    assert "currency" not in "".join(
        query["sql"] for query in asked.captured_queries if "LIMIT 1" not in query["sql"]
    )


def test_the_pages_and_the_table_say_each_currency(admin_client: Browser, abroad: Tenant) -> None:
    page = admin_client.get(reverse("admin:bookings_revenue", args=[abroad.pk])).content.decode()
    table = admin_client.get(reverse("admin:bookings_revenue_csv", args=[abroad.pk]))

    assert "<b>45.00 EUR</b>, and 11.00 kept on canceled bookings" in page
    assert '<td>2026-06</td><td class="n"><b>30.00 USD</b></td><td class="n">7.00 USD</td>' in page
    assert '<td>2026-05</td><td class="n"><b>20.00 USD</b>' in page
    assert "&amp;currency=EUR&amp;" in page and "No payments yet" not in page
    rows = list(csv.reader(StringIO(table.content.decode())))[1:]
    assert [(month, amount, currency) for month, _, _, amount, currency in rows] == [
        ("2026-06", "56.00", "EUR"),
        ("2026-05", "20.00", "USD"),
        ("2026-06", "37.00", "USD"),
    ]


def test_thousandths_are_shown_where_a_currency_has_them(
    admin_client: Browser, studio: Tenant
) -> None:
    dinars = moved(studio, "KWD")
    for amount in (20, 3):
        payment = paid(dinars, date(2026, 5, 4), amount)
        Payment.objects.filter(pk=payment.pk).update(amount=Decimal("1202.505"))

    page = admin_client.get(reverse("admin:bookings_revenue", args=[dinars.pk])).content.decode()

    assert "<b>2,405.01 KWD</b>" in page and '<td class="n"><b>2,405.01</b></td>' in page
    Payment.objects.filter(pk=payment.pk).update(amount=1)
    page = admin_client.get(reverse("admin:bookings_revenue", args=[dinars.pk])).content.decode()
    assert "<b>1,203.505 KWD</b>" in page and ">1,203.505</a>" in page


@pytest.mark.database
@pytest.mark.parametrize("by", ["service_date", "paid_at"])
def test_the_page_shows_the_last_three_years_and_all_when_asked(
    admin_client: Browser, studio: Tenant, by: str
) -> None:
    def page(query: str) -> str:
        return admin_client.get(f"{url}?by={by}{query}").content.decode()

    url = reverse("admin:bookings_revenue", args=[studio.pk])
    for year in (2023, 2024, 2025, 2026):
        if year == 2026:
            # Three years are all there is.
            assert "All years" not in page("") and ">2023-01<" in page("")
        paid(studio, date(year, 1, 2), year, canceled=year == 2024)
        paid(studio, date(year, 12, 30), 1)

    recent, every = page(""), page("&years=all")

    assert "<b>4,054.00 USD</b>, and 2,024.00 kept" in recent
    assert "since 2024" in recent and "years=all" in recent
    assert ">2024-01<" in recent and "2023" not in recent
    assert "<b>6,078.00 USD</b>, and 2,024.00 kept" in every
    assert ">2023-01<" in every and "since" not in every and "All years" not in every
    assert revenue(studio, by=by, since=2026) == revenue(studio, by=by, year=2026)
    rows = admin_client.get(reverse("admin:bookings_revenue_csv", args=[studio.pk])).content
    assert b"2023-01,cash,1,2023.00,USD" in rows


def test_the_page_has_no_section_of_others_without_them(
    admin_client: Browser, studio: Tenant
) -> None:
    paid(studio, date(2026, 5, 4), 20)

    page = admin_client.get(reverse("admin:bookings_revenue", args=[studio.pk])).content.decode()

    assert "<b>20.00 USD</b>" in page and "another currency" not in page
    assert "currency=" not in page


def test_before_anything_is_paid_in_the_new_currency_the_old_is_shown(
    admin_client: Browser, studio: Tenant
) -> None:
    paid(studio, date(2026, 5, 4), 20)
    moved(studio, "EUR")

    page = admin_client.get(reverse("admin:bookings_revenue", args=[studio.pk])).content.decode()

    assert "20.00 USD" in page and "EUR</b>" not in page and "No payments yet" not in page


def test_the_terminal_has_a_table_for_each_currency(
    abroad: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("acuity_report")

    said = " ".join(capsys.readouterr().out.split())
    own, other = said.split("Revenue by date of service, USD")
    assert "Revenue by date of service, EUR" in own and "56.00" in own and "37.00" not in own
    assert "20.00" in other and "37.00" in other and "57.00" in other


@pytest.mark.database
def test_a_list_is_summed_up_in_the_currency_of_its_rows(
    admin_client: Browser, abroad: Tenant
) -> None:
    url = reverse("admin:bookings_payment_changelist")

    def sums(**query: str) -> Any:
        return [value for _, value in admin_client.get(url, query).context["sums"]]

    assert sums() == []
    assert sums(service_date_to="2026-06-10") == ["57.00 USD"]
    assert sums(currency="EUR") == ["56.00 EUR"]
    assert sums(q="Ana") == []


def test_a_clients_totals_are_of_each_currency_by_itself(
    admin_client: Browser, abroad: Tenant
) -> None:
    ana = Client.objects.get()
    url = reverse("admin:bookings_client_change", args=[ana.pk])

    assert "5 payments, 56.00 EUR + 57.00 USD" in admin_client.get(url).content.decode()
    Payment.objects.filter(currency="EUR").delete()
    assert "3 payments, 57.00 USD;" in admin_client.get(url).content.decode()
    Payment.objects.all().delete()
    assert "0 payments, 0.00 EUR" in admin_client.get(url).content.decode()


@pytest.mark.database
def test_money_kept_on_canceled_bookings_is_told_in_its_currency(
    admin_client: Browser, abroad: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    payment = Payment.objects.get(amount=7)
    Refund.objects.create(payment=payment, origin="stripe", amount=2)

    found = obligations(abroad, date(2026, 7, 1))
    page = admin_client.get(reverse("admin:bookings_owed", args=[abroad.pk])).content.decode()
    call_command("acuity_obligations", "--as-of", "2026-07-01")

    assert found["canceled"] == {"bookings": 1, "amount": "11.00"}
    dollars = {"bookings": 1, "amount": "5.00"}
    assert found["other_currencies"] == {"USD": {"canceled": dollars}}
    assert "<dd>1: 11.00 EUR</dd><dd>1: 5.00 USD</dd>" in page
    said = " ".join(capsys.readouterr().out.split())
    assert "no refund known: 11.00 EUR. Kept on 1" in said and "known: 5.00 USD." in said


@pytest.mark.database
def test_a_closed_month_that_changes_is_told_in_the_currency_of_its_payments(
    abroad: Tenant,
) -> None:
    account = AcuityAccount.objects.create(tenant=abroad, user_id="1", api_key="k")
    closed, now = (datetime(2026, month, 2, tzinfo=UTC) for month in (7, 8))
    for model in (Appointment, Payment):
        model.objects.update(first_seen=datetime(2026, 5, 1, tzinfo=UTC))
    run = ImportRun.objects.create(account=account, status="completed", finished_at=closed)
    for day in (date(2026, 5, 9), date(2026, 6, 9)):
        paid(abroad, day, 5)
    Payment.objects.filter(service_date=date(2026, 5, 9)).update(currency="USD")
    for model in (Appointment, Payment):
        model.objects.filter(first_seen__gt=now).update(first_seen=now)

    found = changes.of(abroad, run.created_at.replace(year=2026, month=7), now)

    assert found.closed_words(abroad.currency) == [
        "2026-05: now 2 bookings, USD 25.00 (was 1 and USD 20.00)",
        "2026-06: now 5 bookings, EUR+USD 98.00 (was 4 and EUR+USD 93.00)",
    ]


def test_an_export_says_no_currency_of_amounts_that_say_their_own(
    abroad: Tenant, tmp_path: Path
) -> None:
    def said(name: str) -> dict[str, Any]:
        package = Export(abroad, "csv").write(tmp_path / name, dict)
        fields = {each["name"]: each["schema"]["fields"] for each in package["resources"]}
        return {
            table: next(field for field in fields[table] if field["name"] == column).get("currency")
            for table, column in (
                ("payments", "amount"),
                ("refunds", "amount"),
                ("orders", "total"),
            )
        }

    assert said("several") == {"payments": None, "refunds": None, "orders": "EUR"}
    abroad.former_currencies = []
    assert said("one") == {"payments": "EUR", "refunds": "EUR", "orders": "EUR"}


def test_the_vendors_report_knows_no_currency(abroad: Tenant) -> None:
    rows = [
        {"Processor": "Cash (Appointments)", "Transactions": "2", "Amount": "75.00"},
    ]

    result = compare(File("revenue", list(rows[0]), rows, "", {}), abroad, "2026-06")

    assert result.agrees and "currencies: EUR and USD as one" in result.not_compared


def test_a_business_without_payments_has_a_page(admin_client: Browser, studio: Tenant) -> None:
    page = admin_client.get(reverse("admin:bookings_revenue", args=[studio.pk])).content.decode()

    assert "No payments yet" in page and "another currency" not in page


def truth(data: Account) -> dict[str, dict[str, tuple[int, str]]]:
    return {
        month: {name: (n, f"{amount:.2f}") for name, (n, amount) in rows.items()}
        for month, rows in data.revenue().items()
    }


def told(months: dict[str, Any]) -> dict[str, dict[str, tuple[int, str]]]:
    return {
        month: {name: (row["count"], row["amount"]) for name, row in rows.items()}
        for month, rows in months.items()
    }


@pytest.mark.long
@pytest.mark.money
def test_what_was_imported_before_keeps_its_currency(admin_client: Browser) -> None:
    data = small(clients=20, appointments=80, months=3)
    with source(data) as box:
        account: AcuityAccount = import_all(box).account
        tenant = account.tenant
        before = truth(data)
        data.me |= {"currency": "EUR"}
        pay = {"processor": "cash", "amount": "50.00", "transactionID": "", "created": ""}
        for month in ("2031-01", "2031-02"):
            data.add_appointment(
                datetime.fromisoformat(f"{month}-10T12:00"),
                paid="yes",
                amountPaid="50.00",
                payments=[pay],
            )
        stopped = run_to_end(begin(box))
        assert "payments are stored in USD and Acuity now says EUR" in stopped.reason
        assert revenue(Tenant.objects.get(), by="service_date")["other_currencies"] == {}

        url = reverse("admin:bookings_tenant_change", args=[tenant.pk])
        facts = {"name": tenant.name, "timezone": tenant.timezone, "currency": "EUR"}
        assert admin_client.post(url, facts).status_code == 302
        second = import_all(box)

    assert second.status == "completed"
    out = StringIO()
    call_command("acuity_report", "--json", stdout=out)
    report = json.loads(out.getvalue())
    new = {month: {"cash": (1, "50.00")} for month in ("2031-01", "2031-02")}
    assert report["currency"] == "EUR" and told(report["months"]) == new
    assert told(report["other_currencies"]["USD"]["months"]) == before
    assert truth(data) == before | new
    euros = Payment.objects.filter(currency="EUR")
    assert [payment.amount for payment in euros] == [Decimal(50)] * 2
