"""In which state is a run, and what may happen next? Every transition is one conditional UPDATE."""

import os
import secrets
import socket
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Case, F, Q, When
from django.utils import timezone

from bookings.models import Appointment, Client, Payment
from integrations.acuity import events
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.resources import SELECTABLE, STEPS
from integrations.models import AcuityAccount, CompletionEvent, ImportRun, ImportStep

S = ImportRun.Status
TOO_MANY_REJECTS = "TooManyRejects"
LEASE = timedelta(seconds=60)
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
    S.COMPLETED: {S.RUNNING, S.VERIFYING, S.PAUSING, S.COMPLETED_WITH_GAPS},
    S.COMPLETED_WITH_GAPS: {S.RUNNING, S.VERIFYING, S.PAUSING, S.COMPLETED},
}
UNVERIFIED = {
    "kind": "unverified",
    "reason": "Nothing was compared with Acuity: run manage.py acuity_verify.",
}
FINAL = {S.CANCELLED, S.FAILED, S.COMPLETED, S.COMPLETED_WITH_GAPS}


class ActiveRun(Exception):
    """The account is being imported already; `run` is that run."""

    def __init__(self, run: ImportRun):
        self.run = run
        super().__init__(f"Run {run.id} of this account is {run.status}: resume or cancel it first.")


def transition(run_id: Any, to: str, **fields: Any) -> bool:
    """True if the run came into state `to` by this call."""
    if to in FINAL | {S.PAUSED}:
        fields.setdefault("finished_at", timezone.now() if to in FINAL else None)
    allowed = TRANSITIONS[to]
    return bool(ImportRun.objects.filter(pk=run_id, status__in=allowed).update(status=to, **fields))


def check(
    *,
    min_date: date | None,
    max_date: date | None,
    page_limit: int | None,
    only: tuple[str, ...],
    **_: Any,
) -> None:
    """Raises ConfigurationError if a run cannot be started like this."""
    if page_limit is not None and not 1 <= page_limit <= 1000:
        raise ConfigurationError(f"The page limit must be from 1 to 1000, not {page_limit}.")
    if min_date and max_date and min_date > max_date:
        raise ConfigurationError(f"The first date {min_date} is after the last date {max_date}.")
    unknown = [name for name in only if name not in SELECTABLE]
    if unknown or not only:
        raise ConfigurationError(
            f"Cannot import {', '.join(unknown) or 'nothing'}: choose from {', '.join(SELECTABLE)}."
        )


def start(
    account: AcuityAccount,
    *,
    min_date: date | None = None,
    max_date: date | None = None,
    page_limit: int | None = None,
    only: tuple[str, ...] = SELECTABLE,
    payments_mode: str = "paid",
    verify: bool = True,
    send: bool = True,
    idempotency_key: str | None = None,
) -> ImportRun:
    """A new queued run. Without a page limit it finds the best one itself.

    Raises ActiveRun if the account has a run already, ConfigurationError on bad input.
    """
    check(min_date=min_date, max_date=max_date, page_limit=page_limit, only=only)
    chosen = {"account", *only} | ({"verify"} if verify else set())
    try:
        with transaction.atomic():
            run = ImportRun.objects.create(
                account=account,
                min_date=min_date,
                max_date=max_date,
                page_limit=page_limit or account.best_page_limit or settings.ACUITY_PAGE_LIMIT,
                auto_page_limit=page_limit is None,
                payments_mode=payments_mode,
                idempotency_key=idempotency_key,
            )
            ImportStep.objects.bulk_create(
                ImportStep(run=run, position=n, resource=name)
                for n, name in enumerate(STEPS)
                if name in chosen
            )
    except IntegrityError:
        active = ImportRun.objects.filter(account=account, status__in=ImportRun.ACTIVE).first()
        if active is None:
            raise
        raise ActiveRun(active) from None
    if send:
        enqueue(run)
    return run


def enqueue(run: ImportRun) -> None:
    """Send the chain of what is left of the run, as the steps' rows have it, after the commit."""
    from integrations.acuity import tasks

    transaction.on_commit(lambda: tasks.send_chain(str(run.pk)))


