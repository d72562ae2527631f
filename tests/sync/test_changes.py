"""Is what changed said in names and money, closed months first?"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client as Browser
from django.utils import timezone

from bookings import history
from bookings.models import Appointment, Change, Client, Payment, Tenant
from integrations.acuity.sandbox import Sandbox
from integrations.acuity.sync import changes
from integrations.acuity.sync.changes import Changes
from integrations.models import AcuityAccount
from tests.conftest import import_all

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.long
def test_each_change_is_told_and_closed_months_come_first(
    box: Sandbox, account: AcuityAccount, capsys: Any, client: Browser
) -> None:
    import_all(box)
    live = [row["id"] for row in box.account.appointments if not row["canceled"]][-5:]
    moved, canceled, repriced, paid, _ = live
    new = box.account.add_appointment(datetime(2026, 6, 20, 9))
    box.account.move(moved, datetime(2026, 5, 9, 11, 30))
    box.account.cancel(canceled)
    box.account.edit(repriced, price="12.50")
    receipt = {
        "transactionID": "pi_new",
        "created": "2026-05-01T10:00:00-0500",
        "processor": "stripe",
        "amount": "170.00",
    }
    box.account.edit(paid, payments=[receipt], paid="yes", amountPaid="170.00")
    run = import_all(box)

    call_command("acuity_changes", "--since", str(run.pk), "--json")

    told = json.loads(capsys.readouterr().out)
    kinds = {(line["kind"], line["id"]) for line in told["changes"]}
    assert {
        ("new", str(new)),
        ("moved", str(moved)),
        ("canceled", str(canceled)),
        ("repriced", str(repriced)),
        ("paid", str(paid)),
    } <= kinds
    texts = " ".join(line["text"] for line in told["changes"])
    assert "to 9 May 2026, 11:30" in texts and "170.00 USD by stripe paid" in texts
    assert "2026-05" in told["closed_months"]

    client.force_login(User.objects.create_superuser("owner"))
    page = client.get(f"/admin/integrations/importrun/{run.pk}/changes/").content.decode()
    assert page.index("2026-05: now") < page.index("moved from")


@pytest.mark.parametrize(
    ("currency", "cents", "words"),
    [
        ("USD", [523250, 540250], "now 3 bookings, USD 5,402.50 (was 2 and USD 5,232.50)"),
        ("KWD", [-12505, 1250500], "now 3 bookings, KWD 1,250.500 (was 2 and KWD -12.505)"),
    ],
)
def test_a_closed_month_is_told_with_its_currencys_decimals(
    currency: str, cents: list[int], words: str
) -> None:
    closed = {"2026-05": {"bookings": [2, 3], "cents": cents}}

    told = Changes(datetime(2026, 6, 1, tzinfo=UTC), closed, []).closed_words(currency)

    assert told == [f"2026-05: {words}"]


def test_a_rename_and_money_given_back_are_told_in_names_and_amounts() -> None:
    tenant = Tenant.objects.create(name="Example Studio")
    client = Client.objects.create(
        tenant=tenant, external_id="c", first_name="Ana", last_name="Berg"
    )
    at = datetime(2026, 6, 20, 9, tzinfo=UTC)
    days = {"starts_at": at, "ends_at": at, "service_date": at.date()}
    booking = Appointment.objects.create(
        tenant=tenant, external_id="7", client=client, price=60, amount_paid=0, **days
    )
    given: dict[str, Any] = {
        "tenant": tenant,
        "appointment": booking,
        "processor": "stripe",
        "currency": "USD",
        "paid_at": at,
        "service_date": at.date(),
    }
    rows = [
        Payment.objects.create(external_id=str(n), amount=amount, first_seen=at, **given)
        for n, amount in enumerate((60, 25, 30))
    ]
    Payment.objects.create(external_id="b", amount=-60, **given)
    written: list[tuple[Any, dict[str, Any]]] = [
        (client, {"last_name": ["Alt", "Berg"]}),
        (client, {"phone": ["1", "2"]}),
        (booking, {"canceled": [False, True], "starts_at": [at.isoformat(), at.isoformat()]}),
        (rows[1], {"amount": ["40.00", "25.00"]}),
        (rows[2], {"removed_at": [None, at.isoformat()]}),
    ]
    for row, changed in written:
        Change.objects.create(
            tenant=tenant,
            seen_at=timezone.now(),
            resource=history.NAMES[type(row)],
            row=row.pk,
            external_id=row.external_id,
            by="import",
            changed=changed,
        )

    lines = changes.of(tenant, at).lines

    assert [(line.kind, line.id, line.text) for line in lines if line.kind != "new"] == [
        ("refunded", "7", "Ana Berg, 20 Jun 2026, 09:00: 60.00 USD by stripe refunded"),
        ("renamed", "c", "Ana Berg was Ana Alt"),
        ("canceled", "7", "Ana Berg, 20 Jun 2026, 09:00: canceled"),
        ("refunded", "7", "Ana Berg: payment 25.00, was 40.00"),
        ("gone", "7", "Ana Berg, 20 Jun 2026, 09:00: 30.00 USD by stripe no longer listed"),
    ]


@pytest.mark.long
def test_nothing_changed_says_so(box: Sandbox, account: AcuityAccount, capsys: Any) -> None:
    import_all(box)
    import_all(box)

    call_command("acuity_changes")

    assert "No change was seen." in capsys.readouterr().out
