"""Files that are written otherwise: other names, orders, encodings, signs, clocks, and rows that come
twice. Nothing is named that is no difference, and no difference is lost among them."""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bookings.models import Appointment, Client, Payment, Question, Refund, Tenant
from tests.reconcile.test_files import said
from tests.reconcile.test_samples import KEYS, SAMPLES, business, paid, settled

__all__ = ["business"]

pytestmark = pytest.mark.django_db
NAMES = ["Start Time", "Timezone", "Type", "Calendar", "Appointment Price", "Paid?"]
ADA = ["October 21, 2025 09:30", "America/Chicago", "Cut & style", "North chair", "85.00", "yes"]
BEN = ["October 21, 2025 11:00", "America/Chicago", "Colour", "North chair", "150.00", "no"]
FRIEND = "How did you hear about us?"
AT = datetime(2025, 10, 2, 22, 16, 2, tzinfo=UTC)


def file(path: Path, rows: list[list[str]], encoding: str = "utf-8", mark: str = ",") -> Path:
    with path.open("w", encoding=encoding, newline="") as lines:
        csv.writer(lines, delimiter=mark).writerows(rows)
    return path


def bookings(path: Path, *more: str, ada: list[str], ben: list[str], **how: str) -> Path:
    rows = [[*NAMES, "Label", "Notes", FRIEND, *more, "Appointment ID"]]
    rows.append([*ADA, "", "", "A friend", *ada, "1550000001"])
    notes = 'Deposit taken by phone, "rest in cash"'
    rows.append([*BEN, "Confirmed", notes, "", *ben, "1550000002"])
    return file(path, rows, **how)


def found_in(found: dict[str, Any]) -> list[str]:
    differs = [f"{each['id']} {each['column']}" for each in found["differs"]]
    return differs + found["only_in_file"] + found["only_in_database"]


def replaced(path: Path, *pairs: tuple[str, str]) -> Path:
    text = path.read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("hour", [6, 7])
def test_both_hours_count_when_the_clocks_go_back(
    business: Tenant, tmp_path: Path, hour: int
) -> None:
    at = datetime(2025, 11, 2, hour, 30, tzinfo=UTC)
    rows = Appointment.objects.filter(external_id="1550000001")
    rows.update(starts_at=at, ends_at=at + timedelta(hours=2), service_date=at.date())
    twice = [["Start Time", "Appointment ID"], ["November 2, 2025 01:30", "1550000001"]]

    assert found_in(said(file(tmp_path / "a.csv", twice))[1]) == []
    twice[1][0] = "November 2, 2025 02:30"
    assert found_in(said(file(tmp_path / "b.csv", twice))[1]) == ["1550000001 Start Time"]


@pytest.mark.parametrize(
    "clock", ["October 21, 2025 9:30am", "October 21, 2025 9:30 A.M.", "2025-10-21T09:30"]
)
def test_a_clock_may_be_written_in_several_ways(
    business: Tenant, tmp_path: Path, clock: str
) -> None:
    path = bookings(tmp_path / "a.csv", ada=[], ben=[])
    assert said(replaced(path, ("October 21, 2025 09:30", clock)))[0] == 0


def test_one_exporters_names_are_known(business: Tenant, tmp_path: Path) -> None:
    path = bookings(tmp_path / "a.csv", ada=[], ben=[])
    header = ("Timezone,Type,Calendar,Appointment Price,Paid?",)
    path = replaced(path, (*header, "Time Zone,Appointment Type,Calendar,Price,Paid"))

    assert found_in(said(path)[1]) == []
    path = replaced(path, (",85.00,", ",86.00,"))
    assert found_in(said(path)[1]) == ["1550000001 Appointment Price"]


def test_an_unknown_column_is_one_sentence(business: Tenant, tmp_path: Path) -> None:
    path = bookings(tmp_path / "a.csv", "Mood", "Empty", ada=["good", ""], ben=["bad", ""])

    status, found = said(path)

    [sentence] = found_in(found)
    assert status == 1 and "'Mood'" in sentence and "2 rows" in sentence
    assert [each for each in found["not_compared"] if "'Empty'" in each]


