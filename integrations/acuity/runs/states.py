"""Which state may follow which? Every transition is one conditional UPDATE."""

from typing import Any

from django.utils import timezone

from integrations.models import ImportRun

S = ImportRun.Status
# From which states a run may come into which. Anything else is answered with False.
TRANSITIONS: dict[str, set[str]] = {
    S.RUNNING: {S.QUEUED, S.PAUSED, S.FAILED, S.VERIFYING},
    S.VERIFYING: {S.RUNNING},
    S.PAUSING: {S.QUEUED, S.RUNNING, S.VERIFYING},
    S.PAUSED: {S.PAUSING},
    S.QUEUED: {S.PAUSED, S.PAUSING, S.FAILED},
    S.CANCELLING: {S.QUEUED, S.RUNNING, S.VERIFYING, S.PAUSING, S.PAUSED},
    S.CANCELLED: {S.CANCELLING},
    S.FAILED: {S.QUEUED, S.RUNNING, S.VERIFYING, S.PAUSING},
    # A finished run may be verified again.
    # Queued: resumed after a pause that came when every step was done.
    S.COMPLETED: {S.QUEUED, S.RUNNING, S.VERIFYING, S.PAUSING, S.COMPLETED_WITH_GAPS},
    S.COMPLETED_WITH_GAPS: {S.QUEUED, S.RUNNING, S.VERIFYING, S.PAUSING, S.COMPLETED},
}
FINAL = {S.CANCELLED, S.FAILED, S.COMPLETED, S.COMPLETED_WITH_GAPS}


def transition(run_id: Any, to: str, **fields: Any) -> bool:
    """True if the run came into state `to` by this call."""
    if to in FINAL | {S.PAUSED}:
        fields.setdefault("finished_at", timezone.now() if to in FINAL else None)
    allowed = TRANSITIONS[to]
    return bool(ImportRun.objects.filter(pk=run_id, status__in=allowed).update(status=to, **fields))
