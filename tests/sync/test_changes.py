"""Is what changed said in names and money, closed months first?"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client as Browser

from integrations.acuity.sandbox import Sandbox
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


@pytest.mark.long
def test_nothing_changed_says_so(box: Sandbox, account: AcuityAccount, capsys: Any) -> None:
    import_all(box)
    import_all(box)

    call_command("acuity_changes")

    assert "Nothing has changed." in capsys.readouterr().out
