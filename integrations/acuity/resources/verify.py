"""Is anything missing? Everything is listed again and compared with the database."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import TruncMonth
from django.utils import timezone

from bookings.models import Appointment, Client
from integrations.acuity.errors import NotFound
from integrations.acuity.records import Reject, clean, core_digest, moment
from integrations.acuity.resources import appointments, clients, payments
from integrations.acuity.resources.base import Context, Fetched
from integrations.acuity.sink import Counts
from integrations.models import ImportRun

# A page without forms is small, so verification asks for many at once.
LISTING = 5000
MOST_DIFFERENCES = 500


class Verification:
    """Phases: `clients`, then `appointments` page by page, then `payments` still due, then totals."""

    name = "verify"

    def fetch(self, context: Context) -> Fetched:
        cursor = dict(context.step.cursor)
        wanted = set(context.run.steps.values_list("resource", flat=True))
        phase = cursor.setdefault("phase", "clients")
        if phase == "clients":
            groups = _missing_clients(context) if "clients" in wanted else []
            return Fetched([("clients", groups)], cursor | {"phase": "appointments"}, count=0)
        if phase == "appointments":
            return self._appointments(context, cursor, "appointments" in wanted)
        if "payments" in wanted and not cursor.get("payments_closed"):
            rows = list(payments.due(context).order_by("pk")[: context.limit])
            answers = payments.fetch_payments(context, rows)
            # A list that cannot be read stays due; asking once more is enough.
            closed = len(rows) < context.limit or cursor.get("first_due") == rows[0].pk
            first = rows[0].pk if rows else None
            cursor |= {"payments_closed": closed, "first_due": first}
            return Fetched([("payments", answers)], cursor, count=0)
        return Fetched([("totals", cursor)], cursor, done=True, count=0)

    def save(self, context: Context, page: Fetched) -> Counts:
        for kind, found in page.records:
            if kind == "clients":
                clients.save_clients(context, found)
            elif kind == "appointments":
                appointments.save_appointments(context, found)
            elif kind == "payments":
                payments.save_payments(context, found)
            elif kind == "gone":
                Appointment.objects.filter(pk__in=found).update(removed_at=timezone.now())
            elif kind == "totals":
                _conclude(context, found)
        return Counts()

    def _appointments(self, context: Context, cursor: dict[str, Any], wanted: bool) -> Fetched:
        ahead = cursor | {"phase": "payments"}
        if not wanted:
            return Fetched([], ahead, count=0)
        if "first" not in cursor:
            cursor["first"] = appointments.first_booking(context)
        if cursor["first"] is None:
            gone = _gone(context, set(), None, None)
            return Fetched([("gone", gone)], ahead, count=0)
        walk = appointments.walk(context, cursor["first"], LISTING, excludeForms="true")
        page = walk.page(cursor)
        cursor["months"] = Counter(cursor.get("months", {}))
        listed = _listed(context, page.records)
        for day in listed.values():
            cursor["months"][day[:7]] += 1
        low = _instant(cursor.get("upto"))
        high = None if page.done else _last_instant(page.records) or low
        changed = _changed(context, page.records, listed)
        known = set(listed) | set(cursor.get("seen", {})) | set(page.cursor.get("seen", {}))
        stray = _strays(context, known, low, high)
        refreshed, gone = _ask_again(context, changed, stray)
        following = cursor | page.cursor | {"upto": high.isoformat() if high else None}
        if page.done:
            following |= {"phase": "payments", "seen": {}}
        records = [("appointments", refreshed), ("gone", gone)]
        return Fetched(records, following, gaps=page.gaps, count=len(page.records))


def _missing_clients(context: Context) -> list[list[Any]]:
    """Groups of entries whose client is not stored."""
    groups = clients.grouped(clients.list_clients(context), context.identity)
    keyed = {}
    for group in groups:
        try:
            keyed[context.identity.key(group[0])] = group
        except (Reject, AttributeError):
            continue
    stored = Client.objects.filter(tenant=context.tenant, source="acuity", listed=True)
    known = set(stored.values_list("external_id", flat=True))
    return [group for key, group in keyed.items() if key not in known]


def _listed(context: Context, rows: list[Any]) -> dict[str, str]:
    """Local date by ID of the listed bookings inside the run's window."""
    found = {}
    for row in rows:
        try:
            day = moment(row, "datetime").date()
        except (Reject, AttributeError):
            continue
        if context.in_window(day):
            found[str(row.get("id"))] = day.isoformat()
    return found


