"""Is every difference between a file and the database found and named, and none that is not there?"""

import csv
import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command

from bookings.models import Payment, Refund
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.sandbox import Sandbox
from tests.conftest import import_all

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db,
    pytest.mark.sandbox(clients=10, appointments=40, months=2),
]
QUESTIONS = ("How did you hear about us?", "Allergies")


def write(path: Path, rows: list[dict[str, Any]], encoding: str = "utf-8", mark: str = ",") -> Path:
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=mark)
        writer.writeheader()
        writer.writerows(rows)
    return path


def said(path: Path, *args: str) -> tuple[int, dict[str, Any]]:
    out = StringIO()
    try:
        call_command("acuity_reconcile", str(path), *args, "--json", stdout=out)
        status = 0
    except SystemExit as left:
        status = int(str(left.code))
    return status, json.loads(out.getvalue())


def appointments(box: Sandbox) -> list[dict[str, Any]]:
    """As the vendor exports them, straight from the sandbox."""
    rows = []
    zone = ZoneInfo(box.account.timezone)
    for row in box.account.appointments:
        start = datetime.fromisoformat(row["datetime"]).astimezone(zone)
        labels = row.get("labels") or []
        answers = {v["name"]: v["value"] for f in row["forms"] for v in f["values"]}
        rows.append(
            {
                "Start Time": f"{start:%B} {start.day}, {start:%Y %H:%M}",
                "Timezone": box.account.timezone,
                "First Name": row["firstName"],
                "Type": row["type"],
                "Calendar": row["calendar"],
                "Appointment Price": row["price"],
                "Paid?": row["paid"],
                "Amount Paid Online": row["amountPaid"],
                "Certificate Code": row["certificate"] or "",
                "Notes": row["notes"],
                "Label": labels[0]["name"] if labels else "",
                **{f"{name}  ": answers.get(name, "") for name in QUESTIONS},
                "Appointment ID": row["id"],
            }
        )
    return rows


@pytest.mark.long
@pytest.mark.parametrize(
    ("encoding", "mark"), [("utf-8", ","), ("utf-8-sig", ";"), ("utf-16", "\t"), ("cp1252", ";")]
)
def test_an_export_of_what_is_there_agrees(
    box: Sandbox, tmp_path: Path, encoding: str, mark: str
) -> None:
    import_all(box)
    rows = [dict(reversed(row.items())) for row in appointments(box)]

    status, found = said(write(tmp_path / "a.csv", rows, encoding, mark))

    assert (status, found["differs"]) == (0, [])
    assert found["matched"] == len(rows) == len(box.account)


@pytest.mark.long
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("Start Time", "March 8, 2020 7:45 pm"),
        ("Type", "Another"),
        ("Calendar", "Another"),
        ("Appointment Price", "1.234,50 €"),
        ("Amount Paid Online", "$77.00"),
        ("Certificate Code", "X"),
        ("Label", "Another"),
        ("Notes", "Another"),
        ("Allergies  ", "Nuts"),
    ],
)
def test_one_planted_difference_is_named(
    box: Sandbox, tmp_path: Path, column: str, value: str
) -> None:
    import_all(box)
    rows = appointments(box)
    rows[3][column] = value

    status, found = said(write(tmp_path / "a.csv", rows))

    assert status == 1
    assert [(each["id"], each["column"]) for each in found["differs"]] == [
        (str(rows[3]["Appointment ID"]), column.strip())
    ]


@pytest.mark.long
def test_what_only_one_of_them_has_is_named(box: Sandbox, tmp_path: Path) -> None:
    import_all(box)
    rows = appointments(box)
    kept = {row["id"] for row in box.account.appointments if not row["canceled"]}
    lost = next(row for row in rows[5:] if row["Appointment ID"] in kept)
    rows.remove(lost)
    rows.append(rows[0] | {"Appointment ID": 1})

    status, found = said(write(tmp_path / "a.csv", rows))

    assert (status, found["only_in_file"]) == (1, ["1"])
    assert found["only_in_database"] == [str(lost["Appointment ID"])]


@pytest.mark.long
def test_clients_agree_and_a_stranger_is_named(box: Sandbox, tmp_path: Path) -> None:
    import_all(box)
    rows = [
        {
            "First Name": c["firstName"],
            "Last Name": c["lastName"],
            "Phone": c["phone"],
            "Email": c["email"],
            "Days Since Last Appointment": "",
        }
        for c in box.account.clients
    ]
    assert said(write(tmp_path / "c.csv", rows))[1]["only_in_file"] == []
    rows.append(rows[0] | {"First Name": "Zoe", "Last Name": "Stranger"})

    status, found = said(write(tmp_path / "c.csv", rows))

    assert (status, found["only_in_file"]) == (1, [f"row {len(rows) + 1}"])


