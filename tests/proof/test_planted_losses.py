"""Does verification find what an import lost? Losses are planted; healthy accounts must stay unsuspected.

Each loss is made behind the import's back, after its last page: rows that a bug would have dropped
or mangled, and changes at the source that a walk by pages cannot see.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import F

from bookings.models import Appointment, AppointmentType, Calendar, Client, Payment
from integrations.acuity.sandbox import Account
from tests.conftest import begin, import_all, run_to_end, small, source
from tests.later import prove_later
from tests.truth import stored, truth

pytestmark = [pytest.mark.money, pytest.mark.django_db(transaction=True), pytest.mark.database]
Loss = Callable[[Account], Any]
DAY = date(2026, 3, 3)


def drop(keep: Callable[[list[Appointment]], list[Appointment]]) -> None:
    rows = list(Appointment.objects.order_by("starts_at", "pk"))
    kept = {row.pk for row in keep(rows)}
    Appointment.objects.exclude(pk__in=kept).delete()


def pick(data: Account, **wanted: Any) -> dict[str, Any]:
    return next(r for r in data.appointments[20:] if all(r.get(k) == v for k, v in wanted.items()))


def merge_clients() -> None:
    first, second = Client.objects.filter(appointments__isnull=False).distinct()[:2]
    second.appointments.update(client=first)
    second.delete()


def drop_twin(data: Account) -> None:
    payment = Payment.objects.filter(processor="cash").first()
    assert payment is not None
    payment.delete()


def charge_more(data: Account) -> None:
    row = pick(data, paid="yes")
    rows = [
        {
            "created": "2026-02-01T10:00:00-0500",
            "processor": "cash",
            "amount": "99.00",
            "transactionID": "",
        }
    ]
    data.edit(row["id"], price="99.00", amountPaid="99.00", payments=rows)


LOSSES: dict[str, Loss] = {
    "a page never stored": lambda data: drop(lambda rows: rows[:100] + rows[200:]),
    "the first page again and again": lambda data: drop(lambda rows: rows[:100]),
    "a silent cap on each answer": lambda data: drop(
        lambda rows: [row for n, row in enumerate(rows) if n % 100 < 60]
    ),
    "the newest hundred only": lambda data: drop(lambda rows: rows[-100:]),
    "half of a crowded day": lambda data: drop(
        lambda rows: [row for n, row in enumerate(rows) if row.service_date != DAY or n % 2]
    ),
    "a minute of a crowded day": lambda data: drop(
        lambda rows: [
            row
            for row in rows
            if row.starts_at
            != max(
                {r.starts_at for r in rows if r.service_date == DAY},
                key=lambda at: sum(r.starts_at == at for r in rows),
            )
        ]
    ),
    "canceled bookings left out": lambda data: Appointment.objects.filter(canceled=True).delete(),
    "a booking at a day's edge": lambda data: drop(
        lambda rows: [row for row in rows if row.starts_at != rows[50].starts_at]
    ),
    "a whole month": lambda data: Appointment.objects.filter(service_date__month=3).delete(),
    "a row deleted after the import": lambda data: Appointment.objects.filter(
        pk=Appointment.objects.order_by("pk")[7].pk
    ).delete(),
    "a booking moved to an earlier day": lambda data: data.move(
        data.appointments[-5]["id"], datetime(2026, 2, 2, 9)
    ),
    "a booking moved to a later day": lambda data: data.move(
        data.appointments[5]["id"], datetime(2026, 6, 2, 9)
    ),
    "a paid booking moved to another month": lambda data: data.move(
        pick(data, paid="yes")["id"], datetime(2026, 6, 20, 9)
    ),
    "a cancellation missed": lambda data: data.cancel(pick(data, canceled=False)["id"]),
    "a no-show missed": lambda data: data.cancel(pick(data, canceled=False)["id"], no_show=True),
    "a booking made meanwhile": lambda data: data.add_appointment(datetime(2026, 3, 4, 8)),
    "a booking deleted at the source": lambda data: data.delete(pick(data)["id"]),
    "a cash payment dropped": drop_twin,
    "all payments of a booking": lambda data: Payment.objects.filter(
        appointment=Payment.objects.order_by("pk")[3].appointment_id
    ).delete(),
    "a payment's amount altered": lambda data: Payment.objects.filter(
        pk=Payment.objects.order_by("pk")[3].pk
    ).update(amount=F("amount") + Decimal("1.00")),
    "a price changed before its payments were read": charge_more,
    "a client deleted with everything": lambda data: [
        Appointment.objects.filter(
            client=(client := Client.objects.filter(listed=True)[2])
        ).delete(),
        client.delete(),
    ],
    "two clients merged into one": lambda data: merge_clients(),
    "a client renamed at the source": lambda data: data.clients[5].update(lastName="Renamed"),
    "bookings without their calendar": lambda data: Calendar.objects.first().delete(),  # type: ignore[union-attr]
    "bookings without their type": lambda data: AppointmentType.objects.first().delete(),  # type: ignore[union-attr]
}


@pytest.mark.long
@pytest.mark.parametrize(
    "loss",
    [
        # Every fifth of them in `make quick`, every other one in `make test`.
        pytest.param(
            loss, marks=pytest.mark.thorough if n % 2 else pytest.mark.slow if n % 5 else ()
        )
        for n, loss in enumerate(LOSSES)
    ],
)
def test_every_planted_loss_is_closed_or_named(loss: str) -> None:
    data = small()
    data.crowd(DAY, total=120, same_minute=60)
    with source(data) as box:
        run = run_to_end(begin(box), before="verify")
        assert stored(run.account.tenant) == truth(data)
        listed = Client.objects.filter(listed=True).count()

        LOSSES[loss](data)
        run_to_end(run)
        if loss == "a booking deleted at the source":
            prove_later(run)

    expected = truth(data)
    found = stored(run.account.tenant)
    if loss == "a client renamed at the source":
        # The row under the old name is kept, as its bookings still carry that name.
        expected["clients"] = found["clients"]
        assert Client.objects.filter(last_name="Renamed", listed=True).count() == 1
        assert Client.objects.filter(listed=True).count() == listed
    assert found == expected
    assert (run.status, run.gaps) == ("completed", [])
    assert not Appointment.objects.filter(calendar=None).exclude(raw__calendarID=None).exists()


def healthy(seed: int) -> tuple[Account, dict[str, Any]]:
    """An account of each mood that the source may be in."""
    data = small(seed=seed)
    data.me["clientsDistinctByPhone"] = seed % 3 != 1
    if seed % 3 == 2:
        del data.me["clientsDistinctByPhone"]
    rows = data.appointments
    refund = {"created": "2026-02-01T10:00:00-0500", "processor": "stripe", "transactionID": "re_1"}
    paid = [row for row in rows if row["paid"] == "yes"]
    for row in paid[: seed % 4]:
        data.edit(
            row["id"], payments=[*data.payments.get(row["id"], []), refund | {"amount": "-5.00"}]
        )
    for row in paid[5 : 5 + seed % 3]:
        data.edit(row["id"], amountPaid="0.00", payments=[])
    for row in paid[10 : 10 + seed % 5]:
        data.cancel(row["id"])
    return data, {
        "day_zone": ("business", "UTC", "calendar")[seed % 3],
        "shuffle_ties": seed % 2 == 0,
        "exclude_forms_shape": ("absent", "empty")[seed % 2],
        "cap": (None, 60, 500)[seed % 3],
    }


@pytest.mark.long
@pytest.mark.parametrize(
    "seed",
    [
        # Six have each mood of the source.
        pytest.param(n, marks=pytest.mark.thorough if n > 5 else pytest.mark.slow if n > 1 else ())
        for n in range(20)
    ],
)
def test_a_healthy_account_raises_no_suspicion_and_is_not_written_twice(seed: int) -> None:
    data, moods = healthy(seed)

    with source(data, **moods) as box:
        run = import_all(box)
        assert (run.status, run.gaps) == ("completed", [])
        box.forget()
        again = import_all(box)

        assert not [path for _, path, _, _ in box.requests if path.endswith("/payments")]
    assert (again.status, again.gaps) == ("completed", [])
    assert sum(step.created + step.updated for step in again.steps.all()) == 0
    assert {d["appointment"] for d in again.differences} == {
        d["appointment"] for d in run.differences
    }
    assert again.created_at - run.created_at < timedelta(minutes=5)
