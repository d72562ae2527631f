"""Who sees what in the admin, and at what cost?"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

import config.urls  # noqa: F401  (the admin's pages are loaded with it)
from bookings import lists
from bookings.models import Appointment, Client, Payment, Tenant
from integrations.acuity.resources import RESOURCES
from integrations.acuity.runs import control
from integrations.models import AcuityAccount, ImportRun, ImportStep, Membership, PageFetch

pytestmark = pytest.mark.django_db
MOST_QUERIES = 12
# With what is stored and what is gone of each resource.
MOST_OF_RUN = 14 + 2 * len(RESOURCES)


@pytest.fixture
def sign_in() -> Callable[..., Browser]:
    def as_staff(*permissions: str) -> Browser:
        user = User.objects.create_user(f"staff{User.objects.count()}", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        for tenant in Tenant.objects.all():
            Membership.objects.create(user=user, tenant=tenant, role="owner")
        browser = Browser()
        browser.force_login(user)
        return browser

    return as_staff


def book(tenant: Tenant, count: int) -> None:
    at = datetime(2026, 1, 5, 15, tzinfo=UTC)
    for n in range(count):
        client = Client.objects.create(tenant=tenant, external_id=f"c{n}", first_name=f"First{n}")
        booking = Appointment.objects.create(
            tenant=tenant,
            external_id=str(n),
            client=client,
            starts_at=at + timedelta(days=n),
            ends_at=at + timedelta(days=n, hours=1),
            service_date=date(2026, 1, 5) + timedelta(days=n),
            price=Decimal(45),
            amount_paid=Decimal(45),
        )
        Payment.objects.create(
            tenant=tenant,
            appointment=booking,
            external_id="p",
            processor="cash",
            amount=Decimal(45),
            currency="USD",
            paid_at=at,
            service_date=booking.service_date,
        )


def cost(browser: Browser, url: str) -> int:
    """Queries of one page that is answered with 200."""
    with CaptureQueriesContext(connection) as queries:
        assert browser.get(url).status_code == 200
    return len(queries)


@pytest.mark.long
@pytest.mark.parametrize("model", ["tenant", "client", "appointment", "payment"])
def test_a_list_costs_no_more_queries_for_more_rows(
    admin_client: Browser, account: AcuityAccount, model: str
) -> None:
    url = reverse(f"admin:bookings_{model}_changelist")
    book(account.tenant, 2)
    few = cost(admin_client, url)
    Payment.objects.all().delete()
    Appointment.objects.all().delete()
    Client.objects.all().delete()
    book(account.tenant, 30)

    assert cost(admin_client, url) <= few <= MOST_QUERIES


@pytest.mark.long
def test_the_run_page_of_a_long_import_costs_few_queries(
    admin_client: Browser, account: AcuityAccount
) -> None:
    run = control.start(account, send=False)
    months = {f"{2000 + n // 12}-{n % 12 + 1:02}": [900, 900] for n in range(222)}
    ImportRun.objects.filter(pk=run.pk).update(status="running", coverage=months)
    ImportStep.objects.filter(run=run).update(offset=200_000, total=200_000, version=2_000)
    PageFetch.objects.bulk_create(
        PageFetch(
            run=run, resource="appointments", offset=n * 100, limit=100, count=100, elapsed_ms=90
        )
        for n in range(2_000)
    )

    assert (
        cost(admin_client, reverse("admin:integrations_importrun_change", args=[run.pk]))
        <= MOST_OF_RUN
    )


def test_the_key_can_be_written_but_never_read(
    admin_client: Browser, account: AcuityAccount
) -> None:
    url = reverse("admin:integrations_acuityaccount_change", args=[account.pk])
    assert account.api_key not in admin_client.get(url).content.decode()
    assert account.api_key not in repr(account) + str(account)


@pytest.mark.parametrize(
    ("permissions", "sees"),
    [([], False), (["view_acuityaccount"], False), (["view_acuityaccount", "run_import"], True)],
)
def test_only_who_may_import_sees_the_action(
    sign_in: Callable[..., Browser], account: AcuityAccount, permissions: list[str], sees: bool
) -> None:
    answer = sign_in(*permissions).get(reverse("admin:integrations_acuityaccount_changelist"))
    assert ("Import from Acuity" in answer.content.decode()) == sees


def test_who_may_only_look_sees_no_buttons_and_cannot_press_them(
    sign_in: Callable[..., Browser], account: AcuityAccount
) -> None:
    run = control.start(account, send=False)
    url = reverse("admin:integrations_importrun_change", args=[run.pk])
    looking, cancelling = sign_in("view_importrun"), sign_in("view_importrun", "cancel_import")

    page, other = (browser.get(url).content.decode() for browser in (looking, cancelling))

    assert "Pause" not in page and "Cancel" not in page
    assert "Pause" not in other and "Cancel" in other
    assert sign_in().get(url).status_code == 403


def test_revenue_needs_its_own_permission(
    sign_in: Callable[..., Browser], account: AcuityAccount
) -> None:
    book(account.tenant, 3)
    url = reverse("admin:bookings_revenue", args=[account.tenant.pk])
    assert sign_in("view_payment").get(url).status_code == 403
    shown = sign_in("view_revenue").get(url)
    assert shown.status_code == 200 and "135.00" in shown.content.decode()


def shown(browser: Browser, url: str) -> list[Any]:
    """The rows of a list's page, in its order."""
    answer = browser.get(url)
    assert answer.status_code == 200
    return list(answer.context["cl"].result_list)


