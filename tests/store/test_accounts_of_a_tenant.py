"""Two Acuity accounts of one tenant that number their bookings alike: whose is which row?"""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.utils import timezone

from bookings.models import Appointment, Client, Tenant
from bookings.reports import revenue
from integrations.acuity.accounts import find
from integrations.acuity.runs import preview
from integrations.acuity.runs.options import Options
from integrations.acuity.sync import refresh
from integrations.models import AcuityAccount, ImportRun
from tests.worlds.adapter import run_import
from tests.worlds.source import Source
from tests.worlds.world import World

pytestmark = [pytest.mark.money, pytest.mark.django_db(transaction=True), pytest.mark.database]


def salon(account_id: int, name: str) -> World:
    """Three bookings, 1550000001 and following, each paid 50.00 in cash."""
    world = World(account_id=account_id)
    world.client(f"{name} Example", phone="(615) 555-0101")
    for day in (1, 2, 3):
        world.pay(world.book(f"{name} Example", f"2025-05-0{day} 09:00"), 50)
    return world


@pytest.fixture(autouse=True)
def no_waiting(settings: Any) -> None:
    settings.ACUITY_REQUESTS_PER_SECOND = 0


@pytest.fixture
def two() -> Iterator[tuple[Source, Source, Any]]:
    """Ada's salon and Ben's, imported into one tenant; and Ben's account."""
    with Source(salon(1, "Ada")) as ada, Source(salon(2, "Ben")) as ben:
        tenant = bring(ada)["tenant"]
        bring(ben, tenant=tenant)
        yield ada, ben, AcuityAccount.objects.get(source_id="2")


def bring(source: Source, **options: Any) -> dict[str, Any]:
    return run_import(source.base_url, source.user_id, source.api_key, **options)


@pytest.mark.long
def test_a_webhook_reads_the_booking_of_its_own_account(two: Any) -> None:
    _, ben, account = two
    ben.world.bookings[1550000002].canceled = True

    refresh.request(account, "1550000002")
    refresh.perform(account.pk, "1550000002")

    canceled = Appointment.objects.filter(canceled=True)
    assert [(row.external_id, row.client.first_name) for row in canceled] == [("1550000002", "Ben")]


@pytest.mark.long
def test_a_dry_run_compares_with_the_account_s_own_rows(two: Any) -> None:
    ada, _, _ = two
    account = find.ensure(ada.user_id, ada.api_key, ada.base_url)

    answer = preview.dry_run(account, Options(only=("clients", "appointments"), page_limit=100))

    for name, count in (("clients", 1), ("appointments", 3)):
        found = answer.as_json()[name]
        assert (found["created"], found["updated"], found["unchanged"]) == (0, 0, count)


@pytest.mark.long
def test_a_run_counts_its_own_rows_and_the_revenue_is_of_both(two: Any) -> None:
    ada, _, account = two

    result = bring(ada)

    assert [result[name]["stored"] for name in ("clients", "appointments", "payments")] == [1, 3, 3]
    months = revenue(account.tenant)["months"]
    assert months == {"2025-05": {"cash": {"count": 6, "amount": "300.00"}}}


def test_a_webhook_before_the_first_import_belongs_to_the_account_that_the_source_names() -> None:
    with Source(salon(7, "Ada")) as source:
        account = find.ensure(source.user_id, source.api_key, source.base_url)

        refresh.request(account, "1550000001")
        refresh.perform(account.pk, "1550000001")

    assert Appointment.objects.get().source_account == "7"


@pytest.mark.long
def test_rows_without_an_account_are_taken_over_by_the_next_import() -> None:
    with Source(salon(7, "Ada")) as source:
        bring(source)
        before = set(Appointment.objects.values_list("pk", flat=True))
        AcuityAccount.objects.update(source_id="")
        for model in (Appointment, Client):
            model.objects.update(source_account="")

        result = bring(source)

    assert result["verified"]
    assert result["appointments"]["unchanged"] == 3
    assert set(Appointment.objects.values_list("pk", flat=True)) == before


def test_a_migration_gives_rows_from_before_to_the_account_imported_last() -> None:
    migration = import_module("integrations.migrations.0009_rows_of_accounts")
    tenant = Tenant.objects.create(name="A")
    for number in (1, 2):
        account = AcuityAccount.objects.create(
            tenant=tenant, user_id=f"u{number}", source_id=str(number), api_key="k"
        )
        if number == 2:
            ImportRun.objects.create(account=account, created_at=timezone.now())
    Client.objects.create(tenant=tenant, external_id="ada", source_account="")

    migration.say_whose_rows_they_are(apps, None)

    assert Client.objects.get().source_account == "2"