def _stored(context: Context) -> QuerySet[Appointment]:
    rows = Appointment.objects.filter(tenant=context.tenant, source="acuity", removed_at=None)
    if context.run.min_date:
        rows = rows.filter(service_date__gte=context.run.min_date)
    if context.run.max_date:
        rows = rows.filter(service_date__lte=context.run.max_date)
    return rows


def _changed(context: Context, rows: list[Any], listed: dict[str, str]) -> list[str]:
    """IDs that are missing from the database or stored otherwise than listed."""
    stored = dict(
        _stored(context).filter(external_id__in=list(listed)).values_list(
            "external_id", "content_hash"
        )
    )
    return [
        key
        for row in rows
        if (key := str(row.get("id")) if isinstance(row, dict) else "") in listed
        and stored.get(key, "")[:32] != core_digest(clean(row))
    ]


def _strays(context: Context, known: set[str], low: Any, high: Any) -> list[str]:
    """IDs stored between two instants that the source did not list there."""
    rows = _stored(context)
    if low:
        rows = rows.filter(starts_at__gte=low)
    if high:
        rows = rows.filter(starts_at__lt=high)
    return [key for key in rows.values_list("external_id", flat=True) if key not in known]


def _gone(context: Context, known: set[str], low: Any, high: Any) -> list[int]:
    strays = _strays(context, known, low, high)
    return _ask_again(context, [], strays)[1]


def _ask_again(
    context: Context, changed: list[str], strays: list[str]
) -> tuple[list[Any], list[int]]:
    """Ask for single bookings: what they are now, and which are gone (a direct 404)."""
    found, gone = [], []
    for key in dict.fromkeys([*changed, *strays]):
        try:
            found.append(context.source.get(f"/appointments/{key}"))
        except NotFound:
            gone.append(key)
    keys = _stored(context).filter(external_id__in=gone).values_list("pk", flat=True)
    return found, list(keys)


def _instant(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _last_instant(rows: list[Any]) -> datetime | None:
    for row in reversed(rows):
        try:
            return moment(row, "datetime").astimezone(UTC)
        except (Reject, AttributeError):
            continue
    return None


def _conclude(context: Context, cursor: dict[str, Any]) -> None:
    """Write the proof on the run: months, gaps, differences."""
    run = context.run
    wanted = set(run.steps.values_list("resource", flat=True))
    gaps = list(run.gaps)
    coverage: dict[str, list[int]] = {}
    if "appointments" in wanted:
        source = cursor.get("months", {})
        stored = {
            f"{row['month']:%Y-%m}": row["n"]
            for row in _stored(context)
            .annotate(month=TruncMonth("service_date"))
            .values("month")
            .annotate(n=Count("pk"))
            .order_by("month")
        }
        for month in sorted(source.keys() | stored.keys()):
            coverage[month] = [source.get(month, 0), stored.get(month, 0)]
            if source.get(month, 0) > stored.get(month, 0):
                missing = source[month] - stored.get(month, 0)
                gaps.append(
                    {
                        "kind": "appointments",
                        "month": month,
                        "missing": missing,
                        "reason": f"{missing} appointments are listed by Acuity but not stored.",
                    }
                )
    if "payments" in wanted:
        unread = payments.due(context).count()
        if unread:
            gaps.append(
                {
                    "kind": "payments",
                    "missing": unread,
                    "reason": f"The payments of {unread} appointments could not be stored.",
                }
            )
        run.differences = _differences(context)
    rejected = sum(run.steps.values_list("rejected", flat=True))
    if rejected:
        gaps.append(
            {
                "kind": "rejected",
                "missing": rejected,
                "reason": f"{rejected} records could not be read; see the rejected records.",
            }
        )
    run.coverage, run.gaps, run.verified = coverage, _distinct(gaps), not gaps
    ImportRun.objects.filter(pk=run.pk).update(
        coverage=run.coverage, gaps=run.gaps, verified=run.verified, differences=run.differences
    )


def _distinct(gaps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [gap for n, gap in enumerate(gaps) if gap not in gaps[:n]]


def _differences(context: Context) -> list[dict[str, Any]]:
    """Appointments whose payments do not add up to what Acuity says was paid."""
    rows = (
        _stored(context)
        .exclude(payments_fetched_for="")
        .annotate(total=Sum("payments__amount", filter=Q(payments__removed_at=None), default=0))
        .exclude(total=F("amount_paid"))
        .order_by("service_date", "pk")
    )
    return [
        {
            "appointment": row.external_id,
            "month": f"{row.service_date:%Y-%m}",
            "amount_paid": str(row.amount_paid),
            "payments": str(row.total),
            "reason": "certificate" if row.certificate else "unknown",
        }
        for row in rows[:MOST_DIFFERENCES]
    ]


