"""What may be said of the bookings? Month by month, with what is left."""

from collections import Counter

from django.db.models import Count
from django.utils import timezone

from bookings.models import Appointment
from integrations.acuity.reading.findings import NAMED, Gap, Pair, named
from integrations.acuity.resources.appointments import cuts
from integrations.acuity.resources.appointments.cursors import ProofCursor, WalkCursor
from integrations.acuity.resources.base import (
    BY_COLUMN,
    BY_DIGEST,
    Context,
    Said,
    in_window,
    many,
)
from integrations.acuity.resources.earlier import CUT_HOLDS, is_recent
from integrations.models import ImportRun, RejectedRecord

ALONE = (
    "Acuity answers no other question with all the bookings that it lists: whether there are more cannot be"
    " told."
)
FORMLESS = "their answers to forms, as the import read them: not asked again"


def statement(context: Context, cursor: ProofCursor) -> Said:
    listed = Counter(cursor.months) + Counter(cursor.apart.values())
    stored = stored_by_month(context)
    coverage = {
        month: Pair(listed.get(month, 0), stored.get(month, 0))
        for month in sorted(listed.keys() | stored.keys())
    }
    scope = {
        "listed": sum(listed.values()),
        "stored": sum(stored.values()),
        "months": len(coverage),
        "evidence": [
            *(cursor.evidence or [cuts.WALK]),
            *(kind for kind in cursor.asked if kind not in cursor.failed),
            BY_COLUMN if cursor.anew else BY_DIGEST,
            FORMLESS,
        ],
    }
    gaps = [*cursor.gaps, *_missing(context, coverage), *_unlisted(context, coverage, cursor)]
    # An earlier release has written there what it had asked by the middle of a proof.
    leans = cursor.evidence not in ([], [cuts.WALK], [cuts.OF_IMPORT])
    if not leans and not cuts.agree(context, cursor):
        gaps.append(Gap("listing", ALONE))
    walked = WalkCursor.of(context.scope.imported["appointments"].cursor)
    ignored = {*walked.ignored, *cursor.ignored, *cursor.asking.ignored}
    return Said(scope, gaps, coverage, ignored=sorted(ignored))


def stored_by_month(context: Context) -> dict[str, int]:
    days = in_window(context).values("service_date").annotate(n=Count("*")).order_by()
    months: Counter[str] = Counter()
    for day, n in days.values_list("service_date", "n"):
        months[f"{day:%Y-%m}"] += n
    return dict(months)


def of_import(context: Context) -> dict[str, int] | None:
    """How many appointments Acuity has in each month, if the import has walked them a moment ago.

    If what it listed is all that is stored, walking once more would ask the same again; a proof has
    to ask otherwise.
    """
    step = context.scope.imported["appointments"]
    walk = WalkCursor.of(step.cursor)
    if walk.months is None or step.rejected or step.run.gaps:
        return None
    if walk.began and not is_recent(walk.began):
        return None
    return walk.months if walk.months == stored_by_month(context) else None


def is_straight(context: Context) -> bool:
    """Whether the import's walk obeyed all it asked, and each of its bookings has a calendar to be
    asked for by."""
    walk = WalkCursor.of(context.scope.imported["appointments"].cursor)
    return not walk.ignored and not in_window(context).filter(calendar=None).exists()


def cut_recently(context: Context) -> str:
    """How an earlier proof cut its questions differently, if that was within `CUT_HOLDS` and the
    import has found everything as it was."""
    step = context.scope.imported["appointments"]
    if step.created or step.updated:
        return ""
    since = timezone.now() - CUT_HOLDS
    earlier = ImportRun.objects.filter(
        account=context.account, verified=True, verified_at__gte=since
    )
    for run in earlier.exclude(pk__in=context.scope.runs).order_by("-verified_at")[:20]:
        evidence = (run.scope.get("appointments") or {}).get("evidence", [])
        if not {cuts.BY_CALENDAR, cuts.KEPT, cuts.ALL_BY_CALENDAR}.isdisjoint(evidence):
            return (
                f"the import's own pages; cut differently at {run.verified_at:%Y-%m-%dT%H:%M:%SZ}"
            )
    return ""


def _unlisted(context: Context, coverage: dict[str, Pair], cursor: ProofCursor) -> list[Gap]:
    """What is stored, or answers by its ID, and stands in no listing: the listing is not whole."""
    gaps: list[Gap] = []
    hidden = cursor.hidden
    if hidden:
        months = set(hidden.values())
        calendars = set(
            context.account.rows(Appointment)
            .filter(external_id__in=hidden)
            .values_list("calendar__name", flat=True)
            .distinct()
        )
        shared = f" All of them are in {months.pop()}." if len(months) == 1 else ""
        if len(calendars) == 1 and len(hidden) > 1 and (calendar := calendars.pop()):
            shared += f" All of them are in calendar {calendar}."
        least = "At least " if cursor.unasked else ""
        keys = sorted(hidden)
        exist = f"{least}{many(len(hidden), 'booking')} exist that no listing shows{named(keys)}"
        reason = f"{exist}; others may too.{shared}"
        gaps.append(Gap("unlisted", reason, missing=len(hidden), ids=keys[:NAMED]))
    if refused := cursor.refused:
        reason = (
            f"Acuity no longer shows {many(refused, 'booking')}, and none was marked as gone:"
            " if that is right, import again with --accept-removals."
        )
        gaps.append(Gap("removals", reason, missing=refused))
    if cursor.pending:
        reason = (
            f"Acuity neither lists {many(cursor.pending, 'booking')} nor finds them by their ID. A second"
            " look, at least a minute after the first, decides if they are gone: prove this run again."
        )
        gaps.append(Gap("removals", reason, missing=cursor.pending))
    known = Counter(hidden.values())
    for month, pair in coverage.items():
        extra = pair.stored - pair.source - known[month]
        if extra > 0 and not refused and not cursor.pending:
            reason = f"{many(extra, 'appointment')} stored that Acuity's listing does not show."
            gaps.append(Gap("unlisted", reason, month=month, extra=extra))
    return gaps


def _missing(context: Context, coverage: dict[str, Pair]) -> list[Gap]:
    """None where all that lacks was rejected: that is told as rejected, and counted once."""
    gaps = [
        Gap(
            kind="appointments",
            month=month,
            missing=missing,
            reason=f"{many(missing, 'appointment')} listed by Acuity but not stored.",
        )
        for month, pair in coverage.items()
        if (missing := pair.source - pair.stored) > 0
    ]
    rejected = _never_stored(context) if gaps else 0
    return [] if sum(gap.missing or 0 for gap in gaps) == rejected else gaps


def _never_stored(context: Context) -> int:
    """How many of this run's rejected records there is no booking of; an older version may be."""
    waiting = RejectedRecord.objects.filter(
        run__in=context.scope.runs, resource="appointments", resolved_at=None
    )
    keys = list(waiting.values_list("external_id", flat=True))
    return len(keys) - in_window(context).filter(external_id__in=keys).count()
