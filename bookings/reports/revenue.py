"""What did the business take, by month and processor?"""

from collections import defaultdict
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import TruncMonth

from bookings.amounts import shortest
from bookings.models import Order, Payment, Refund, Tenant

Cells = dict[str, dict[str, Any]]
Months = dict[str, Cells]
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
    refunds = Refund.objects.filter(payment__in=payments)
    given_back = "refunded_at" if by == "paid_at" else "payment__service_date"
    kept = period.sums(payments.exclude(OFF), by, "processor")
    sold = period.sums(orders, "placed_at", "", "total")
    return {
        "currency": tenant.currency,
        "months": _text(period.sums(payments, by, "processor")),
        "canceled": _text(period.sums(payments.filter(OFF), by, "processor")),
        "orders": _text(sold),
        "as_vendor": _text({m: kept.get(m, {}) | sold.get(m, {}) for m in sorted({*kept, *sold})}),
        "refunds": _text(period.sums(refunds, given_back, "payment__processor")),
    }


class _Period:
    def __init__(self, month: str, year: int | None, zone: ZoneInfo) -> None:
        self._month, self._year, self._zone = month, year, zone

    def sums(
        self, rows: QuerySet[Any], day: str, processor: str, amount: str = "amount"
    ) -> dict[str, dict[str, tuple[int, Decimal]]]:
        """Number and amount by month of `day` and processor, months in order."""
        zone = None if day.endswith("service_date") else self._zone
        rows = rows.annotate(month=TruncMonth(day, tzinfo=zone)).exclude(month=None)
        if self._month:
            year, month = int(self._month[:4]), int(self._month[5:7])
            rows = rows.filter(month__year=year, month__month=month)
        if self._year:
            rows = rows.filter(month__year=self._year)
        keys = ["month", processor] if processor else ["month"]
        summed = rows.order_by().values(*keys).annotate(number=Count("id"), money=Sum(amount))
        found: dict[str, dict[str, tuple[int, Decimal]]] = defaultdict(dict)
        for row in summed.order_by(*keys):
            name = row[processor] if processor else ORDERS
            found[f"{row['month']:%Y-%m}"][name] = (row["number"], row["money"])
        return dict(found)


def _text(months: dict[str, dict[str, tuple[int, Decimal]]]) -> Months:
    return {
        month: {
            name: {"count": count, "amount": str(shortest(amount))}
            for name, (count, amount) in cells.items()
        }
        for month, cells in months.items()
    }
