"""What did verification prove? Month by month, with the gaps and the differences that are left."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, F, Min, Sum
from django.utils import timezone

from bookings.models import Appointment, Client, Payment
from integrations.acuity.proof import cuts
from integrations.acuity.resources import payments
from integrations.acuity.resources.base import Context
from integrations.models import ImportRun, RejectedRecord

MOST_DIFFERENCES = 500
# What the import saw is the state of the account for so long.
RECENT = timedelta(minutes=15)
# For so long a proof may lean on an earlier one's differently cut questions, if nothing changed.
CUT_HOLDS = timedelta(days=7)
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


def cut_recently(context: Context) -> str:
    """How an earlier proof cut its questions differently, if that was within `CUT_HOLDS`."""
    since = timezone.now() - CUT_HOLDS
    earlier = ImportRun.objects.filter(
        account=context.account, verified=True, verified_at__gte=since
    )
    for run in earlier.exclude(pk=context.run.pk).order_by("-verified_at")[:20]:
        if cuts.EVIDENCE[1] in (run.scope.get("appointments") or {}).get("evidence", []):
            return (
                f"the import's own pages; cut differently at {run.verified_at:%Y-%m-%dT%H:%M:%SZ}"
            )
    return ""


def conclude(context: Context, cursor: dict[str, Any]) -> None:
    """Replace the run's statement by what this proof, whose position is `cursor`, has found."""
    run = context.run
    gaps: list[Gap] = list(cursor.get("gaps", []))
    coverage: dict[str, list[int]] = {}
    scope: dict[str, dict[str, Any]] = {}
    if "clients" in context.resources:
        scope["clients"] = _clients_scope(context, cursor.get("clients", {}))
    if "appointments" in context.resources:
        listed = Counter(cursor.get("months", {})) + Counter(cursor.get("apart", {}).values())
        stored = stored_by_month(context)
        for month in sorted(listed.keys() | stored.keys()):
            coverage[month] = [listed.get(month, 0), stored.get(month, 0)]
        gaps += _missing(coverage) + _unlisted(context, coverage, cursor)
        scope["appointments"] = {
            "listed": sum(listed.values()),
            "stored": sum(stored.values()),
            "months": len(coverage),
            "evidence": cursor.get("evidence", cuts.EVIDENCE[:1]),
        }
    if "payments" in context.resources:
        gaps += _unread_payments(context)
        run.differences = _differences(context)
        scope["payments"] = _payments_scope(context)
    gaps += _rejected(context)
    for name, part in scope.items():
        part["verified"] = not any(_of(gap) in (name, "") for gap in gaps)
    run.coverage, run.gaps, run.verified = coverage, gaps, not gaps
    run.scope, run.ignored_parameters = scope, cursor.get("cut", {}).get("ignored", [])
    ImportRun.objects.filter(pk=run.pk).update(
        coverage=run.coverage,
        gaps=run.gaps,
        verified=run.verified,
        differences=run.differences,
        scope=run.scope,
        ignored_parameters=run.ignored_parameters,
        verified_at=timezone.now(),
    )


def _of(gap: Gap) -> str:
    """The resource that a gap belongs to; nothing where it may belong to any."""
    kind = str(gap["kind"])
    if kind in ("clients", "payments"):
        return kind
    return str(gap.get("resource", "")) if kind == "rejected" else "appointments"


def _clients_scope(context: Context, answers: dict[str, Any]) -> dict[str, Any]:
    rows = Client.objects.filter(tenant=context.tenant, source="acuity")
    alike = "listed twice, alike" if answers.get("alike") else "listed twice, not alike"
    searched = (
        "searched: more than listed" if answers.get("cut") else "searched for a few: no others"
    )
    return {
        "listed": answers.get("entries", 0),
        "stored": rows.filter(listed=True).count(),
        "only_in_bookings": rows.filter(listed=False).count(),
        "evidence": [alike, searched],
    }


def _payments_scope(context: Context) -> dict[str, Any]:
    rows = payments.in_window(context)
    read = rows.exclude(payments_fetched_for="")
    unasked = rows.filter(payments_fetched_for="", paid=False, amount_paid=0).count()
    kept = Payment.objects.filter(appointment__in=rows, removed_at=None)
    cents: Counter[str] = Counter()
    for day, amount in kept.values_list("service_date").annotate(Sum("amount")).order_by():
        cents[f"{day:%Y-%m}"] += round(amount * 100)
    oldest = read.aggregate(oldest=Min("payments_read_at"))["oldest"]
    return {
        "asked": rows.count() - unasked,
        "lists_read": read.count(),
        "unasked": unasked,
        "unasked_why": "unpaid, nothing paid" if unasked else "",
        "oldest_reading": f"{oldest:%Y-%m-%dT%H:%M:%SZ}" if oldest else None,
        "refunds": "those made at a card processor are not in Acuity",
        "cents": dict(sorted(cents.items())),
        "evidence": ["each list by its booking"],
    }


def _unlisted(
    context: Context, coverage: dict[str, list[int]], cursor: dict[str, Any]
) -> list[Gap]:
    """What is stored, or answers by its ID, and stands in no listing: the listing is not whole."""
    gaps: list[Gap] = []
    hidden: dict[str, str] = cursor.get("hidden", {})
    if hidden:
        months = set(hidden.values())
        calendars = set(
            Appointment.objects.filter(tenant=context.tenant, external_id__in=hidden)
            .values_list("calendar__external_id", flat=True)
            .distinct()
        )
        shared = f" All of them are in {months.pop()}." if len(months) == 1 else ""
        if len(calendars) == 1 and len(hidden) > 1 and (calendar := calendars.pop()):
            shared += f" All of them are in calendar {calendar}."
        least = "At least " if cursor.get("unasked") else ""
        reason = f"{least}{_many(len(hidden), 'booking')} exist that no listing shows; others may too.{shared}"
        gaps.append({"kind": "unlisted", "missing": len(hidden), "reason": reason})
    if refused := cursor.get("refused", 0):
        reason = (
            f"Acuity no longer shows {_many(refused, 'booking')}, and none was marked as gone:"
            " if that is right, import again with --accept-removals."
        )
        gaps.append({"kind": "removals", "missing": refused, "reason": reason})
    known = Counter(hidden.values())
    for month, (source, stored) in coverage.items():
        extra = stored - source - known[month]
        if extra > 0 and not refused:
            reason = f"{_many(extra, 'appointment')} stored that Acuity's listing does not show."
            gaps.append({"kind": "unlisted", "month": month, "extra": extra, "reason": reason})
    return gaps


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
    rejected = RejectedRecord.objects.filter(run=context.run, resolved_at=None)
    return [
        {
            "kind": "rejected",
            "resource": resource,
            "missing": n,
            "reason": f"{_many(n, 'record')} of {resource} that could not be read; see the rejected records.",
        }
        for resource, n in rejected.values_list("resource")
        .annotate(n=Count("pk"))
        .order_by("resource")
    ]


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
