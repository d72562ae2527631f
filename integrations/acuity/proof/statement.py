"""What did verification prove? Month by month, with the gaps and the differences that are left."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F
from django.utils import timezone

from bookings.models import Appointment
from integrations.acuity.resources import payments
from integrations.acuity.resources.base import Context
from integrations.models import ImportRun, RejectedRecord

MOST_DIFFERENCES = 500
# What the import saw is the state of the account for so long.
RECENT = timedelta(minutes=15)
Gap = dict[str, Any]


def stored_by_month(context: Context) -> dict[str, int]:
    days = payments.in_window(context).values("service_date").annotate(n=Count("pk")).order_by()
    months: Counter[str] = Counter()
    for day, n in days.values_list("service_date", "n"):
        months[f"{day:%Y-%m}"] += n
    return dict(months)


def of_unchanged(context: Context) -> dict[str, int] | None:
    """How many appointments Acuity has in each month, if the import has proven it a moment ago.

    An import that finds every listed booking stored as it is listed, and nothing else stored, has
    compared everything: listing it once more would ask the same again.
    """
    step = context.run.steps.get(resource="appointments")
    months: dict[str, int] | None = step.cursor.get("months")
    written = step.created + step.updated + step.rejected
    if months is None or written or context.run.gaps or sum(months.values()) != step.unchanged:
        return None
    since = step.cursor.get("began")
    if since and datetime.fromisoformat(since) < timezone.now() - RECENT:
        return None
    return months if months == stored_by_month(context) else None


def conclude(context: Context, listed: dict[str, int], found: list[Gap]) -> None:
    """Replace the run's statement by this proof's, in one update.

    `listed` is how many appointments Acuity has in each month, `found` the gaps met on the way.
    """
    run = context.run
    gaps = list(found)
    coverage: dict[str, list[int]] = {}
    if "appointments" in context.resources:
        stored = stored_by_month(context)
        for month in sorted(listed.keys() | stored.keys()):
            coverage[month] = [listed.get(month, 0), stored.get(month, 0)]
        gaps += _missing(coverage)
    if "payments" in context.resources:
        gaps += _unread_payments(context)
        run.differences = _differences(context)
    gaps += _rejected(context)
    run.coverage, run.gaps, run.verified = coverage, gaps, not gaps
    ImportRun.objects.filter(pk=run.pk).update(
        coverage=run.coverage,
        gaps=run.gaps,
        verified=run.verified,
        differences=run.differences,
        verified_at=timezone.now(),
    )


def _missing(coverage: dict[str, list[int]]) -> list[Gap]:
    return [
        {
            "kind": "appointments",
            "month": month,
            "missing": source - stored,
            "reason": f"{_many(source - stored, 'appointment')} listed by Acuity but not stored.",
        }
        for month, (source, stored) in coverage.items()
        if source > stored
    ]


def _many(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def _unread_payments(context: Context) -> list[Gap]:
    unread = payments.due(context).count()
    if not unread:
        return []
    reason = f"{_many(unread, 'appointment')} whose payments could not be stored."
    return [{"kind": "payments", "missing": unread, "reason": reason}]


def _rejected(context: Context) -> list[Gap]:
    rejected = RejectedRecord.objects.filter(run=context.run, resolved_at=None).count()
    if not rejected:
        return []
    reason = f"{_many(rejected, 'record')} that could not be read; see the rejected records."
    return [{"kind": "rejected", "missing": rejected, "reason": reason}]


def _differences(context: Context) -> list[dict[str, Any]]:
    """Appointments whose payments do not add up to what Acuity says was paid."""
    rows = payments.with_sums(payments.in_window(context).exclude(payments_fetched_for=""))
    rows = rows.exclude(sum_now=F("amount_paid")).order_by("service_date", "pk")
    return [
        {
            "appointment": row.external_id,
            "month": f"{row.service_date:%Y-%m}",
            "amount_paid": str(row.amount_paid),
            "payments": str(row.sum_now),
            "reason": _reason(row),
        }
        for row in rows.prefetch_related("payments")[:MOST_DIFFERENCES]
    ]


def _reason(row: Appointment) -> str:
    """Why the sums differ, where that is known."""
    kept = [payment for payment in row.payments.all() if payment.removed_at is None]
    if any(payment.amount < 0 for payment in kept):
        return "refund"
    if row.certificate:
        return "certificate"
    if not kept and row.paid and row.amount_paid == 0:
        return "package"
    if not kept:
        return "no payments listed"
    return "unknown"
