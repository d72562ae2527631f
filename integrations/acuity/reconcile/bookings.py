"""Does Acuity's own export of appointments say what is stored?"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db.models import Q

from bookings.amounts import decimals
from bookings.models import Appointment, Question, Tenant
from integrations.acuity.reconcile.files import BOOKINGS, KINDS, File, Row, moments
from integrations.acuity.reconcile.result import Result
from integrations.models import AcuityAccount

COMPARED = {
    *KINDS[BOOKINGS],
    *("End Time", "Timezone", "Type", "Calendar", "Appointment Price", "Paid?"),
    *("Amount Paid Online", "Certificate Code", "Label", "Notes"),
}
NOT_COMPARED = ("First Name", "Last Name", "Phone", "Email", "Date Scheduled", "Scheduled By")
# Bookings whose payments are read at once.
AT_ONCE = 1000
PRICE, PAID = "Appointment Price", "Amount Paid Online"
Reading = Callable[[Appointment], Decimal]


def _online(booking: Appointment) -> Decimal:
    live = [each for each in booking.payments.all() if each.removed_at is None]
    return sum((each.amount for each in live if each.processor != "cash"), Decimal(0))


# What a column of money may mean, as nobody has said which: a file means one of them throughout.
READINGS: dict[str, dict[str, Reading]] = {
    PRICE: {
        "the price when it was booked": lambda booking: booking.price,
        "the price with add-ons and discounts": lambda booking: (
            booking.price if booking.price_sold is None else booking.price_sold
        ),
    },
    PAID: {
        "all that was paid": lambda booking: booking.amount_paid,
        "what was paid, without cash": _online,
    },
}


def compare(file: File, account: AcuityAccount, month: str) -> Result:
    """Booking by booking, and totals by month; with `month`, that one alone."""
    tenant, stored = account.tenant, account.rows(Appointment).filter(removed_at=None)
    keys = [row["Appointment ID"] for row in file.rows]
    rows = stored.filter(Q(external_id__in=keys)).select_related("label")
    known = {row.external_id: row for row in rows.prefetch_related("answers", "payments")}
    result = Result(file.kind, len(file.rows), decimals(tenant.currency))
    readings = {column: _reading(result, file, known, column) for column in READINGS}
    questions = _questions(result, file, account, known.values())
    seen: set[str] = set()
    days = []
    for row in file.rows:
        key = row["Appointment ID"]
        booking = known.get(key)
        when = _month(row, booking, tenant)
        if month and when not in (month, ""):
            continue
        result.add(when, "bookings", "vendor", result.amount(row.get(PAID, "")) or Decimal(0))
        if booking is None or key in seen:
            result.only_in_file.append(key)
            continue
        seen.add(key)
        days.append(booking.service_date)
        result.matched += 1
        _booking(result, row, booking, tenant)
        for column, reading in readings.items():
            _money(result, key, row, column, reading(booking))
        _answers(result, row, booking, questions)
    span = stored.filter(service_date__range=(min(days), max(days))) if days else stored.none()
    if month:
        year, number = int(month[:4]), int(month[5:])
        span = stored.filter(service_date__year=year, service_date__month=number)
    canceled = 0
    for booking in span.prefetch_related("payments").iterator(chunk_size=AT_ONCE):
        if booking.external_id in seen or not booking.canceled:
            paid = readings[PAID](booking)
            result.add(f"{booking.service_date:%Y-%m}", "bookings", "database", paid)
        if booking.external_id not in seen and booking.canceled:
            canceled += 1
        elif booking.external_id not in seen:
            result.only_in_database.append(booking.external_id)
    result.not_compared += [name for name in NOT_COMPARED if name in file.columns]
    if canceled:
        result.not_compared.append(f"{canceled} canceled bookings, which such a file may leave out")
    return result


def _month(row: Row, booking: Appointment | None, tenant: Tenant) -> str:
    """As it is stored, else as the row says; nothing where that is no time."""
    if booking:
        return f"{booking.service_date:%Y-%m}"
    zone = row.get("Timezone") or tenant.timezone
    starts = min(moments(row["Start Time"], zone), default=None)
    return f"{starts.astimezone(ZoneInfo(tenant.timezone)):%Y-%m}" if starts else ""


def _reading(result: Result, file: File, known: dict[str, Appointment], column: str) -> Reading:
    """What the column means: that which fits most rows, and it is said where another would not."""
    if column not in file.columns:
        return next(iter(READINGS[column].values()))
    rows = [(known[key], row) for row in file.rows if (key := row["Appointment ID"]) in known]
    said = [(booking, result.amount(row.get(column, ""))) for booking, row in rows]
    fitting = {
        name: sum(reading(booking) == money for booking, money in said)
        for name, reading in READINGS[column].items()
    }
    name = max(fitting, key=lambda name: fitting[name])
    if len({*fitting.values()}) > 1:
        result.read_as[column] = name
    return READINGS[column][name]


def _questions(
    result: Result, file: File, account: AcuityAccount, bookings: Iterable[Appointment]
) -> dict[str, list[str]]:
    """The file's columns by the question that they answer. Of others, a sentence each."""
    asked = account.rows(Question).values_list("text", flat=True)
    answered = (answer.question_text for each in bookings for answer in each.answers.all())
    stored = {_plain(text) for texts in (asked, answered) for text in texts}
    found = defaultdict(list)
    for column, called in file.called.items():
        if column in COMPARED or column in NOT_COMPARED:
            continue
        if (text := _plain(called)) in stored:
            found[text].append(column)
        elif filled := sum(bool(row.get(column)) for row in file.rows):
            result.only_in_file.append(
                f"column {called!r}: neither one of Acuity's that is known nor a question that is"
                f" stored, and {filled:,} rows say something there"
            )
        else:
            result.not_compared.append(f"column {called!r}, which is empty and not known")
    return found


def _booking(result: Result, row: Row, booking: Appointment, tenant: Tenant) -> None:
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


def _answers(
    result: Result, row: Row, booking: Appointment, questions: dict[str, list[str]]
) -> None:
    stored: dict[str, list[str]] = {}
    for answer in booking.answers.all():
        stored.setdefault(_plain(answer.question_text), []).append(_plain(answer.value))
    for text, columns in questions.items():
        said = [_plain(row.get(column, "")) for column in columns]
        if len(columns) == 1:
            result.compare(booking.external_id, columns[0], *said, *stored.get(text, [""]))
            continue
        # Forms that ask the same: which column is whose cannot be told.
        both = (sorted(filter(None, values)) for values in (said, stored.get(text, [])))
        result.compare(booking.external_id, text, *map(" | ".join, both))


def _text(result: Result, key: str, row: Row, column: str, stored: str) -> None:
    if column in row:
        result.compare(key, column, _plain(row[column]), _plain(stored))


def _money(result: Result, key: str, row: Row, column: str, stored: Decimal) -> None:
    if column in row:
        said = result.amount(row[column])
        result.compare(key, column, row[column] if said is None else said, stored)


def _plain(text: str) -> str:
    return " ".join(text.split())
