"""Does a card processor's file say what is stored, and what has it given back?"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Sum

from bookings.amounts import decimals
from bookings.models import Appointment, Order, Payment, Refund, Tenant
from integrations.acuity.reconcile.files import File, Row, moments
from integrations.acuity.reconcile.result import Result, amount
from integrations.models import AcuityAccount

NEAR = timedelta(minutes=10)
NOT_PAID = {"failed", "canceled", "blocked", "incomplete", "uncaptured"}


class Charge(NamedTuple):
    """A row of the file; `refunded` is above zero."""

    line: str
    keys: tuple[str, ...]
    at: datetime | None
    amount: Decimal
    refunded: Decimal
    email: str
    is_refund: bool = False


def compare(file: File, account: AcuityAccount, month: str, *, apply: bool = False) -> Result:
    """Charge by charge; with `apply`, what was given back is stored as refunds."""
    result = Result(file.kind, len(file.rows), decimals(account.tenant.currency))
    charges = list(_charges(file, account.tenant, result))
    bookings = account.rows(Appointment).filter(removed_at=None)
    stored = Payment.objects.filter(
        appointment__in=bookings, removed_at=None, processor__iexact=file.kind
    ).select_related("appointment")
    known = {row.transaction_id: row for row in stored if row.transaction_id}
    seen: set[int] = set()
    for charge in charges:
        payment = next((known[key] for key in charge.keys if key in known), None)
        sure = payment is not None
        if payment is None and not charge.is_refund:
            payment = _near(charge, [row for row in stored if row.pk not in seen])
        if payment is None:
            _unmatched(result, charge, account)
            continue
        when = f"{payment.service_date:%Y-%m}"
        if month and when != month:
            seen.add(payment.pk)
            continue
        result.matched += sure
        result.likely += not sure
        if not charge.is_refund:
            seen.add(payment.pk)
            result.add(when, file.kind, "processor", charge.amount)
            key = payment.appointment.external_id
            result.compare(key, "Amount", charge.amount, payment.amount)
        if charge.refunded:
            _refund(result, file, charge, payment, apply)
    times = [charge.at for charge in charges if charge.at]
    for row in stored:
        when = f"{row.service_date:%Y-%m}"
        covered = times and min(times) <= row.paid_at <= max(times)
        if when == month if month else covered or row.pk in seen:
            result.add(when, file.kind, "database", row.amount)
            if row.pk not in seen:
                result.only_in_database.append(row.appointment.external_id)
    return result


def _charges(file: File, tenant: Tenant, result: Result) -> Iterator[Charge]:
    read = _stripe if file.kind == "stripe" else _square
    for n, row in enumerate(file.rows, start=2):
        charge = read(f"row {n}", row, tenant)
        if charge is None:
            result.not_compared.append(f"row {n}: nothing was paid")
        else:
            yield charge


def _stripe(line: str, row: Row, tenant: Tenant) -> Charge | None:
    if row.get("Status", "").casefold() in NOT_PAID or row.get("Captured", "") == "false":
        return None
    keys = tuple(filter(None, (row.get("PaymentIntent ID"), row["id"])))
    return Charge(
        line,
        keys,
        next(iter(moments(row.get("Created date (UTC)", ""), "UTC")), None),
        amount(row["Amount"]) or Decimal(0),
        amount(row["Amount Refunded"]) or Decimal(0),
        row.get("Customer Email", "").casefold(),
    )


def _square(line: str, row: Row, tenant: Tenant) -> Charge | None:
    money = amount(row["Total Collected"])
    if not money:
        return None
    at = moments(f"{row.get('Date', '')} {row.get('Time', '')}", tenant.timezone)
    keys = tuple(filter(None, (row["Payment ID"], row["Transaction ID"])))
    back = row["Event Type"].casefold() == "refund"
    refunded = abs(money) if back else Decimal(0)
    return Charge(line, keys, next(iter(at), None), money, refunded, "", back)


def _near(charge: Charge, rows: list[Payment]) -> Payment | None:
    """The one payment of this amount within ten minutes; of this e-mail address, where one is given."""
    if charge.at is None:
        return None
    found = [
        row
        for row in rows
        if row.amount == charge.amount
        and abs(row.paid_at - charge.at) <= NEAR
        and (not charge.email or row.appointment.email.casefold() == charge.email)
    ]
    return found[0] if len(found) == 1 else None


def _unmatched(result: Result, charge: Charge, account: AcuityAccount) -> None:
    """A sale beside bookings, if one is near; else in the file alone."""
    if charge.at and not charge.is_refund:
        orders = account.rows(Order).filter(
            removed_at=None,
            total=charge.amount,
            placed_at__range=(charge.at - NEAR, charge.at + NEAR),
        )
        if orders.count() == 1:
            result.likely += 1
            return
    result.only_in_file.append(charge.line)


def _refund(result: Result, file: File, charge: Charge, payment: Payment, apply: bool) -> None:
    known = Refund.objects.filter(payment=payment, origin=file.kind)
    if apply:
        known.update_or_create(
            external_id=charge.keys[0],
            defaults={"amount": charge.refunded, "file_hash": file.digest},
            create_defaults={
                "payment": payment,
                "origin": file.kind,
                "external_id": charge.keys[0],
                "amount": charge.refunded,
                # Of a charge's refund, the file has the amount alone.
                "refunded_at": charge.at if charge.is_refund else None,
                "file_hash": file.digest,
            },
        )
    stored = known.filter(external_id__in=charge.keys).aggregate(sum=Sum("amount"))["sum"]
    key = payment.appointment.external_id
    result.compare(key, "Refunded", charge.refunded, stored or Decimal("0.00"))