@pytest.fixture
def pages_of_seven(monkeypatch: pytest.MonkeyPatch) -> None:
    for model in (Appointment, Client, Payment):
        monkeypatch.setattr(admin.site.get_model_admin(model), "list_per_page", 7)


@pytest.mark.long
@pytest.mark.database
@pytest.mark.usefixtures("pages_of_seven")
@pytest.mark.parametrize(
    ("model", "order"),
    [
        (Appointment, ["-starts_at", "-pk"]),
        (Payment, ["-service_date", "-pk"]),
        (Client, ["last_name", "first_name", "pk"]),
    ],
)
def test_all_pages_of_a_list_show_each_row_once_and_in_order(
    admin_client: Browser, account: AcuityAccount, model: Any, order: list[str]
) -> None:
    url = reverse(f"admin:bookings_{model._meta.model_name}_changelist")
    book(account.tenant, 30)
    Appointment.objects.update(starts_at=datetime(2026, 1, 5, tzinfo=UTC))

    rows = [row for page in range(1, 6) for row in shown(admin_client, f"{url}?p={page}")]

    assert rows == list(model.objects.order_by(*order))


@pytest.mark.long
@pytest.mark.usefixtures("pages_of_seven")
def test_a_filtered_list_says_more_than_what_it_counted(
    admin_client: Browser, account: AcuityAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "MOST", 20)
    url = reverse("admin:bookings_appointment_changelist")
    book(account.tenant, 30)

    page = admin_client.get(f"{url}?paid__exact=0&p=3").content.decode()

    assert "more than 20" in page
    assert "more than" not in admin_client.get(url).content.decode()
    assert len(shown(admin_client, f"{url}?paid__exact=0&p=3")) == 6
    # Filtered rows are summed up, however many; those of a word up to so many.
    summed = {
        query: admin_client.get(f"{url}?{query}").context["sums"]
        for query in ("paid__exact=0", "q=first", "q=first7")
    }
    assert summed["paid__exact=0"] == admin_client.get(url).context["sums"]
    assert not summed["q=first"] and summed["q=first7"]


