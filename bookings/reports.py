"""What did the business take, by month and processor?"""

from collections import defaultdict
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, Sum
from django.db.models.functions import TruncMonth

from bookings.models import Payment, Tenant


def revenue(
    tenant: Tenant, month: str = "", year: int | None = None, by: str = "service_date"
) -> dict[str, Any]:
    """`{"currency", "months": {"2025-10": {"cash": {"count", "amount"}}}}`.

    By date of service, as the vendor's own report, or `by="paid_at"` in the business's time zone.
    Amounts are text with two decimals, as money should not pass through a float.
    """
    payments = Payment.objects.filter(tenant=tenant, removed_at=None, appointment__removed_at=None)
    zone = ZoneInfo(tenant.timezone) if by == "paid_at" else None
    payments = payments.annotate(month=TruncMonth(by, tzinfo=zone))
    if month:
        payments = payments.filter(month__year=int(month[:4]), month__month=int(month[5:7]))
    if year:
        payments = payments.filter(month__year=year)
    rows = (
        payments.values("month", "processor")
        .annotate(count=Count("id"), amount=Sum("amount"))
        .order_by("month", "processor")
    )
    months: dict[str, dict[str, Any]] = defaultdict(dict)
    for row in rows:
        amount = row["amount"].quantize(Decimal("0.01"))
        months[f"{row['month']:%Y-%m}"][row["processor"]] = {
            "count": row["count"],
            "amount": str(amount),
        }
    return {"currency": tenant.currency, "months": dict(months)}