def resume(run: ImportRun) -> bool:
    """Go on from the checkpoint. True if the run was waiting for this."""
    now = timezone.now()
    ImportStep.objects.filter(run=run).update(
        not_before=None, waiting_for="", attempts=0, deaths=0, failing_since=None, heartbeat_at=now
    )
    for step in run.steps.exclude(lease_token=""):
        if _owner_is_dead(step.lease_owner):
            ImportStep.objects.filter(pk=step.pk, lease_token=step.lease_token).update(
                lease_token="", lease_until=None
            )
    # Whoever resumes a run that stopped for its rejects has looked at them.
    accept = run.accept_rejects or run.error_class == TOO_MANY_REJECTS
    waiting = transition(
        run.pk, S.QUEUED, reason="", error_class="", finished_at=None, accept_rejects=accept
    )
    if waiting or run.status in ImportRun.WORKING:
        ImportRun.objects.filter(pk=run.pk).update(resumed=run.resumed + 1)
        enqueue(run)
    return waiting


def pause(run: ImportRun, reason: str = "", error_class: str = "") -> bool:
    """Asks the run to stop after the page in hand. A second press changes nothing."""
    asked = transition(run.pk, S.PAUSING, reason=reason, error_class=error_class)
    settle(run.pk)
    return asked


def cancel(run: ImportRun) -> bool:
    asked = transition(run.pk, S.CANCELLING)
    settle(run.pk)
    return asked


def settle(run_id: Any) -> None:
    """Complete `pausing` and `cancelling` once nobody is working on the run."""
    busy = ImportStep.objects.filter(run_id=run_id, lease_until__gt=timezone.now()).exclude(
        lease_token=""
    )
    if busy.exists():
        return
    if transition(run_id, S.PAUSED) or transition(run_id, S.CANCELLED):
        summarise(run_id)


def fail(run_id: Any, reason: str, error_class: str) -> bool:
    failed = transition(run_id, S.FAILED, reason=reason, error_class=error_class)
    if failed:
        summarise(run_id)
    return failed


def current_step(run_id: Any) -> ImportStep | None:
    """The first step that is not done: the truth about what comes next."""
    return ImportStep.objects.filter(run_id=run_id).exclude(status="done").first()


def claim(step: ImportStep, expected: int) -> str:
    """A lease on the step at version `expected`, or "" if somebody else has it or it moved on."""
    now, token = timezone.now(), secrets.token_hex(8)
    free = Q(lease_token="") | Q(lease_until__lt=now) | Q(lease_until=None)
    due = Q(not_before=None) | Q(not_before__lte=now)
    with transaction.atomic():
        taken = ImportStep.objects.filter(free, due, pk=step.pk, version=expected).exclude(
            status="done"
        ).update(
            status="running",
            lease_token=token,
            lease_owner=_owner(),
            lease_until=now + LEASE,
            heartbeat_at=now,
            not_before=None,
            attempts=F("attempts") + 1,
            # A lease that nobody gave back means that its process died.
            deaths=Case(When(lease_token="", then=F("deaths")), default=F("deaths") + 1),
        )
        if taken:
            to = S.VERIFYING if step.resource == "verify" else S.RUNNING
            transition(step.run_id, to, **({} if to == S.VERIFYING else {"started_at": now}))
    return token if taken else ""


def renew(step_id: int, token: str) -> bool:
    now = timezone.now()
    return bool(
        ImportStep.objects.filter(pk=step_id, lease_token=token).update(
            lease_until=now + LEASE, heartbeat_at=now
        )
    )


def release(step_id: int, token: str, **fields: Any) -> None:
    ImportStep.objects.filter(pk=step_id, lease_token=token).update(
        lease_token="", lease_until=None, **fields
    )


def resume_stalled(now: datetime | None = None) -> list[str]:
    """Send again what nobody is working on. Safe to call at any time, by anybody, repeatedly."""
    now = now or timezone.now()
    sent = []
    for run in ImportRun.objects.filter(status__in=["pausing", "cancelling"]):
        settle(run.pk)
    for run in ImportRun.objects.filter(status__in=ImportRun.WORKING):
        step = current_step(run.pk)
        if step is None:
            finish(run.pk)
        elif _stalled(run, step, now):
            # Sending is a sign of life: one message for each stall, not one for each sweep.
            ImportStep.objects.filter(pk=step.pk).update(heartbeat_at=now)
            enqueue(run)
            sent.append(str(run.pk))
    return sent


def last_sign(run: ImportRun) -> datetime:
    """When anybody last worked on the run, or sent it to be worked on."""
    beats = [step.heartbeat_at for step in run.steps.all() if step.heartbeat_at]
    return max(beats, default=run.started_at or run.created_at)


