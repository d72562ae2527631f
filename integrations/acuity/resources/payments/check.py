"""Is a payment missing? What is still due is asked for, and what the database has lost."""

from collections import Counter
from typing import Any

from django.db.models import F, Min, Q, Sum
from msgspec.structs import replace

from bookings.amounts import counted
from bookings.models import Appointment, Payment
from integrations.acuity.reading.findings import NAMED, Difference, Gap, named
from integrations.acuity.reading.stored import Stored
from integrations.acuity.resources.base import (
    BY_COLUMN,
    Checked,
    Context,
    Found,
    Said,
    in_window,
    many,
)
from integrations.acuity.resources.payments.save import (
    altered,
    doubted,
    due,
    fetch_payments,
    lost,
    page_size,
    with_sums,
)
from integrations.models import RejectedRecord

MOST_DIFFERENCES = 500
AS_STORED = "lists not read again stand as they were stored"


class ProofCursor(Stored, frozen=True):
    """The primary key of the last appointment that was asked about."""

    after: int = 0
    # Whether those come now whose payments the database has lost, or that are to be asked once more.
    lost: bool = False
    # Whether the stored payments are read, too; then the first appointments of which one is no longer
    # as it came, and those of which Acuity says otherwise what was paid.
    anew: bool = False
    altered: list[int] = []


def check(context: Context, cursor: ProofCursor) -> Checked:
    """What is still due because it changed meanwhile; then what the database has lost since, and lists
    that contradict their booking, which may have been cut short."""
    again = cursor.lost
    waiting = due(context)
    if again:
        waiting = in_window(context).filter(
            Q(pk__in=lost(context).values("pk")) | Q(pk__in=cursor.altered)
        )
    # Each is asked for once: a list that cannot be read stays due.
    rows = list(waiting.filter(pk__gt=cursor.after).order_by("pk")[: page_size(context)])
    found = Found(fetch_payments(context, rows))
    if rows:
        return Checked(found, replace(cursor, after=rows[-1].pk))
    off = []
    if not again:
        off = [*(altered(context) if cursor.anew else []), *doubted(context)]
    return Checked(found, ProofCursor(lost=True, anew=cursor.anew, altered=off), done=again)


def statement(context: Context, cursor: ProofCursor) -> Said:
    scope = _scope(context, BY_COLUMN if cursor.anew else AS_STORED)
    differences = _differences(context)
    scope |= {"differing": len(differences)} if differences else {}
    return Said(scope, _unread(context), differences=differences)


def _scope(context: Context, compared: str) -> dict[str, Any]:
    rows = in_window(context)
    read = rows.exclude(payments_fetched_for="")
    unasked = rows.filter(payments_fetched_for="", paid=False, amount_paid=0).count()
    kept = Payment.objects.filter(appointment__in=rows, removed_at=None)
    cents: Counter[str] = Counter()
    places = context.identity.decimals
    for day, amount in kept.values_list("service_date").annotate(Sum("amount")).order_by():
        cents[f"{day:%Y-%m}"] += counted(amount, places)
    oldest = read.aggregate(oldest=Min("payments_read_at"))["oldest"]
    return {
        "asked": rows.count() - unasked,
        "lists_read": read.count(),
        "unasked": unasked,
        "unasked_why": "unpaid, nothing paid" if unasked else "",
        "oldest_reading": f"{oldest:%Y-%m-%dT%H:%M:%SZ}" if oldest else None,
        "refunds": "those made at a card processor are not in Acuity",
        "cents": dict(sorted(cents.items())),
        # In thousandths: what has two goes without saying.
        **({"places": places} if places != 2 else {}),
        "evidence": ["each list by its booking", compared],
    }


def _unread(context: Context) -> list[Gap]:
    # What was rejected is a gap of its own.
    rejected = RejectedRecord.objects.filter(
        run__in=context.scope.runs, resource="payments", resolved_at=None
    )
    unread = due(context).exclude(external_id__in=rejected.values("external_id"))
    if not (n := unread.count()):
        return []
    keys = list(unread.order_by("pk").values_list("external_id", flat=True)[: NAMED + 1])
    reason = f"{many(n, 'appointment')}{named(keys)} whose payments could not be stored."
    return [Gap("payments", reason, missing=n, ids=keys[:NAMED])]


def _differences(context: Context) -> list[Difference]:
    """Appointments whose payments do not add up to what Acuity says was paid."""
    rows = with_sums(in_window(context).exclude(payments_fetched_for=""))
    rows = rows.exclude(sum_now=F("amount_paid")).order_by("service_date", "pk")
    return [
        Difference(
            appointment=row.external_id,
            month=f"{row.service_date:%Y-%m}",
            amount_paid=str(row.amount_paid),
            payments=str(row.sum_now),
            reason=_reason(row),
        )
        for row in rows.prefetch_related("payments")[:MOST_DIFFERENCES]
    ]


def _reason(row: Appointment) -> str:
    """Why the sums differ, where that is known."""
    kept = [payment for payment in row.payments.all() if payment.removed_at is None]
    if any(payment.amount < 0 for payment in kept):
        return "refund"
    if row.certificate:
        return "certificate"
    if not kept:
        return "no payments listed"
    return "unknown"
