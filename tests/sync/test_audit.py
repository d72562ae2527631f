"""Is every payment list read again in time, the oldest reading first, within the allowance?"""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from bookings.models import Appointment, Payment
from integrations.acuity.sandbox import Sandbox
from integrations.acuity.sync import plans
from integrations.models import AcuityAccount, ImportRun, Plan
from tests.conftest import import_all, run_to_end

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)


def night(plan: Plan) -> ImportRun:
    """The plan's next audit, worked through."""
    turn = plans.Turn(ImportRun.Kind.AUDIT, timezone.now(), Plan.objects.get(pk=plan.pk))
    run = plans.begin(turn, timezone.now())
    assert run
    return run_to_end(run)


def planned(account: AcuityAccount, **columns: Any) -> Plan:
    """As it is stored, with what the import has learned of the account."""
    return Plan.objects.get(pk=plans.set_plan(account, **columns).pk)


def asked(box: Sandbox) -> list[str]:
    return [path for _, path, _, _ in box.requests if path.endswith("/payments")]


@pytest.fixture(autouse=True)
def unsent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integrations.acuity.runs.messages.send_chain", lambda run: None)


@pytest.mark.long
def test_every_list_is_read_again_within_the_nights(box: Sandbox, account: AcuityAccount) -> None:
    import_all(box)
    plan = planned(account, nights=3)
    seen: list[str] = []

    for n in range(1, 4):
        box.forget()
        with time_machine.travel(datetime.now().astimezone() + n * DAY):
            assert night(plan).verified
        assert len(asked(box)) == 40
        seen += asked(box)

    assert len(set(seen)) == len(seen) == 120


@pytest.mark.long
def test_what_was_never_read_comes_first_and_a_hidden_refund_is_found(
    box: Sandbox, account: AcuityAccount
) -> None:
    import_all(box)
    never = Appointment.objects.filter(payments_read_at=None)
    refunded = never.order_by("pk").first()
    assert refunded
    rows: list[dict[str, Any]] = [
        {"transactionID": f"pi_{n}", "created": "2026-06-01T10:00:00-0500",
         "processor": "stripe", "amount": amount}
        for n, amount in enumerate(("80.00", "-80.00"))
    ]  # fmt: skip
    box.account.edit(int(refunded.external_id), payments=rows)
    plan = planned(account, allowance=never.count())

    night(plan)

    assert Payment.objects.filter(appointment=refunded).count() == 2
    assert not never.exists()


@pytest.mark.long
def test_an_allowance_is_kept_to_and_a_broken_off_audit_goes_on(
    box: Sandbox, account: AcuityAccount, one_page_a_window: None
) -> None:
    import_all(box, page_limit=10)
    plan = planned(account, allowance=25)
    box.forget()

    turn = plans.Turn(ImportRun.Kind.AUDIT, timezone.now(), plan)
    run = plans.begin(turn, timezone.now())
    assert run
    ImportRun.objects.filter(pk=run.pk).update(page_limit=10, auto_page_limit=False)
    run_to_end(run)

    assert len(asked(box)) == len(set(asked(box))) == 25


@pytest.mark.long
def test_the_page_says_what_it_costs_and_what_an_allowance_gives(
    box: Sandbox, account: AcuityAccount
) -> None:
    import_all(box)
    plan = planned(account)
    assert plans.cost(plan).words == (
        "18 requests a night read all 120 payment lists again within 7 nights."
    )

    plan.allowance = 10

    assert plans.cost(plan).words == (
        "10 requests a night read all 120 payment lists again within 12 nights."
        " What was chosen would take 18."
    )


@pytest.mark.long
def test_new_lists_do_not_make_the_old_ones_late(box: Sandbox, account: AcuityAccount) -> None:
    import_all(box, payments_mode="all")
    plan = planned(account, nights=3)
    now = timezone.now()
    rows = Appointment.objects.order_by("pk")
    for age, some in enumerate((rows[:40], rows[40:80], rows[80:])):
        old = rows.filter(pk__in=[row.pk for row in some])
        old.update(payments_read_at=now - (3 - age) * DAY)
    rows.filter(pk__in=[row.pk for row in rows[110:]]).update(payments_read_at=None)

    assert plans.portion(plan, now) == 50
    assert plans.portion(planned(account, nights=3, allowance=40), now) == 40
    rows.update(payments_read_at=now - 5 * DAY)
    assert plans.portion(planned(account, nights=3, allowance=None), now) == 80
