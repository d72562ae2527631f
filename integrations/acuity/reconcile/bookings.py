"""Does Acuity's own export of appointments say what is stored?"""

from decimal import Decimal
from typing import Any

from django.db.models import Q

from bookings.amounts import decimals
from bookings.models import Appointment, Tenant
from integrations.acuity.reconcile.files import BOOKINGS, KINDS, File, Row, moments
from integrations.acuity.reconcile.result import Result, amount
from integrations.models import AcuityAccount

COMPARED = {
    *KINDS[BOOKINGS],
    *("End Time", "Timezone", "Type", "Calendar", "Appointment Price", "Paid?"),
    *("Amount Paid Online", "Certificate Code", "Label", "Notes"),
}
NOT_COMPARED = ("First Name", "Last Name", "Phone", "Email", "Date Scheduled", "Scheduled By")


def compare(file: File, account: AcuityAccount, month: str) -> Result:
    """Booking by booking, and totals by month; with `month`, that one alone."""
    tenant, stored = account.tenant, account.rows(Appointment).filter(removed_at=None)
    keys = [row["Appointment ID"] for row in file.rows]
    rows = stored.filter(Q(external_id__in=keys)).select_related("label")
    known = {row.external_id: row for row in rows.prefetch_related("answers", "payments")}
    result = Result(file.kind, len(file.rows), decimals(tenant.currency))
    questions = [name for name in file.columns if name not in COMPARED | {*NOT_COMPARED}]
    seen, days = set(), []
    for row in file.rows:
        key = row["Appointment ID"]
        starts = moments(row["Start Time"], row.get("Timezone") or tenant.timezone)
        booking = known.get(key)
        found = booking and f"{booking.service_date:%Y-%m}"
        when = found or next((f"{at:%Y-%m}" for at in starts), "")
        if month and when != month:
            continue
        seen.add(key)
        result.add(
            when, "bookings", "vendor", amount(row.get("Amount Paid Online", "")) or Decimal(0)
        )
        if booking is None:
            result.only_in_file.append(key)
            continue
        days.append(booking.service_date)
        result.matched += 1
        _booking(result, row, booking, tenant, questions)
    span = stored.filter(service_date__range=(min(days), max(days))) if days else stored.none()
    if month:
        year, number = int(month[:4]), int(month[5:])
        span = stored.filter(service_date__year=year, service_date__month=number)
    canceled = 0
    for booking in span.iterator():
        if booking.external_id in seen or not booking.canceled:
            result.add(f"{booking.service_date:%Y-%m}", "bookings", "database", booking.amount_paid)
        if booking.external_id not in seen and booking.canceled:
            canceled += 1
        elif booking.external_id not in seen:
            result.only_in_database.append(booking.external_id)
    result.not_compared += [name for name in NOT_COMPARED if name in file.columns]
    if canceled:
        result.not_compared.append(f"{canceled} canceled bookings, which such a file may leave out")
    return result


def _booking(
    result: Result, row: Row, booking: Appointment, tenant: Tenant, questions: list[str]
) -> None:
    key, zone = booking.external_id, row.get("Timezone") or tenant.timezone
    for column, at in (("Start Time", booking.starts_at), ("End Time", booking.ends_at)):
        if column in row and at not in moments(row[column], zone):
            result.compare(key, column, row[column], at.isoformat())
    _text(result, key, row, "Type", booking.type_name)
    _text(result, key, row, "Calendar", booking.calendar_name)
    _text(result, key, row, "Certificate Code", booking.certificate)
    _text(result, key, row, "Label", booking.label.name if booking.label else "")
    _text(result, key, row, "Notes", booking.notes)
    if "Paid?" in row:
        result.compare(key, "Paid?", row["Paid?"].casefold(), "yes" if booking.paid else "no")
    # Which of the two the vendor writes is not known: either is right.
    _money(result, key, row, "Appointment Price", booking.price, booking.price_sold)
    live = [each for each in booking.payments.all() if each.removed_at is None]
    online = sum((p.amount for p in live if p.processor != "cash"), Decimal(0))
    _money(result, key, row, "Amount Paid Online", booking.amount_paid, online)
    answers: dict[str, list[str]] = {}
    for answer in booking.answers.all():
        answers.setdefault(answer.question_text.strip(), []).append(_plain(answer.value))
    for name in questions:
        result.compare(key, name, _plain(row.get(name, "")), *answers.get(name, [""]))


def _text(result: Result, key: str, row: Row, column: str, stored: str) -> None:
    if column in row:
        result.compare(key, column, _plain(row[column]), _plain(stored))


def _money(result: Result, key: str, row: Row, column: str, *stored: Any) -> None:
    if column in row:
        said = amount(row[column])
        result.compare(key, column, row[column] if said is None else said, *filter_none(stored))


def filter_none(values: Any) -> list[Any]:
    return [value for value in values if value is not None]


def _plain(text: str) -> str:
    return " ".join(text.split())
