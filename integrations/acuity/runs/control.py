"""How does a run begin, stop, go on and end? In the same words for command, HTTP and admin."""

from datetime import date
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from integrations.acuity import events
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.resources import RESOURCES
from integrations.acuity.runs import messages
from integrations.acuity.runs.leases import owner_is_dead
from integrations.acuity.runs.results import in_log, stored, summarise
from integrations.acuity.runs.states import S, transition
from integrations.acuity.steps import STEPS
from integrations.models import AcuityAccount, CompletionEvent, ImportRun, ImportStep

TOO_MANY_REJECTS = "TooManyRejects"
UNVERIFIED = {
    "kind": "unverified",
    "reason": "Nothing was compared with Acuity: run manage.py acuity_verify.",
}


class ActiveRun(Exception):
    """The account is being imported already; `run` is that run."""

    def __init__(self, run: ImportRun):
        self.run = run
        super().__init__(
            f"Run {run.id} of this account is {run.status}: resume or cancel it first."
        )


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
    unknown = [name for name in only if name not in RESOURCES]
    if unknown or not only:
        raise ConfigurationError(
            f"Cannot import {', '.join(unknown) or 'nothing'}: choose from {', '.join(RESOURCES)}."
        )


def start(
    account: AcuityAccount,
    *,
    min_date: date | None = None,
    max_date: date | None = None,
    page_limit: int | None = None,
    only: tuple[str, ...] = tuple(RESOURCES),
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
                tuning=_known(account),
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


def _known(account: AcuityAccount) -> dict[str, Any]:
    """What timed out in the last import is not tried again in this one; in the next, it is."""
    runs = ImportRun.objects.filter(account=account, auto_page_limit=True).order_by("-created_at")
    last = runs.values_list("tuning", flat=True).first() or {}
    if "inherited" in last or not last.get("ceiling"):
        return {}
    return {"ceiling": last["ceiling"], "inherited": True}


def enqueue(run: ImportRun) -> None:
    """Send the chain of what is left of the run, as the steps' rows have it, after the commit."""
    transaction.on_commit(lambda: messages.send_chain(str(run.pk)))


def resume(run: ImportRun) -> bool:
    """Go on from the checkpoint. True if the run was waiting for this."""
    now = timezone.now()
    ImportStep.objects.filter(run=run).update(
        not_before=None, waiting_for="", attempts=0, deaths=0, failing_since=None, heartbeat_at=now
    )
    for step in run.steps.exclude(lease_token=""):
        if owner_is_dead(step.lease_owner):
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


def others_wait(run_id: Any) -> bool:
    """True if another run could go on now, but nobody works on it."""
    now = timezone.now()
    others = ImportStep.objects.exclude(run_id=run_id).exclude(status="done")
    others = others.filter(run__status__in=ImportRun.WORKING)
    kept = others.filter(Q(lease_until__gt=now) | Q(not_before__gt=now)).values("run_id")
    return others.exclude(run_id__in=kept).exists()


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
        event = events.AcuityImportCompleted.counting(
            in_log(stored(run)),
            tenant_id=str(run.account.tenant_id),
            run_id=str(run.pk),
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
