"""What did the business take, by month and processor?"""

from calendar import monthrange
from collections import defaultdict
from datetime import date, datetime, time
from decimal import Context, Decimal
from functools import reduce
from operator import and_
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Case, Count, F, Q, QuerySet, Sum, TextField, When
from django.db.models.functions import Cast, Substr, TruncMonth

from bookings.amounts import shortest
from bookings.models import Appointment, Order, Payment, Refund, Tenant
from bookings.models.calendar import OFF

Cells = dict[str, dict[str, Any]]
Months = dict[str, Cells]
# Number and amount, by month and processor.
Sums = dict[str, dict[str, tuple[int, Decimal]]]
NOTHING = (0, Decimal(0))
ORDERS = "orders"
# The letters of a month.
MONTH = len("2025-10")
# No other day of a year, month-day, is of another month in another zone.
EDGES = [
    f"{month:02}-{day:02}"
    for month in range(1, 13)
    for day in {1, *(monthrange(year, month)[1] for year in (2023, 2024))}
]

# An account that spans more has an odd date somewhere.
YEARS = 50
# As many digits as a floating number is sure of.
EXACT = Context(prec=15)
OF_MONTH = {
    day: f"SELECT processor, COUNT(*), SUM(amount) FROM {Payment._meta.db_table} WHERE tenant_id = %s"
    f" AND removed_at IS NULL AND {day} >= %s AND {day} < %s GROUP BY processor ORDER BY processor"
    for day in ("service_date", "paid_at")
}


def years(tenant: Tenant, by: str = "service_date") -> tuple[int, int] | None:
    """Of the first and of the last payment; None if there is none."""
    zone = ZoneInfo(tenant.timezone)
    found = _Period("", None, zone).ends(tenant, by)
    return (found[0].year, found[1].year) if found else None


def revenue(
    tenant: Tenant,
    month: str = "",
    year: int | None = None,
    by: str = "service_date",
    since: int | None = None,
) -> dict[str, Any]:
    """`{"currency", "months": {"2025-10": {"cash": {"count", "amount"}}}}`, and in the same form
    beside `months`, the payments of all bookings:

    - `canceled`: those of them on canceled bookings and no-shows;
    - `orders`: what was sold that is no booking, by the day of the order, under the name `orders`,
      as the source does not say by which processor;
    - `as_vendor`: `months` without `canceled`, with `orders`: what Acuity's own report shows;
    - `refunds`: what processors gave back, as far as their files were read. In no other figure;
    - `other_currencies`: `{"USD": {"months", "canceled", "as_vendor", "refunds"}}`, the payments in
      currencies that the business had before. In no other figure. Orders, of which no currency is
      known, are all in `orders`.

    Of one month, one year, or all years from `since` on. By date of service, as the vendor's own
    report, or `by="paid_at"` in the business's time zone.
    Amounts are text with two decimals, as money should not pass through a float.
    """
    period = _Period(month, year, ZoneInfo(tenant.timezone), since)
    orders = Order.objects.filter(tenant=tenant, removed_at=None, total__gt=0)
    sold = period.sums(orders, "placed_at", "", "total")
    former = {each: Q(currency__iexact=each) for each in tenant.former_currencies}
    paid = _paid(tenant, period, by, reduce(and_, (~other for other in former.values()), Q()))
    kept = paid["as_vendor"]
    others = {each: _paid(tenant, period, by, only) for each, only in former.items()}
    return {
        "currency": tenant.currency,
        "months": _text(paid["months"]),
        "canceled": _text(paid["canceled"]),
        "orders": _text(sold),
        "as_vendor": _text({m: kept.get(m, {}) | sold.get(m, {}) for m in sorted({*kept, *sold})}),
        "refunds": _text(paid["refunds"]),
        "other_currencies": {
            each: {name: _text(months) for name, months in found.items()}
            for each, found in others.items()
            if found["months"]
        },
    }


def _paid(tenant: Tenant, period: "_Period", by: str, only: Q) -> dict[str, Sums]:
    """The figures of payments; of all of them if `only` says nothing."""
    payments = Payment.objects.filter(only, tenant=tenant, removed_at=None)
    bookings = Appointment.objects.filter(tenant=tenant)
    # From their own side: refunds are few.
    refunds = Refund.objects.filter(
        payment__tenant=tenant, payment__removed_at=None, payment__appointment__removed_at=None
    )
    if only:
        refunds = refunds.filter(payment__in=payments)
    given_back = "refunded_at" if by == "paid_at" else "payment__service_date"
    stay = bookings.filter(removed_at=None)
    # The sum of all comes from an index alone; those of a few bookings are taken off it.
    gone = payments.filter(appointment__in=bookings.filter(removed_at__isnull=False))
    every = _less(
        period.sums(payments, by, "processor") if only else period.many(tenant, by),
        period.sums(gone, by, "processor"),
    )
    # The vendor's own report leaves these out; their payments stay.
    off = period.sums(payments.filter(appointment__in=stay.filter(OFF)), by, "processor")
    # Most businesses have none, and SQLite would look through every payment to find that out.
    some = Refund.objects.exists()
    given = period.sums(refunds, given_back, "payment__processor") if some else {}
    return {"months": every, "canceled": off, "as_vendor": _less(every, off), "refunds": given}


