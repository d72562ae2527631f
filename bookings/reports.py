"""What did the business take, by month and processor?"""

from collections import defaultdict
from decimal import Decimal
from typing import Any

from django.db.models import Count, Sum
from django.db.models.functions import TruncMonth

from bookings.models import Payment, Tenant


def revenue(tenant: Tenant, month: str = "", year: int | None = None) -> dict[str, Any]:
    """`{"currency", "months": {"2025-10": {"cash": {"count", "amount"}}}}` by date of service.

    Amounts are text with two decimals, as money should not pass through a float.
    """
    payments = Payment.objects.filter(
        tenant=tenant, removed_at=None, appointment__removed_at=None
    )
    if month:
        payments = payments.filter(
            service_date__year=int(month[:4]), service_date__month=int(month[5:7])
        )
    if year:
        payments = payments.filter(service_date__year=year)
    rows = (
        payments.annotate(month=TruncMonth("service_date"))
        .values("month", "processor")
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
