"""What does the business still owe: unused certificates, paid bookings to come, money it kept?"""

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import TruncMonth

from bookings.amounts import shortest
from bookings.models import Appointment, Certificate, CertificateAppointmentType, Tenant

# How many they are, in every part of the report.
CERTIFICATES = "certificates"


def obligations(tenant: Tenant, on: date) -> dict[str, Any]:
    """What is open on that day, going by what is stored now; amounts are text with two decimals.

    `certificates` and `expired`: balances by kind. `value` is money; `counts` are bookings still to
    be had, their `estimate` at what their types cost now; `minutes` are minutes. `upcoming`:
    bookings after that day, by month, with what was paid for them in part (`deposits`) and in full.
    `canceled`: money on canceled bookings and no-shows of which no refund is known; what was paid in
    currencies that the business had before is in `other_currencies`: `{"USD": {"canceled"}}`. What
    bookings and certificates say of themselves is taken to be in its currency.
    """
    certificates = Certificate.objects.filter(tenant=tenant, removed_at=None)
    expired = Q(expires_on__lt=on)
    bookings = Appointment.objects.filter(tenant=tenant, removed_at=None)
    off = Q(canceled=True) | Q(no_show=True)
    former = tenant.former_currencies
    others = {each: _kept(bookings.filter(off), each) for each in former}
    return {
        "as_of": on.isoformat(),
        "currency": tenant.currency,
        CERTIFICATES: _balances(certificates.exclude(expired)),
        "expired": _balances(certificates.filter(expired)),
        "upcoming": _upcoming(bookings.exclude(off).filter(service_date__gt=on)),
        "canceled": _kept(bookings.filter(off), tenant.currency if former else ""),
        "other_currencies": {
            each: {"canceled": kept} for each, kept in others.items() if kept["bookings"]
        },
    }


def _balances(rows: QuerySet[Certificate]) -> dict[str, Any]:
    value = rows.filter(remaining_value__gt=0)
    minutes = rows.filter(remaining_minutes__gt=0)
    # One that has a count by type has no other balance.
    left = CertificateAppointmentType.objects.filter(certificate__in=rows, remaining_count__gt=0)
    counts = left.aggregate(
        certificates=Count("certificate", distinct=True),
        bookings=Sum("remaining_count"),
        estimate=Sum(F("remaining_count") * F("appointment_type__price")),
    )
    return {
        "value": {
            CERTIFICATES: value.count(),
            "amount": _text(value.aggregate(sum=Sum("remaining_value"))["sum"]),
        },
        "counts": {
            CERTIFICATES: counts[CERTIFICATES],
            "bookings": counts["bookings"] or 0,
            "estimate": _text(counts["estimate"]),
        },
        "minutes": {
            CERTIFICATES: minutes.count(),
            "minutes": minutes.aggregate(sum=Sum("remaining_minutes"))["sum"] or 0,
        },
        "unlimited": {CERTIFICATES: rows.filter(type="unlimited").count()},
    }


def _upcoming(rows: QuerySet[Appointment]) -> dict[str, Any]:
    months: dict[str, Any] = defaultdict(
        lambda: {"bookings": 0, "deposits": "0.00", "paid_in_full": "0.00"}
    )
    by_month = rows.annotate(month=TruncMonth("service_date")).order_by()
    sums = by_month.values("month", "paid").annotate(number=Count("*"), money=Sum("amount_paid"))
    for row in sums.order_by("month"):
        month = months[f"{row['month']:%Y-%m}"]
        month["bookings"] += row["number"]
        month["paid_in_full" if row["paid"] else "deposits"] = _text(row["money"])
    return {
        "bookings": sum(month["bookings"] for month in months.values()),
        "deposits": _text(_sum(month["deposits"] for month in months.values())),
        "paid_in_full": _text(_sum(month["paid_in_full"] for month in months.values())),
        "months": dict(months),
    }


def _kept(rows: QuerySet[Appointment], currency: str) -> dict[str, Any]:
    """Each booking's payments by themselves, less what a processor's file says was given back; those
    in one currency, if it is given."""
    only = {"payments__currency__iexact": currency} if currency else {}
    rows = rows.filter(payments__removed_at=None, **only)
    paid = rows.annotate(money=Sum("payments__amount"))
    back = rows.annotate(money=Sum("payments__refunds__amount"))
    refunded = dict(back.exclude(money=None).values_list("pk", "money"))
    left = [money - refunded.get(pk, 0) for pk, money in paid.values_list("pk", "money") if money]
    return {"bookings": sum(money > 0 for money in left), "amount": _text(_sum(left))}


def _sum(amounts: Any) -> Decimal:
    return sum((Decimal(amount) for amount in amounts), Decimal(0))


def _text(amount: Decimal | None) -> str:
    return str(shortest(amount or Decimal(0)))
