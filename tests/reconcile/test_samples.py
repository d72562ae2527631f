"""Files as the vendor and the processors write them: each is read, agrees with what it says, and a
difference planted in it is named."""

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bookings.models import (
    Appointment,
    AppointmentType,
    Calendar,
    Client,
    Label,
    Order,
    Payment,
    Question,
    Tenant,
)
from integrations.models import AcuityAccount
from tests.reconcile.test_files import said

pytestmark = pytest.mark.django_db
WORDS = ("first_name", "last_name", "phone", "email")
# By which the clients are told apart: name and number, else the address.
KEYS = {
    "Ada": "ada|example|+16155550101",
    "Ben": "ben|o'sample|+442079460123",
    "Eli": "eli|group|+16155550105",
    "Cleo": "cleo|testcase|cleo@example.com",
}
SAMPLES = Path(__file__).parent / "samples"
# What stands in each sample, what is planted in its place, and by what the difference is named.
PLANTED = [
    ("clients.csv", "eli@example.com", "eli@other.example.com", "eli@other.example.com"),
    ("clients.csv", "+44 20 7946 0123", "+44 20 7946 0124", "row 3"),
    ("clients.csv", "never mornings", "never Mondays", "never Mondays"),
    ("clients.csv", 'mornings",23', 'mornings",24', "'Days Since Last Appointment', 'file': '24'"),
    ("clients.csv", "cleo@example.com,,", "cleo@example.com,,9", "'database': 'none'"),
    ("clients.csv", "Cleo,Testcase", "Clea,Testcase", "row 5"),
    ("revenue-report.csv", "2,$145.00", "2,$146.00", "'id': 'stripe', 'column': 'Amount in cents'"),
    ("revenue-report.csv", "3,$80.00", "4,$80.00", "'id': 'cash', 'column': 'Transactions'"),
    ("revenue-report.csv", "1,$90.00", "1,$95.00", "'id': 'orders', 'column': 'Amount in cents'"),
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
        person = dict(zip(WORDS, words, strict=True))
        kind = "Cut & style" if paid else "Colour"
        row = Appointment.objects.create(
            tenant=tenant,
            external_id=f"155000000{number}",
            client=Client.objects.create(tenant=tenant, external_id=KEYS[words[0]], **person),
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


def two_more(tenant: Tenant) -> None:
    """The other clients of the sample: one with a booking of a later month, one without any."""
    words = ("Eli", "Group", "(615) 555-0105", "eli@example.com")
    notes = "Prefers evenings, never mornings"
    for each, note in ((words, notes), (("Cleo", "Testcase", "", "cleo@example.com"), "")):
        Client.objects.create(
            tenant=tenant,
            external_id=KEYS[each[0]],
            notes=note,
            **dict(zip(WORDS, each, strict=True)),
        )
    at = datetime(2025, 11, 2, 18, tzinfo=UTC)
    for canceled, days in ((False, 0), (True, 1), (False, 60)):
        Appointment.objects.create(
            tenant=tenant,
            external_id=f"155000001{days}",
            client=Client.objects.get(first_name="Eli"),
            starts_at=at + timedelta(days=days),
            ends_at=at + timedelta(days=days, hours=1),
            service_date=(at + timedelta(days=days)).date(),
            price=0,
            amount_paid=0,
            canceled=canceled,
        )


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


def settled(tenant: Tenant, name: str) -> None:
    """What the file's payments are in the database."""
    if name == "clients.csv":
        return two_more(tenant)
    at = datetime(2025, 10, 2, 22, 16, 2, tzinfo=UTC)
    paid(
        tenant,
        "stripe",
        ("pi_3SAMPLE000000000000001", "60.00", at),
        ("pi_3SAMPLE000000000000002", "85.00", at.replace(minute=15, second=20)),
    )
    if name == "revenue-report.csv":
        cash = [(f"cash{n}", amount, at) for n, amount in enumerate(("25.00", "25.00", "30.00"))]
        paid(tenant, "cash", *cash)
        Order.objects.create(tenant=tenant, external_id="1", total=90, placed_at=at)
        return None
    square = datetime(2025, 10, 21, 15, 31, 12, tzinfo=UTC)
    return paid(tenant, "square", ("SQTX0001", "57.50", square))


def differences(found: dict[str, Any]) -> str:
    return str([found["differs"], found["only_in_file"], found["only_in_database"]])


@pytest.mark.parametrize(("name", "old", "new", "word"), PLANTED)
def test_a_planted_difference_is_named(
    business: Tenant, tmp_path: Path, name: str, old: str, new: str, word: str
) -> None:
    settled(business, name)
    text = (SAMPLES / name).read_text(encoding="utf-8")
    assert text.count(old) == 1
    wrong = tmp_path / name
    wrong.write_text(text.replace(old, new), encoding="utf-8")

    month = ("--month", "2025-10") if name == "revenue-report.csv" else ()
    before, agreed = said(SAMPLES / name, *month)
    status, found = said(wrong, *month)

    assert agreed["rows"] == len(list(csv.DictReader(text.splitlines(keepends=True))))
    assert status == 1 and word in differences(found)
    assert word not in differences(agreed), agreed
    assert before == 0 or name not in ("clients.csv", "revenue-report.csv"), agreed
