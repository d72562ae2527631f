"""Which state may follow which? Every transition is one conditional UPDATE."""

from typing import Any

from django.db.models import F, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from integrations.models import ImportRun

S = ImportRun.Status
# From which states a run may come into which. Anything else is answered with False.
TRANSITIONS: dict[str, set[str]] = {
    S.RUNNING: {S.QUEUED, S.PAUSED, S.FAILED, S.VERIFYING},
    # Queued: resumed while it was verifying, or a finished run that is proven again.
    S.VERIFYING: {S.QUEUED, S.RUNNING},
    S.PAUSING: {S.QUEUED, S.RUNNING, S.VERIFYING},
    S.PAUSED: {S.PAUSING},
    # Completed: to be proven again (`PROVABLE`); nothing else goes on from there.
    S.QUEUED: {S.PAUSED, S.PAUSING, S.FAILED, S.COMPLETED, S.COMPLETED_WITH_GAPS},
    S.CANCELLING: {S.QUEUED, S.RUNNING, S.VERIFYING, S.PAUSING, S.PAUSED},
    S.CANCELLED: {S.CANCELLING},
    S.FAILED: {S.QUEUED, S.RUNNING, S.VERIFYING, S.PAUSING},
    # Queued: resumed after a pause that came when every step was done.
    # Cancelling: a proof that was broken off leaves the name that the one before it earned.
    S.COMPLETED: {S.QUEUED, S.RUNNING, S.VERIFYING, S.PAUSING, S.CANCELLING},
    S.COMPLETED_WITH_GAPS: {S.QUEUED, S.RUNNING, S.VERIFYING, S.PAUSING, S.CANCELLING},
}
PROVABLE = {S.COMPLETED, S.COMPLETED_WITH_GAPS}
FINAL = {S.CANCELLED, S.FAILED, *PROVABLE}
# As a sentence says them; of the others, "is running".
SAID: dict[str, str] = {
    S.COMPLETED: "has completed",
    S.COMPLETED_WITH_GAPS: "has completed with gaps",
    S.FAILED: "has failed",
    S.CANCELLED: "was cancelled",
}


def said(status: str) -> str:
    """What follows "the run" in a sentence: "is paused", "has completed with gaps"."""
    return SAID.get(status, f"is {status}")


def transition(run_id: Any, to: str, *, among: set[Any] | None = None, **fields: Any) -> bool:
    """True if the run came into state `to` by this call; `among`: only from one of these states."""
    if to in FINAL:
        # A run that is proven again keeps the time at which it was finished.
        fields.setdefault("finished_at", Coalesce(F("finished_at"), Value(timezone.now())))
    allowed = TRANSITIONS[to] if among is None else TRANSITIONS[to] & among
    return bool(ImportRun.objects.filter(pk=run_id, status__in=allowed).update(status=to, **fields))