class _Period:
    def __init__(
        self, month: str, year: int | None, zone: ZoneInfo, since: int | None = None
    ) -> None:
        self._month, self._year, self._zone, self._since = month, year, zone, since

    def ends(self, tenant: Tenant, day: str) -> tuple[date, date] | None:
        """The days of the first and of the last payment that is not gone, if there is one."""
        # Asked for both at once, or for whole rows, databases look through all of them.
        days = _kept(tenant).order_by(day).values_list(day, flat=True)
        first, last = days.first(), days.last()
        return (self._local(first), self._local(last)) if first and last else None

    def many(self, tenant: Tenant, day: str) -> Sums:
        """As `sums` of all payments that are not gone: each month is a range of an index."""
        if not (both := self.ends(tenant, day)):
            return {}
        begins, ends = both
        if self._since:
            begins = max(begins, date(self._since, 1, 1))
        if ends.year - begins.year > YEARS:
            return self.sums(_kept(tenant), day, "processor")
        key = Tenant._meta.pk.get_db_prep_value(tenant.pk, connection)
        found: Sums = {}
        with connection.cursor() as cursor:
            for number in range(number_of(begins), number_of(ends) + 1):
                begin, end = first_day(number), first_day(number + 1)
                name = f"{begin:%Y-%m}"
                if name != (self._month or name) or begin.year != (self._year or begin.year):
                    continue
                # Not by Django, which takes longer to word this than a database to answer it.
                cursor.execute(OF_MONTH[day], [key, *self._bounds(day, begin, end)])
                if cells := {of: (n, _amount(money)) for of, n, money in cursor.fetchall()}:
                    found[name] = cells
        return found

    def _local(self, at: date) -> date:
        return at.astimezone(self._zone).date() if isinstance(at, datetime) else at

    def _bounds(self, day: str, *days: date) -> list[Any]:
        """As the database compares them with `day`."""
        if day == "service_date":
            return [connection.ops.adapt_datefield_value(each) for each in days]
        return [
            connection.ops.adapt_datetimefield_value(midnight(each, self._zone)) for each in days
        ]

    def sums(self, rows: QuerySet[Any], day: str, processor: str, amount: str = "amount") -> Sums:
        """Number and amount by month of `day` and processor, months in order."""
        rows = rows.exclude(**{day: None})
        if self._since:
            first = date(self._since, 1, 1)
            begin = first if day.endswith("service_date") else midnight(first, self._zone)
            rows = rows.filter(**{f"{day}__gte": begin})
        if day.endswith("service_date"):
            # A day needs no zone, and its first letters are the month: SQLite asks Python for each
            # row's month otherwise.
            rows = rows.annotate(month=Substr(Cast(day, TextField()), 1, MONTH))
        else:
            # SQLite asks Python for each of these: only where the zone makes a difference.
            of_zone = Substr(Cast(TruncMonth(day, tzinfo=self._zone), TextField()), 1, MONTH)
            text = Cast(day, TextField())
            edge = When(month_day__in=EDGES, then=of_zone)
            rows = rows.alias(month_day=Substr(text, 6, 5))
            rows = rows.annotate(month=Case(edge, default=Substr(text, 1, MONTH)))
        if self._month:
            rows = rows.filter(month=self._month)
        if self._year:
            rows = rows.filter(month__startswith=f"{self._year:04}-")
        # Grouped in the order of an index, month first.
        keys = {"of": F(processor)} if processor else {}
        summed = rows.order_by().values("month", **keys)
        found: Sums = defaultdict(dict)
        for row in summed.annotate(number=Count("*"), money=Sum(amount)).order_by("month", *keys):
            found[row["month"]][row.get("of", ORDERS)] = (row["number"], row["money"])
        return dict(found)


def _kept(tenant: Tenant) -> QuerySet[Payment]:
    return Payment.objects.filter(tenant=tenant, removed_at=None)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone)


def number_of(day: date) -> int:
    """Of its month, counted from the year 0."""
    return 12 * day.year + day.month - 1


def first_day(number: int) -> date:
    return date(number // 12, number % 12 + 1, 1)


def _amount(money: Any) -> Decimal:
    """SQLite sums up to a number that is not decimal."""
    return shortest(money if isinstance(money, Decimal) else EXACT.create_decimal_from_float(money))


def _less(all_of_them: Sums, some: Sums) -> Sums:
    """Cell by cell, without the cells and months of which nothing is left."""
    found: Sums = {}
    for month, cells in all_of_them.items():
        without = some.get(month, {})
        left = {n: _taken_off(cell, without.get(n, NOTHING)) for n, cell in sorted(cells.items())}
        found[month] = {name: cell for name, cell in left.items() if cell[0]}
    return {month: cells for month, cells in found.items() if cells}


def _taken_off(one: tuple[int, Decimal], other: tuple[int, Decimal]) -> tuple[int, Decimal]:
    return one[0] - other[0], one[1] - other[1]


def _text(months: Sums) -> Months:
    return {
        month: {
            name: {"count": count, "amount": str(shortest(amount))}
            for name, (count, amount) in cells.items()
        }
        for month, cells in months.items()
    }
