"""Which days is a run about, and what does a refresh do for an account that never had a run?"""

from datetime import date

import pytest

from integrations.acuity.accounts import find
from integrations.acuity.resources.scope import Period
from integrations.acuity.sandbox import Sandbox, SandboxOptions, make_account
from integrations.acuity.sync import refresh
from integrations.models import RejectedRecord

LOW, HIGH = date(2026, 3, 1), date(2026, 3, 31)


@pytest.mark.parametrize(
    ("period", "inside", "outside"),
    [
        (Period(LOW, HIGH), ["2026-03-01", "2026-03-31"], ["2026-02-28", "2026-04-01", ""]),
        (Period(LOW), ["2026-03-01", "2199-12-31"], ["2026-02-28", ""]),
        (Period(None, HIGH), ["1900-01-01", "2026-03-31"], ["2026-04-01"]),
        (Period(), ["1900-01-01", "2199-12-31", ""], []),
    ],
)
def test_both_ends_of_a_period_belong_to_it(
    period: Period, inside: list[str], outside: list[str]
) -> None:
    assert all(period.contains(day) for day in inside)
    assert all(period.contains(date.fromisoformat(day)) for day in inside if day)
    assert not any(period.contains(day) for day in outside)


def test_a_period_is_widened_by_a_day_where_it_has_an_end() -> None:
    assert Period(LOW, HIGH).widened == Period(date(2026, 2, 28), date(2026, 4, 1))
    assert Period(LOW).widened == Period(date(2026, 2, 28))
    assert Period().widened == Period()


def test_a_period_in_words() -> None:
    assert Period(LOW).words == "2026-03-01 to last booking"
    assert Period(None, HIGH).words == "first booking to 2026-03-31"


@pytest.mark.django_db
def test_an_unreadable_booking_of_an_account_without_a_run_is_said_and_not_kept() -> None:
    data = make_account(clients=2, appointments=2, months=1)
    booking = data.appointments[0]["id"]
    data.edit(booking, price="a lot")
    with Sandbox(data, SandboxOptions(rps=0)) as box:
        account = find.ensure(box.options.user_id, box.options.api_key, box.base_url)
        refresh.request(account, str(booking))

        said = refresh.perform(account.pk, str(booking))

    assert said == "0 created, 0 updated, 1 rejected"
    assert not RejectedRecord.objects.exists()
