"""Files as the vendor and the processors write them: each is read, agrees with what it says, and a
difference planted in it is named."""

import csv
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from bookings.models import (
    Appointment,
    AppointmentType,
    Calendar,
    Client,
    Label,
    Payment,
    Question,
    Tenant,
)
from integrations.models import AcuityAccount
from tests.reconcile.test_files import said

pytestmark = pytest.mark.django_db
SAMPLES = Path(__file__).parent / "samples"
# What stands in each sample, what is planted in its place, and by what the difference is named.
PLANTED = [
    ("appointments.csv", "Cut & style,North chair,85.00", "Cut & style,North chair,86.00", "86.00"),
    ("appointments-older.csv", "9:30 am", "9:30 pm", "1550000001"),
    ("stripe-payments.csv", "16:02,60.00", "16:02,61.00", "61.00"),
    ("square-transactions.csv", "$57.50,Acuity", "$58.50,Acuity", "58.50"),
]


@pytest.fixture
def business() -> Tenant:
    """The two bookings that the samples tell of, and their payments."""
    tenant = Tenant.objects.create(name="Studio", timezone="America/Chicago", currency="USD")
    AcuityAccount.objects.create(tenant=tenant, user_id="1", timezone=tenant.timezone)
    chair = Calendar.objects.create(tenant=tenant, external_id="1", name="North chair")
    label = Label.objects.create(tenant=tenant, external_id="1", name="Confirmed")
    for words, number, hours, money, paid in (
        (("Ada", "Example", "6155550101", "ada@example.com"), 1, (14, 30, 15, 30), 85, True),
        (("Ben", "O'Sample", "+442079460123", ""), 2, (16, 0, 17, 30), 150, False),
    ):
        person = dict(zip(("first_name", "last_name", "phone", "email"), words, strict=True))
        kind = "Cut & style" if paid else "Colour"
        row = Appointment.objects.create(
            tenant=tenant,
            external_id=f"155000000{number}",
            client=Client.objects.create(tenant=tenant, external_id=words[0], **person),
            calendar=chair,
            appointment_type=AppointmentType.objects.create(
                tenant=tenant, external_id=str(number), name=kind, price=money
            ),
            type_name=kind,
            calendar_name=chair.name,
            starts_at=datetime(2025, 10, 21, *hours[:2], tzinfo=UTC),
            ends_at=datetime(2025, 10, 21, *hours[2:], tzinfo=UTC),
            service_date=date(2025, 10, 21),
            price=money,
            paid=paid,
            amount_paid=85 if paid else 50,
            label=None if paid else label,
            notes="" if paid else 'Deposit taken by phone, "rest in cash"',
            **person,
        )
        if paid:
            question = Question.objects.create(
                tenant=tenant, external_id="1", text="How did you hear about us?"
            )
            row.answers.create(question=question, question_text=question.text, value="A friend")
    return tenant


def paid(tenant: Tenant, processor: str, *payments: tuple[str, str, datetime]) -> None:
    for number, (key, amount, at) in enumerate(payments):
        Payment.objects.create(
            tenant=tenant,
            appointment=Appointment.objects.order_by("-external_id")[number % 2],
            external_id=key,
            transaction_id=key,
            processor=processor,
            amount=amount,
            currency="USD",
            paid_at=at,
            service_date=date(2025, 10, 21),
        )


def settled(tenant: Tenant) -> None:
    at = datetime(2025, 10, 2, 22, 16, 2, tzinfo=UTC)
    paid(
        tenant,
        "stripe",
        ("pi_3SAMPLE000000000000001", "60.00", at),
        ("pi_3SAMPLE000000000000002", "85.00", at.replace(minute=15, second=20)),
    )
    square = datetime(2025, 10, 21, 15, 31, 12, tzinfo=UTC)
    paid(tenant, "square", ("SQTX0001", "57.50", square))


def differences(found: dict[str, Any]) -> str:
    return str([found["differs"], found["only_in_file"], found["only_in_database"]])


@pytest.mark.parametrize(("name", "old", "new", "word"), PLANTED)
def test_a_planted_difference_is_named(
    business: Tenant, tmp_path: Path, name: str, old: str, new: str, word: str
) -> None:
    settled(business)
    text = (SAMPLES / name).read_text(encoding="utf-8")
    assert text.count(old) == 1
    wrong = tmp_path / name
    wrong.write_text(text.replace(old, new), encoding="utf-8")

    _, agreed = said(SAMPLES / name)
    status, found = said(wrong)

    assert agreed["rows"] == len(list(csv.DictReader(text.splitlines(keepends=True))))
    assert status == 1 and word in differences(found)
    assert word not in differences(agreed), agreed
