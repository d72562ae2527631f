"""Which runs is nobody working on, though somebody should?"""

from datetime import datetime, timedelta

from django.utils import timezone

from integrations.acuity.runs import messages
from integrations.acuity.runs.control import enqueue, finish, settle
from integrations.acuity.runs.leases import LEASE, owner_is_dead
from integrations.conf import conf
from integrations.models import ImportRun, ImportStep

Stalled = tuple[ImportRun, ImportStep]
# Where the queue is as long as ever, a message counts as lost after so many times as long.
PATIENCE = 10


def resume_stalled(now: datetime | None = None) -> list[str]:
    """Send again what nobody is working on. Safe to call at any time, by anybody, repeatedly."""
    now = now or timezone.now()
    sent = []
    for run in ImportRun.objects.filter(status__in=["pausing", "cancelling"]):
        settle(run.pk)
    stalled = []
    working = ImportRun.objects.filter(status__in=ImportRun.WORKING)
    for run in working.prefetch_related("steps"):
        step = next((step for step in run.steps.all() if step.status != "done"), None)
        if step is None:
            finish(run.pk)
        elif _stalled(run, step, now):
            stalled.append((run, step))
    for run, step in _lost(stalled, now):
        # Sending is a sign of life: one message for each stall, not one for each sweep.
        ImportStep.objects.filter(pk=step.pk).update(heartbeat_at=now)
        enqueue(run)
        sent.append(str(run.pk))
    return sent


def _lost(stalled: list[Stalled], now: datetime) -> list[Stalled]:
    """Those whose messages are not just waiting for a worker: a message more for each, each minute,
    would only make the queue longer."""
    silent = [(run, step) for run, step in stalled if not (step.lease_token or step.not_before)]
    if not silent or messages.queued() < len(silent):
        return stalled
    long_ago = now - PATIENCE * _unheard_after()
    return [
        (run, step)
        for run, step in stalled
        if step.lease_token or step.not_before or last_sign(run) < long_ago
    ]


def last_sign(run: ImportRun) -> datetime:
    """When anybody last worked on the run, or sent it to be worked on."""
    beats = [step.heartbeat_at for step in run.steps.all() if step.heartbeat_at]
    return max(beats, default=run.started_at or run.created_at)


def _unheard_after() -> timedelta:
    return min(LEASE, timedelta(seconds=conf.ACUITY_STALL_SECONDS))


def _stalled(run: ImportRun, step: ImportStep, now: datetime) -> bool:
    seen = last_sign(run)
    # A message may be lost, whoever has sent it and for whatever reason.
    unheard = now - seen > _unheard_after()
    if step.lease_token and step.lease_until:
        if step.lease_until >= now and owner_is_dead(step.lease_owner):
            # The token stays, so that whoever takes the step counts the death.
            ImportStep.objects.filter(pk=step.pk, lease_token=step.lease_token).update(
                lease_until=now - timedelta(milliseconds=1)
            )
            return True
        return step.lease_until < now and (seen < step.lease_until or unheard)
    if step.not_before:
        return step.not_before <= now and (seen < step.not_before or unheard)
    # Whoever works on a page holds a lease: without one there is only a message.
    return unheard