def test_an_answer_that_is_lost_is_named_by_its_question(business: Tenant, tmp_path: Path) -> None:
    Question.objects.create(tenant=business, external_id="2", text="Allergies")
    path = bookings(tmp_path / "a.csv", "Allergies  ", ada=["Nuts"], ben=[""])

    assert found_in(said(path)[1]) == ["1550000001 Allergies"]


def test_two_forms_may_ask_the_same(business: Tenant, tmp_path: Path) -> None:
    booking = Appointment.objects.get(external_id="1550000001")
    for value in ("Nuts", "Cats"):
        booking.answers.create(question_text="Allergies ", value=value)
    path = bookings(
        tmp_path / "a.csv", "Allergies", "Allergies ", ada=["Cats", "Nuts"], ben=["", ""]
    )

    assert found_in(said(path)[1]) == []
    for one, other in (("Cats", "Dogs"), ("Nuts", "Milk")):
        wrong = bookings(
            tmp_path / "w.csv", "Allergies", "Allergies ", ada=["Cats", "Nuts"], ben=["", ""]
        )
        assert found_in(said(replaced(wrong, (one, other)))[1]) == ["1550000001 Allergies"]


def test_a_row_that_comes_again_is_named(business: Tenant, tmp_path: Path) -> None:
    path = bookings(tmp_path / "a.csv", ada=[], ben=[])
    path.write_text(path.read_text() + path.read_text().splitlines()[1] + "\n")

    status, found = said(path)

    assert (status, found["only_in_file"], found["matched"]) == (1, ["1550000001"], 2)


def priced(path: Path, ada: str, ben: str) -> Path:
    rows = [["Start Time", "Appointment Price", "Appointment ID"]]
    rows.append([ADA[0], ada, "1550000001"])
    return file(path, [*rows, [BEN[0], ben, "1550000002"], ["x", "9.00", "1550000003"]])


def test_a_price_is_one_of_two_in_the_whole_file(business: Tenant, tmp_path: Path) -> None:
    """A file with add-ons in its prices has them in each: a price without is a difference."""
    for number, sold in ((1, "95.00"), (2, "160.00")):
        Appointment.objects.filter(external_id=f"155000000{number}").update(price_sold=sold)
    third = Appointment.objects.get(external_id="1550000001")
    third.pk, third.external_id, third.price, third.price_sold = None, "1550000003", 1, 9
    third.save()

    found = said(priced(tmp_path / "a.csv", "95.00", "85.00"))[1]

    assert "1550000002 Appointment Price" in found_in(found)
    assert "1550000001 Appointment Price" not in found_in(found)
    assert found["read_as"] == {"Appointment Price": "the price with add-ons and discounts"}
    found = said(priced(tmp_path / "a.csv", "95.00", "150.00"))[1]
    assert "1550000002 Appointment Price" in found_in(found)


def test_what_was_paid_online_may_leave_cash_out_and_adds_up(
    business: Tenant, tmp_path: Path
) -> None:
    """Then it does so throughout, and the month's sums are of the same."""
    paid(business, "cash", ("c1", "85.00", AT), ("c2", "20.00", AT))
    paid(business, "stripe", ("s1", "30.00", AT))
    online = {"1550000001": "0.00", "1550000002": "0.00"}
    for payment in Payment.objects.filter(processor="stripe"):
        online[payment.appointment.external_id] = "30.00"
    rows = [["Start Time", "Amount Paid Online", "Appointment ID"]]
    rows += [
        [ADA[0], online["1550000001"], "1550000001"],
        [BEN[0], online["1550000002"], "1550000002"],
    ]

    status, found = said(file(tmp_path / "a.csv", rows))

    assert status == 0 and found["read_as"]["Amount Paid Online"].endswith("without cash")
    [sums] = found["months"]["2025-10"].values()
    assert sums["vendor"] == sums["database"] == [2, 3000]


