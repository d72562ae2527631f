"""Who sees what in the admin, and at what cost?"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

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
