"""What did the business take, by month and processor?"""

from collections import defaultdict
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, Q, QuerySet, Sum, TextField
from django.db.models.functions import Cast, Substr, TruncMonth

from bookings.amounts import shortest
from bookings.models import Order, Payment, Refund, Tenant

Cells = dict[str, dict[str, Any]]
Months = dict[str, Cells]
# Number and amount, by month and processor.
Sums = dict[str, dict[str, tuple[int, Decimal]]]
NOTHING = (0, Decimal(0))
ORDERS = "orders"
# The vendor's own report leaves these out; their payments stay.
OFF = Q(appointment__canceled=True) | Q(appointment__no_show=True)


def revenue(
    tenant: Tenant, month: str = "", year: int | None = None, by: str = "service_date"
) -> dict[str, Any]:
    """`{"currency", "months": {"2025-10": {"cash": {"count", "amount"}}}}`, and in the same form
    beside `months`, the payments of all bookings:

    - `canceled`: those of them on canceled bookings and no-shows;
    - `orders`: what was sold that is no booking, by the day of the order, under the name `orders`,
      as the source does not say by which processor;
    - `as_vendor`: `months` without `canceled`, with `orders`: what Acuity's own report shows;
    - `refunds`: what processors gave back, as far as their files were read. In no other figure.

    By date of service, as the vendor's own report, or `by="paid_at"` in the business's time zone.
    Amounts are text with two decimals, as money should not pass through a float.
    """
    zone = ZoneInfo(tenant.timezone)
    period = _Period(month, year, zone)
    payments = Payment.objects.filter(tenant=tenant, removed_at=None, appointment__removed_at=None)
    orders = Order.objects.filter(tenant=tenant, removed_at=None, total__gt=0)
    # From their own side: refunds are few.
    refunds = Refund.objects.filter(
        payment__tenant=tenant, payment__removed_at=None, payment__appointment__removed_at=None
    )
    given_back = "refunded_at" if by == "paid_at" else "payment__service_date"
    kept = period.sums(payments.exclude(OFF), by, "processor")
    off = period.sums(payments.filter(OFF), by, "processor")
    sold = period.sums(orders, "placed_at", "", "total")
    # Most businesses have none, and SQLite would look through every payment to find that out.
    given = period.sums(refunds, given_back, "payment__processor") if refunds.exists() else {}
    return {
        "currency": tenant.currency,
        "months": _text(_both(kept, off)),
        "canceled": _text(off),
        "orders": _text(sold),
        "as_vendor": _text({m: kept.get(m, {}) | sold.get(m, {}) for m in sorted({*kept, *sold})}),
        "refunds": _text(given),
    }


class _Period:
    def __init__(self, month: str, year: int | None, zone: ZoneInfo) -> None:
        self._month, self._year, self._zone = month, year, zone

    def sums(self, rows: QuerySet[Any], day: str, processor: str, amount: str = "amount") -> Sums:
        """Number and amount by month of `day` and processor, months in order."""
        rows = rows.exclude(**{day: None})
        if day.endswith("service_date"):
            # A day needs no zone, and its first letters are the month: SQLite asks Python for each
            # row's month otherwise.
            rows = rows.annotate(month=Substr(Cast(day, TextField()), 1, len("2025-10")))
        else:
            of_zone = TruncMonth(day, tzinfo=self._zone)
            rows = rows.annotate(month=Substr(Cast(of_zone, TextField()), 1, len("2025-10")))
        if self._month:
            rows = rows.filter(month=self._month)
        if self._year:
            rows = rows.filter(month__startswith=f"{self._year:04}-")
        keys = ["month", processor] if processor else ["month"]
        summed = rows.order_by().values(*keys).annotate(number=Count("id"), money=Sum(amount))
        found: Sums = defaultdict(dict)
        for row in summed.order_by(*keys):
            found[row["month"]][row[processor] if processor else ORDERS] = (
                row["number"],
                row["money"],
            )
        return dict(found)


def _both(one: Sums, other: Sums) -> Sums:
    """Cell by cell, months and names in order."""
    found: Sums = {}
    for month in sorted({*one, *other}):
        had, has = one.get(month, {}), other.get(month, {})
        found[month] = {
            name: _added(had.get(name, NOTHING), has.get(name, NOTHING))
            for name in sorted({*had, *has})
        }
    return found


def _added(one: tuple[int, Decimal], other: tuple[int, Decimal]) -> tuple[int, Decimal]:
    return one[0] + other[0], one[1] + other[1]


def _text(months: Sums) -> Months:
    return {
        month: {
            name: {"count": count, "amount": str(shortest(amount))}
            for name, (count, amount) in cells.items()
        }
        for month, cells in months.items()
    }