@pytest.mark.parametrize(
    ("money", "same"),
    [
        ("1234,50", True),
        ("1.234,50 €", True),
        ("$1,234.50", True),
        ("1 234,50", True),
        ("1'234.50", True),
        ("1234.51", False),
        ("123450", False),
    ],
)
def test_money_is_read_as_it_is_written(
    business: Tenant, tmp_path: Path, money: str, same: bool
) -> None:
    Appointment.objects.filter(external_id="1550000001").update(price="1234.50")
    path = replaced(
        bookings(tmp_path / "a.csv", ada=[], ben=[], mark=";"), (";85.00;", f";{money};")
    )

    assert found_in(said(path)[1]) == ([] if same else ["1550000001 Appointment Price"])


@pytest.mark.parametrize(("money", "status"), [("1.234", 0), ("1,234", 0), ("1.235", 1)])
def test_thousands_may_come_without_cents(
    business: Tenant, tmp_path: Path, money: str, status: int
) -> None:
    Appointment.objects.filter(external_id="1550000001").update(price="1234.00")
    path = replaced(
        bookings(tmp_path / "a.csv", ada=[], ben=[], mark=";"), (";85.00;", f";{money};")
    )

    assert said(path)[0] == status


REPORT = ("revenue-report.csv", "--month", "2025-10")


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("Total,6,$315.00", "Total,6,$316.00", "the file's total Amount in cents"),
        ("Total,6,", "Total,7,", "the file's total Transactions"),
        ("Cash (Appointment),3,", 'Cash (Appointment),"1,003",', "cash Transactions"),
        ("Total,6", "Manual,2,$5.00\nTotal,6", "row 5: Manual"),
        ("$80.00", "eighty", "row 2: Cash (Appointment)"),
    ],
)
def test_a_report_is_read_to_its_last_row(
    business: Tenant, tmp_path: Path, old: str, new: str, word: str
) -> None:
    settled(business, REPORT[0])
    path = tmp_path / "r.csv"
    path.write_text((SAMPLES / REPORT[0]).read_text())

    status, found = said(replaced(path, (old, new)), *REPORT[1:])

    assert status == 1 and [each for each in found_in(found) if each.startswith(word)], found


STRIPE = ["id", "Created date (UTC)", "Amount", "Amount Refunded", "Currency", "PaymentIntent ID"]


def charges(path: Path, *rows: list[str]) -> Path:
    return file(path, [STRIPE, *rows])


def charge(number: int, amount: str = "60.00", refunded: str = "0.00", **other: str) -> list[str]:
    at = other.get("at", "2025-10-02 22:16:02")
    key = other.get("key", f"pi_{number}")
    return [f"ch_{number}", at, amount, refunded, other.get("currency", "usd"), key]


def test_a_charge_that_comes_again_is_named(business: Tenant, tmp_path: Path) -> None:
    paid(business, "stripe", ("pi_1", "60.00", AT))

    found = said(charges(tmp_path / "s.csv", charge(1), charge(1)))[1]

    assert (found["only_in_file"], found["matched"]) == (["row 3"], 1)
    assert found["months"]["2025-10"]["stripe"]["processor"] == [2, 12000]


def test_another_currency_is_another_amount(business: Tenant, tmp_path: Path) -> None:
    paid(business, "stripe", ("pi_1", "60.00", AT))

    assert found_in(said(charges(tmp_path / "s.csv", charge(1, currency="eur")))[1]) == [
        "1550000002 Currency"
    ]


def test_a_charge_that_is_sure_comes_before_one_that_is_likely(
    business: Tenant, tmp_path: Path
) -> None:
    paid(business, "stripe", ("pi_1", "60.00", AT), ("pi_2", "60.00", AT))
    path = charges(tmp_path / "s.csv", charge(9, key=""), charge(2))

    status, found = said(path)

    assert (status, found["matched"], found["likely"]) == (0, 1, 1)


