"""Does what is said of an account's age equal what was asked of Acuity, and when?"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client as Browser

from bookings.models import Appointment
from integrations.acuity.sandbox import Sandbox
from integrations.acuity.sync import freshness
from integrations.models import AcuityAccount
from tests.conftest import import_all

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.money]
FIRST = datetime(2026, 6, 15, 18, 2, tzinfo=UTC)


@pytest.mark.long
def test_each_age_is_that_of_its_own_reading(box: Sandbox, account: AcuityAccount) -> None:
    assert freshness.of(account).words("America/Chicago") == "never imported whole"
    with time_machine.travel(FIRST):
        import_all(box, payments_mode="all")
    account.refresh_from_db()
    with time_machine.travel(FIRST + timedelta(hours=5)):
        import_all(box, verify=False)
        # Of some days only: the rest is as old as before.
        import_all(box, min_date=FIRST.date())

    found = freshness.of(account)

    assert (
        found.words(account.timezone)
        == "bookings as of 15 Jun 18:02, payments audited since 15 Jun"
    )
    oldest = Appointment.objects.order_by("payments_read_at").values_list("payments_read_at")[0][0]
    assert found.payments == oldest and found.unread == 0


@pytest.mark.long
def test_lists_that_nobody_has_read_are_counted_not_called_audited(
    box: Sandbox, account: AcuityAccount, capsys: Any
) -> None:
    import_all(box)
    unread = Appointment.objects.filter(payments_read_at=None, removed_at=None).count()

    call_command("acuity_accounts", "--json")

    (told,) = json.loads(capsys.readouterr().out)["accounts"]
    assert told["payments_unread"] == unread > 0
    assert told["bookings_as_of"] and told["proven_at"] == told["last_proof"]
    metrics = Browser().get("/metrics").content.decode()
    assert f'acuity_payments_unread{{account="{account.pk}"}} {unread}.0' in metrics
    assert "acuity_bookings_age_seconds" in metrics