@pytest.mark.long
@pytest.mark.money(False)
def test_a_month_of_the_vendors_report(box: Sandbox, tmp_path: Path) -> None:
    import_all(box)
    month = f"{next(iter(box.account.starts.values())):%Y-%m}"
    sums: dict[str, list[Any]] = {}
    for row in box.account.appointments:
        if row["datetime"][:7] == month and not row["canceled"] and not row.get("noShow"):
            for paid in box.account.payments.get(row["id"], []):
                cell = sums.setdefault(f"{paid['processor'].title()} (Appointment)", [0, 0])
                cell[0] += 1
                cell[1] += round(float(paid["amount"]) * 100)
    sold = [o for o in box.account.lists["orders"] if o["time"][:7] == month and o["total"]]
    if sold:
        sums["Stripe (Package)"] = [len(sold), 100 * sum(order["total"] for order in sold)]
    rows = [
        {"Processor": name, "Transactions": n, "Amount": f"${c / 100:,.2f}"}
        for name, (n, c) in sums.items()
    ]
    number, cents = map(sum, zip(*sums.values(), strict=True))
    total = {"Processor": "Total", "Transactions": number, "Amount": f"${cents / 100:,.2f}"}
    path = write(tmp_path / "r.csv", [*rows, total])
    assert said(path, "--month", month)[0] == 0
    with pytest.raises(ConfigurationError, match="--month"):
        said(path)
    rows[0]["Amount"] = "$1.00"

    status, found = said(write(tmp_path / "r.csv", rows), "--month", month)

    assert status == 1
    assert [each["column"] for each in found["differs"]] == ["Amount in cents"]


def stripe(payment: Payment, refunded: str = "0.00") -> dict[str, Any]:
    return {
        "id": f"ch_{payment.pk}",
        "Created date (UTC)": f"{payment.paid_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
        "Amount": payment.amount,
        "Amount Refunded": refunded,
        "Currency": "usd",
        "Status": "Paid",
        "Customer Email": payment.appointment.email,
        "PaymentIntent ID": payment.transaction_id,
    }


@pytest.mark.long
def test_a_processors_refund_is_found_and_stored_when_told_to(box: Sandbox, tmp_path: Path) -> None:
    import_all(box)
    payments = list(Payment.objects.filter(processor="stripe").select_related("appointment"))
    rows = [stripe(payment) for payment in payments]
    rows.append(rows[0] | {"id": "ch_0", "PaymentIntent ID": "pi_0", "Status": "Failed"})
    assert said(write(tmp_path / "s.csv", rows))[0] == 0
    rows[0]["Amount Refunded"] = "5.00"
    path = write(tmp_path / "s.csv", rows)

    status, found = said(path)

    assert (status, [each["column"] for each in found["differs"]]) == (1, ["Refunded"])
    assert not Refund.objects.exists()
    assert said(path, "--apply")[0] == said(path, "--apply")[0] == said(path)[0] == 0
    refund = Refund.objects.get()
    assert (str(refund.amount), refund.payment) == ("5.00", payments[0])


@pytest.mark.long
def test_a_charge_without_its_id_is_likely_and_a_strange_one_is_named(
    box: Sandbox, tmp_path: Path
) -> None:
    import_all(box)
    payments = list(Payment.objects.filter(processor="stripe").select_related("appointment"))
    rows = [stripe(payment) for payment in payments]
    rows[0]["PaymentIntent ID"] = ""
    rows.append(rows[1] | {"id": "ch_0", "PaymentIntent ID": "pi_0", "Amount": "4321.00"})

    status, found = said(write(tmp_path / "s.csv", rows))

    assert (status, found["likely"]) == (1, 1)
    assert found["only_in_file"] == [f"row {len(rows) + 1}"]


@pytest.mark.long
def test_squares_file_has_payments_and_refunds_in_rows(box: Sandbox, tmp_path: Path) -> None:
    number = next(n for n in box.account.bookings if not box.account.payments.get(n))
    paid = {
        "transactionID": "SQPAY0001",
        "created": "2026-06-01T10:31:12-0500",
        "processor": "square",
        "amount": "57.50",
    }
    for other in box.account.bookings:
        box.account.edit(other, payments=[])
    box.account.edit(number, paid="yes", amountPaid="57.50", payments=[paid])
    import_all(box)
    row = {
        "Date": "06/01/2026",
        "Time": "10:31:12",
        "Tip": "$7.50",
        "Total Collected": "$57.50",
        "Transaction ID": "SQTX0001",
        "Payment ID": "SQPAY0001",
        "Event Type": "Payment",
    }
    assert said(write(tmp_path / "q.csv", [row]))[0] == 0
    back = row | {"Total Collected": "($20.00)", "Tip": "", "Event Type": "Refund"}

    status, found = said(write(tmp_path / "q.csv", [row, back]))

    assert status == 1
    assert found["differs"] == [
        {"id": str(number), "column": "Refunded", "file": "20.00", "database": "0.00"}
    ]


def test_an_unknown_file_says_what_was_looked_for(box: Sandbox, tmp_path: Path) -> None:
    import_all(box, only=("labels",))

    with pytest.raises(ConfigurationError, match="Start Time, Appointment ID"):
        said(write(tmp_path / "x.csv", [{"a": 1, "b": 2}]))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        said(tmp_path / "nowhere.csv")
