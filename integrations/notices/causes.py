"""What is there to be told of an account now? Computed from its rows, so nothing is told by accident."""

from datetime import datetime, timedelta

from integrations.acuity.resources.base import kept
from integrations.acuity.runs.states import FINAL, PROVABLE, S
from integrations.acuity.sync import freshness, plans
from integrations.models import AcuityAccount, ImportRun, Plan

OF_THE_KEY = ("CredentialsRefused", "PlanWithoutApi", "KeyUnreadable", "KeyMissing")
# The causes, as subjects have them.
TITLES = {
    "failed": "an import failed",
    "key": "the key is refused",
    "paused": "an import stopped and waits for somebody",
    "gaps": "something is missing or unproven",
    "behind": "the audit of payments is behind",
    "closed": "a closed month changed",
}


def causes(account: AcuityAccount, now: datetime) -> dict[str, str]:
    """A sentence by cause."""
    found: dict[str, str] = {}
    ended = account.runs.filter(status__in=FINAL - {S.CANCELLED}).order_by("-created_at")
    last = ended.first()
    if last and last.status == S.FAILED:
        found["key" if last.error_class in OF_THE_KEY else "failed"] = last.reason
    # Whoever pauses a run himself gives no reason.
    paused = account.runs.filter(status=S.PAUSED).exclude(error_class="").first()
    if paused:
        found["paused"] = f"{paused.reason} Nothing begins by itself before that."
    proven = ended.filter(status__in=PROVABLE).exclude(kind=ImportRun.Kind.PASS).first()
    if proven and proven.gaps:
        found["gaps"] = " ".join(gap["reason"] for gap in proven.gaps[:3])
        if len(proven.gaps) > 3:
            found["gaps"] += f" And {len(proven.gaps) - 3:,} more."
    if said := _behind(account, now):
        found["behind"] = said
    return found


def _behind(account: AcuityAccount, now: datetime) -> str:
    plan = Plan.objects.select_related("account__tenant").filter(account=account).first()
    if plan is None or not plan.nightly:
        return ""
    # A night more, for the turn itself lies somewhere in it.
    limit = timedelta(days=max(plan.nights, plans.cost(plan).nights) + 1)
    if now - plan.created_at < limit:
        return ""
    fresh = freshness.of(account)
    # A booking of today has not been missed by any night.
    unread = kept(plans.extent_of(plan)).filter(payments_read_at=None)
    missed = unread.exclude(first_seen__gt=now - limit).exists()
    if missed or (fresh.payments and now - fresh.payments > limit):
        return f"{fresh.words(account.timezone)}; planned is every list within {limit.days - 1} nights."
    return ""