@pytest.mark.long
@pytest.mark.database
@pytest.mark.parametrize("few", [0, 2_000])
@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("7", {"7"}),
        ("14", {"14"}),
        ("first12", {"12"}),
        ("FIRST1 first", {"1", "10", "11", "12", "13", "14"}),
        ("first1 9", set()),
        ("nobody", set()),
    ],
)
def test_bookings_are_found_by_id_and_by_client(
    admin_client: Browser,
    account: AcuityAccount,
    monkeypatch: pytest.MonkeyPatch,
    few: int,
    words: str,
    found: set[str],
) -> None:
    monkeypatch.setattr(lists, "FEW_CLIENTS", few)
    book(account.tenant, 15)
    url = reverse("admin:bookings_appointment_changelist")

    rows = shown(admin_client, f"{url}?q={words.replace(' ', '+')}")

    assert {row.external_id for row in rows} == found


@pytest.mark.long
@pytest.mark.database
@pytest.mark.parametrize("most", [0, 2, 10_000])
def test_payments_are_found_by_their_ids_and_offered_by_processor(
    admin_client: Browser, account: AcuityAccount, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    book(account.tenant, 12)
    Payment.objects.filter(appointment__external_id="3").update(
        transaction_id="ch_1", processor="stripe", amount="12.34"
    )
    url = reverse("admin:bookings_payment_changelist")

    offered = admin_client.get(url).context["cl"].filter_specs[2].lookup_choices

    assert offered == ["cash", "stripe"]
    monkeypatch.setattr(lists, "MOST", most)
    for query in ("q=ch_1", "q=H_", "q=3", "q=12.34", "processor=stripe"):
        found = shown(admin_client, f"{url}?{query}")
        assert [p.transaction_id for p in found][: most + 1] == ["ch_1"][: most + 1], query
    assert not shown(admin_client, f"{url}?q={'9' * 40}")


@pytest.mark.long
@pytest.mark.database
@pytest.mark.parametrize("few", [0, 2_000])
@pytest.mark.parametrize("typed", ["5550107", "(555) 0107", "555-01 07"])
def test_a_phone_number_finds_client_booking_and_payment(
    admin_client: Browser,
    account: AcuityAccount,
    monkeypatch: pytest.MonkeyPatch,
    few: int,
    typed: str,
) -> None:
    monkeypatch.setattr(lists, "FEW_CLIENTS", few)
    book(account.tenant, 12)
    Client.objects.filter(external_id="c7").update(phone="+1 555.010-7")

    for model in ("client", "appointment", "payment"):
        url = reverse(f"admin:bookings_{model}_changelist")
        page = admin_client.get(url, {"q": typed})
        [row] = page.context["cl"].result_list
        client = getattr(getattr(row, "appointment", row), "client", row)
        assert client.phone == "+1 555.010-7"


@pytest.mark.parametrize(
    ("term", "found"), [("first 1", 3), ('"first 1"', 0), ("'first1'", 3), ("", 12)]
)
def test_words_in_quotes_are_one(
    admin_client: Browser, account: AcuityAccount, term: str, found: int
) -> None:
    book(account.tenant, 12)

    page = admin_client.get(reverse("admin:bookings_client_changelist"), {"q": term})

    assert page.context["cl"].result_count == found


@pytest.mark.database
def test_sums_are_of_one_currency_and_take_one_query_of_the_rows(
    admin_client: Browser, account: AcuityAccount
) -> None:
    url = reverse("admin:bookings_appointment_changelist")
    book(account.tenant, 3)
    mine = f"{url}?tenant__id__exact={account.tenant.pk}"

    with CaptureQueriesContext(connection) as asked:
        alone = admin_client.get(url).context["sums"]
    asked_of = [query["sql"] for query in asked.captured_queries]
    assert sum("SUM(" in sql for sql in asked_of) == 1 and not any(
        "DISTINCT" in s for s in asked_of
    )
    # A business without bookings changes nothing; one with bookings in another currency does.
    other = Tenant.objects.create(name="Other", currency="EUR")
    assert len(alone) == 2
    assert admin_client.get(mine).context["sums"] == alone == admin_client.get(url).context["sums"]
    Appointment.objects.filter(external_id="1").update(tenant=other)
    assert not admin_client.get(url).context["sums"]
    assert len(admin_client.get(mine).context["sums"]) == 2
