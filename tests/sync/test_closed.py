"""Which month counts as closed and changed, and is that told once, whoever saw it?"""

from datetime import UTC, datetime
from typing import Any

import pytest

from bookings.models import Appointment, Change, Client, Tenant
from integrations.acuity.sync import changes
from integrations.models import AcuityAccount, ImportRun, Notice
from integrations.notices import watch

pytestmark = pytest.mark.django_db


def at(month: int, day: int, hour: int = 12) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


@pytest.fixture
def studio() -> AcuityAccount:
    tenant = Tenant.objects.create(name="Example Studio", timezone="UTC")
    return AcuityAccount.objects.create(tenant=tenant, user_id="1", api_key="k")


def ran(account: AcuityAccount, ended: datetime, status: str = "completed") -> ImportRun:
    run = ImportRun.objects.create(account=account, status=status, finished_at=ended)
    ImportRun.objects.filter(pk=run.pk).update(created_at=ended)
    run.refresh_from_db()
    return run


def booked(account: AcuityAccount, day: datetime, seen: datetime) -> Appointment:
    number = str(Appointment.objects.count() + 1)
    client, _ = Client.objects.get_or_create(tenant=account.tenant, external_id="c")
    return Appointment.objects.create(
        tenant=account.tenant,
        external_id=number,
        client=client,
        starts_at=day,
        ends_at=day,
        price=0,
        amount_paid=0,
        service_date=day.date(),
        first_seen=seen,
    )


def told(run: ImportRun) -> list[str]:
    """What is told when the run has completed."""
    before = set(Notice.objects.values_list("pk", flat=True))
    event: Any = type("Completed", (), {"run_id": run.pk})
    watch.closed_months(event)
    return [notice.text for notice in Notice.objects.exclude(pk__in=before)]


def test_a_month_is_closed_by_the_first_run_after_it_not_by_the_one_that_sees_it(
    studio: AcuityAccount,
) -> None:
    assert told(ran(studio, at(5, 20))) == []
    booked(studio, at(6, 3), seen=at(6, 1))
    assert told(ran(studio, at(6, 30, 23))) == []
    # June's last evening, found by July's first run.
    booked(studio, at(6, 30, 20), seen=at(7, 1, 0))
    assert told(ran(studio, at(7, 1, 0))) == []

    booked(studio, at(6, 12), seen=at(7, 5))

    july = ran(studio, at(7, 5, 13))
    assert told(july) == ["2026-06: now 3 bookings, USD 0.00 (was 2 and USD 0.00)"]
    # Long after, it says of this run what it said then, and of a time before the closing no more.
    booked(studio, at(7, 20), seen=at(7, 20))
    ran(studio, at(9, 1))
    ImportRun.objects.filter(pk=july.pk).update(created_at=at(7, 4))
    july.refresh_from_db()
    assert list(changes.of_run(july).closed) == ["2026-06"]
    assert changes.of(studio.tenant, at(5, 1)).closed == {
        "2026-06": {"bookings": [2, 3], "cents": [0, 0]}
    }
    assert changes.of(studio.tenant, at(8, 1)).closed == {}


@pytest.mark.parametrize("by", ["webhook", "failed run"])
def test_what_was_stored_between_two_completed_runs_is_told(studio: AcuityAccount, by: str) -> None:
    row = booked(studio, at(5, 9), seen=at(5, 1))
    ran(studio, at(5, 10))
    ran(studio, at(7, 1))
    if by == "failed run":
        ran(studio, at(7, 3), status="failed")
    row.removed_at = at(7, 2)
    row.save()
    Change.objects.create(
        tenant=studio.tenant,
        seen_at=at(7, 2),
        resource="appointments",
        row=row.pk,
        external_id=row.external_id,
        by=by[:7],
        changed={"removed_at": [None, at(7, 2).isoformat()]},
    )

    assert told(ran(studio, at(7, 4))) == ["2026-05: now 0 bookings, USD 0.00 (was 1 and USD 0.00)"]
    assert told(ran(studio, at(7, 5))) == []


def test_a_second_accounts_first_import_is_no_change_of_closed_months(
    studio: AcuityAccount,
) -> None:
    ran(studio, at(7, 1))
    second = AcuityAccount.objects.create(tenant=studio.tenant, user_id="2", api_key="k")
    booked(second, at(5, 9), seen=at(7, 2))

    assert told(ran(second, at(7, 2))) == []
    assert told(ran(studio, at(7, 3))) == []
