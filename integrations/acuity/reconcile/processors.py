"""Does a card processor's file say what is stored, and what has it given back?"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet, Sum

from bookings.amounts import decimals
from bookings.models import Appointment, Order, Payment, Refund, Tenant
from bookings.reports.revenue import ORDERS
from integrations.acuity.reading import zones
from integrations.acuity.reconcile.files import File, Row, moments
from integrations.acuity.reconcile.result import Result
from integrations.models import AcuityAccount

NEAR = timedelta(minutes=10)
NOT_PAID = {"failed", "canceled", "blocked", "incomplete", "uncaptured"}


class Charge(NamedTuple):
    """A row of the file; `refunded` is above zero, `currency` empty where the file does not say."""

    line: str
    keys: tuple[str, ...]
    at: datetime | None
    amount: Decimal
    refunded: Decimal
    email: str
    currency: str = ""
    is_refund: bool = False


def compare(file: File, account: AcuityAccount, month: str, *, apply: bool = False) -> Result:
    """Charge by charge; with `apply`, what was given back is stored as refunds."""
    result = Result(file.kind, len(file.rows), decimals(account.tenant.currency))
    charges = list(_charges(file, account.tenant, result))
    bookings = account.rows(Appointment).filter(removed_at=None)
    stored = Payment.objects.filter(
        appointment__in=bookings, removed_at=None, processor__iexact=file.kind
    ).select_related("appointment")
    paid, strangers = _paid(charges, stored)
    seen: set[int] = set()
    given = _Given()
    for charge in charges:
        payments = paid.get(charge.line, [])
        if not payments:
            at = charge.at and charge.at.astimezone(ZoneInfo(account.tenant.timezone))
            if not (month and at) or f"{at:%Y-%m}" == month:
                _unmatched(result, charge, account, f"{at:%Y-%m}" if at else "")
            continue
        if not charge.is_refund:
            seen.update(payment.pk for payment in payments)
        payment = payments[0]
        when = f"{payment.service_date:%Y-%m}"
        if month and when != month:
            continue
        sure = charge.line not in strangers
        result.matched += sure
        result.likely += not sure
        if not charge.is_refund:
            key, sums = payment.appointment.external_id, sum(row.amount for row in payments)
            result.add(when, file.kind, "processor", charge.amount)
            result.compare(key, "Amount", charge.amount, sums)
            if charge.currency:
                result.compare(key, "Currency", charge.currency, payment.currency.upper())
        given.back(charge, payment)
    if tips := sum((result.amount(row.get("Tip", "")) or Decimal(0)) for row in file.rows):
        result.not_compared.append(f"tips of {tips} in all, for which Acuity has no field")
    times = [charge.at for charge in charges if charge.at]
    # What a file of a month does not have may have been given back in another.
    within = Q(refunded_at__range=(min(times), max(times))) if times else Q()
    refunds = Refund.objects.filter(payment__tenant=account.tenant)
    given.compare(result, file, refunds.filter(within | Q(refunded_at=None)), apply)
    for row in stored:
        when = f"{row.service_date:%Y-%m}"
        covered = times and min(times) <= row.paid_at <= max(times)
        if when == month if month else covered or row.pk in seen:
            result.add(when, file.kind, "database", row.amount)
            if row.pk not in seen:
                result.only_in_database.append(row.appointment.external_id)
    return result


def _paid(
    charges: list[Charge], stored: Iterable[Payment]
) -> tuple[dict[str, list[Payment]], set[str]]:
    """The payments by row of the file, and the rows of which that is only likely. A charge may be that
    of several bookings; a row that comes again has none."""
    known: dict[str, list[Payment]] = defaultdict(list)
    for row in stored:
        if row.transaction_id:
            known[row.transaction_id].append(row)
    found: dict[str, list[Payment]] = {}
    taken: set[int] = set()
    for charge in charges:
        payments = next((known[key] for key in charge.keys if key in known), [])
        if charge.is_refund or not taken & {row.pk for row in payments}:
            found[charge.line] = payments
            taken |= set() if charge.is_refund else {row.pk for row in payments}
        else:
            found[charge.line] = []
    # Those that are sure come first, wherever they stand.
    by_amount: dict[Decimal, list[Payment]] = defaultdict(list)
    for row in stored:
        by_amount[row.amount].append(row)
    likely = set()
    for charge in charges:
        if found[charge.line] or charge.is_refund or any(key in known for key in charge.keys):
            continue
        left = [row for row in by_amount[charge.amount] if row.pk not in taken]
        if payment := _near(charge, left):
            taken.add(payment.pk)
            likely.add(charge.line)
            found[charge.line] = [payment]
    return found, likely


class _Given:
    """What was given back, by payment: a file may have several rows of one."""

    def __init__(self) -> None:
        # The latest of each refund, with the sum of all its rows.
        self._refunds: dict[int, dict[str, Charge]] = defaultdict(dict)
        self._payments: dict[int, Payment] = {}

    def back(self, charge: Charge, payment: Payment) -> None:
        self._payments[payment.pk] = payment
        if charge.refunded:
            refunds, key = self._refunds[payment.pk], charge.keys[0]
            had = refunds[key].refunded if key in refunds else Decimal(0)
            refunds[key] = charge._replace(refunded=had + charge.refunded)

    def compare(self, result: Result, file: File, every: QuerySet[Refund], apply: bool) -> None:
        """Payment by payment with the refunds that are stored, which `apply` makes those of the file."""
        for pk, refunds in self._refunds.items() if apply else ():
            for key, charge in refunds.items():
                every.update_or_create(
                    payment=self._payments[pk],
                    origin=file.kind,
                    external_id=key,
                    defaults={"amount": charge.refunded, "file_hash": file.digest},
                    create_defaults={
                        "amount": charge.refunded,
                        # Of a charge's refund, the file has the amount alone.
                        "refunded_at": charge.at if charge.is_refund else None,
                        "file_hash": file.digest,
                    },
                )
        sums = every.filter(origin=file.kind).order_by().values_list("payment")
        stored = dict(sums.annotate(sum=Sum("amount")))
        for pk, payment in self._payments.items():
            back = sum((each.refunded for each in self._refunds[pk].values()), Decimal("0.00"))
            key = payment.appointment.external_id
            result.compare(key, "Refunded", back, stored.get(pk, Decimal("0.00")))


def _charges(file: File, tenant: Tenant, result: Result) -> Iterator[Charge]:
    read = _stripe if file.kind == "stripe" else _square
    for n, row in enumerate(file.rows, start=2):
        charge = read(f"row {n}", row, tenant, result)
        if charge is None:
            result.not_compared.append(f"row {n}: nothing was paid")
        else:
            yield charge


def _stripe(line: str, row: Row, tenant: Tenant, result: Result) -> Charge | None:
    if (
        row.get("Status", "").casefold() in NOT_PAID
        or row.get("Captured", "").casefold() == "false"
    ):
        return None
    keys = tuple(filter(None, (row.get("PaymentIntent ID"), row["id"])))
    return Charge(
        line,
        keys,
        min(moments(row.get("Created date (UTC)", ""), "UTC"), default=None),
        result.amount(row.get("Amount", "")) or Decimal(0),
        result.amount(row.get("Amount Refunded", "")) or Decimal(0),
        row.get("Customer Email", "").casefold(),
        row.get("Currency", "").upper(),
    )


def _square(line: str, row: Row, tenant: Tenant, result: Result) -> Charge | None:
    money = result.amount(row.get("Total Collected", ""))
    if not money:
        return None
    zone = zones.resolve(row.get("Time Zone", "")) or tenant.timezone
    at = moments(f"{row.get('Date', '')} {row.get('Time', '')}", zone)
    keys = tuple(filter(None, (row["Payment ID"], row["Transaction ID"])))
    back = row["Event Type"].casefold() == "refund"
    refunded = abs(money) if back else Decimal(0)
    return Charge(line, keys, min(at, default=None), money, refunded, "", is_refund=back)


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


def _unmatched(result: Result, charge: Charge, account: AcuityAccount, month: str) -> None:
    """A sale beside bookings, if one is near; else in the file alone."""
    if charge.at and not charge.is_refund:
        orders = account.rows(Order).filter(
            removed_at=None,
            total=charge.amount,
            placed_at__range=(charge.at - NEAR, charge.at + NEAR),
        )
        if orders.count() == 1:
            result.likely += 1
            for whose in ("processor", "database"):
                result.add(month, ORDERS, whose, charge.amount)
            return
    if not charge.is_refund:
        result.add(month, result.kind, "processor", charge.amount)
    result.only_in_file.append(charge.line)