def test_one_charge_may_pay_for_two_bookings(business: Tenant, tmp_path: Path) -> None:
    paid(business, "stripe", ("pi_1", "60.00", AT), ("pi_2", "40.00", AT))
    Payment.objects.update(transaction_id="pi_1")

    assert said(charges(tmp_path / "s.csv", charge(1, "100.00")))[0] == 0
    assert said(charges(tmp_path / "s.csv", charge(1, "99.00")))[0] == 1


def test_a_charge_of_another_month_is_not_asked_for(business: Tenant, tmp_path: Path) -> None:
    paid(business, "stripe", ("pi_1", "60.00", AT))
    path = charges(tmp_path / "s.csv", charge(1), charge(2, "5.00", at="2025-02-01 10:00:00"))

    assert said(path, "--month", "2025-10")[0] == 0
    assert said(path, "--month", "2025-02")[1]["only_in_file"] == ["row 3"]


def test_a_refund_that_is_stored_and_not_in_the_file_is_named(
    business: Tenant, tmp_path: Path
) -> None:
    paid(business, "stripe", ("pi_1", "60.00", AT))
    given = charges(tmp_path / "s.csv", charge(1, refunded="5.00"))
    assert said(given, "--apply")[0] == 0

    assert found_in(said(charges(tmp_path / "t.csv", charge(1)))[1]) == ["1550000002 Refunded"]


SQUARE = ["Date", "Time", "Total Collected", "Transaction ID", "Payment ID", "Event Type"]


def test_two_refunds_of_one_payment_are_both_stored(business: Tenant, tmp_path: Path) -> None:
    paid(business, "square", ("SQ1", "57.50", AT))
    rows = [
        [f"10/{day}/2025", "10:00:00", money, "SQT", "SQ1", event]
        for day, money, event in (
            ("02", "$57.50", "Payment"),
            ("03", "-$20.00", "Refund"),
            ("04", "($7.50)", "Refund"),
        )
    ]
    path = file(tmp_path / "q.csv", [SQUARE, *rows])

    assert said(path)[1]["differs"][0]["file"] == "27.50"
    assert said(path, "--apply")[0] == said(path)[0] == 0
    assert sum(refund.amount for refund in Refund.objects.all()) == 27.5


def test_a_person_may_stand_there_twice(business: Tenant, tmp_path: Path) -> None:
    """Entries that are one client may have two e-mail addresses, in any order."""
    emails = ("ada@example.com", "ada@work.example.com")
    entries = [{"email": email, "phone": "(615) 555-0101", "notes": ""} for email in emails]
    Client.objects.filter(external_id=KEYS["Ada"]).update(raw={"entries": entries})
    Client.objects.exclude(external_id=KEYS["Ada"]).update(listed=False)
    header = ["First Name", "Last Name", "Phone", "Email", "Days Since Last Appointment"]

    def rows(*addresses: str) -> Path:
        people = [["Ada", "Example", "6155550101", each, ""] for each in addresses]
        return file(tmp_path / "c.csv", [header, *people])

    for order in (emails, emails[::-1]):
        assert found_in(said(rows(*order))[1]) == []
    wrong = found_in(said(rows(emails[0], "ada@elsewhere.example.com"))[1])
    assert [each.partition(" Email")[1] for each in wrong] == [" Email"]


def test_columns_of_clients_that_are_not_known_are_said(business: Tenant, tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("First Name,Last Name,Days Since Last Appointment,Shoe Size\n")

    assert [each for each in said(path)[1]["not_compared"] if "'Shoe Size'" in each]


def test_cells_that_an_editor_left_out_are_empty(business: Tenant, tmp_path: Path) -> None:
    path = bookings(tmp_path / "a.csv", ada=[], ben=[])
    path.write_text(path.read_text() + "October 21, 2025 12:00\n")

    assert found_in(said(path)[1]) == [""]


def test_tips_are_summed_and_not_compared(business: Tenant) -> None:
    settled(business, "square-transactions.csv")
    found = said(SAMPLES / "square-transactions.csv")[1]

    assert [each for each in found["not_compared"] if each.startswith("tips of 7.50")]