def _stalled(run: ImportRun, step: ImportStep, now: datetime) -> bool:
    seen = last_sign(run)
    silence = now - seen
    if step.lease_token and step.lease_until:
        if step.lease_until >= now and _owner_is_dead(step.lease_owner):
            # The token stays, so that whoever takes the step counts the death.
            ImportStep.objects.filter(pk=step.pk, lease_token=step.lease_token).update(
                lease_until=now - timedelta(milliseconds=1)
            )
            return True
        return step.lease_until < now and (seen < step.lease_until or silence > LEASE)
    if step.not_before:
        return step.not_before <= now and (seen < step.not_before or silence > LEASE)
    # Whoever works on a page holds a lease: without one there is only a message, and it may be lost.
    return silence > min(LEASE, timedelta(seconds=settings.ACUITY_STALL_SECONDS))


def finish(run_id: Any) -> bool:
    """Close a run whose steps are all done: the final state, the event row, the signal. Once."""
    run = ImportRun.objects.select_related("account__tenant").get(pk=run_id)
    if run.steps.exclude(status="done").exists():
        return False
    steps = {step.resource: step for step in run.steps.all()}
    with transaction.atomic():
        if "verify" not in steps:
            run.gaps = [*run.gaps, UNVERIFIED]
        to = S.COMPLETED_WITH_GAPS if run.gaps else S.COMPLETED
        if not transition(run.pk, to, gaps=run.gaps):
            return False
        run.refresh_from_db()
        event = events.AcuityImportCompleted(
            tenant_id=str(run.account.tenant_id),
            run_id=str(run.pk),
            contacts=stored(run)["clients"],
            appointments=stored(run)["appointments"],
            payments=stored(run)["payments"],
            skipped=sum(step.rejected for step in steps.values()),
            gaps=len(run.gaps),
            finished_at=run.finished_at or timezone.now(),
        )
        CompletionEvent.objects.create(run=run, payload=event.as_json())
        transaction.on_commit(
            lambda: events.acuity_import_completed.send_robust(sender=ImportRun, event=event)
        )
    summarise(run.pk)
    return True


def conclude(run: ImportRun) -> None:
    """Give a finished run the name that its last verification earned."""
    run.refresh_from_db(fields=["gaps"])
    to = S.COMPLETED_WITH_GAPS if run.gaps else S.COMPLETED
    transition(run.pk, to, finished_at=run.finished_at)


def stored(run: ImportRun) -> dict[str, int]:
    """How many rows the run's window now has in the database."""
    tenant = run.account.tenant_id
    window: dict[str, Any] = {}
    if run.min_date:
        window["service_date__gte"] = run.min_date
    if run.max_date:
        window["service_date__lte"] = run.max_date
    return {
        "clients": Client.objects.filter(tenant=tenant, source="acuity").count(),
        "appointments": Appointment.objects.filter(
            tenant=tenant, source="acuity", removed_at=None, **window
        ).count(),
        "payments": Payment.objects.filter(
            tenant=tenant, removed_at=None, appointment__removed_at=None, **window
        ).count(),
    }


def result(run: ImportRun) -> dict[str, Any]:
    """The run as contract.md's JSON has it."""
    steps = {step.resource: step for step in run.steps.all()}
    rows = stored(run)
    end = run.finished_at or timezone.now()
    names = ("fetched", "created", "updated", "unchanged", "rejected")
    answer: dict[str, Any] = {
        "run": str(run.pk),
        "tenant": str(run.account.tenant_id),
        "status": run.status,
        "verified": run.verified,
    }
    for name in SELECTABLE:
        counts = {n: getattr(steps[name], n) if name in steps else 0 for n in names}
        answer[name] = {"fetched": counts.pop("fetched"), "stored": rows[name], **counts}
    answer |= {
        "gaps": run.gaps,
        "differences": run.differences,
        "requests": sum(step.requests for step in steps.values()),
        "retries": sum(step.retries for step in steps.values()),
        "throttled": sum(step.throttled for step in steps.values()),
        "elapsed_s": round((end - (run.started_at or run.created_at)).total_seconds(), 1),
        "resumed": run.resumed,
    }
    return answer


def summarise(run_id: Any) -> None:
    """The last log line of a run, whatever became of it."""
    run = ImportRun.objects.select_related("account").get(pk=run_id)
    facts = result(run)
    events.log(
        "acuity_import_summary",
        run=run.pk,
        tenant=facts["tenant"],
        status=run.status,
        contacts=facts["clients"]["stored"],
        appointments=facts["appointments"]["stored"],
        payments=facts["payments"]["stored"],
        skipped=sum(facts[name]["rejected"] for name in SELECTABLE),
        gaps=len(run.gaps),
        requests=facts["requests"],
    )


def _owner() -> str:
    return f"{socket.gethostname()}/{os.getpid()}"


def _owner_is_dead(owner: str) -> bool:
    """True only if the lease's process ran on this machine and is no longer there."""
    host, _, pid = owner.rpartition("/")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
