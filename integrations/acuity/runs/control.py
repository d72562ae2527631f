"""How does a run begin, stop, go on and end? In the same words for command, HTTP and admin."""

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from integrations import audit
from integrations.acuity import events
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.reading.findings import Gap
from integrations.acuity.reading.stored import as_json
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.scope import NOTHING_AGAIN, Reread
from integrations.acuity.runs import messages
from integrations.acuity.runs.leases import owner_is_dead
from integrations.acuity.runs.lines import in_log, summary
from integrations.acuity.runs.options import Options
from integrations.acuity.runs.results import rejected, stored
from integrations.acuity.runs.states import FINAL, PROVABLE, TRANSITIONS, S, said, transition
from integrations.acuity.runs.tuning import Tuning
from integrations.acuity.steps import STEPS
from integrations.conf import conf
from integrations.models import AcuityAccount, CompletionEvent, ImportRun, ImportStep, StagedPage

TOO_MANY_REJECTS = "TooManyRejects"
ACCEPTED = "However many bookings Acuity no longer shows may be marked as gone."
# What a step counts of one pass.
PASS = (
    "offset",
    "fetched",
    "created",
    "updated",
    "restated",
    "unchanged",
    "rejected",
    "attempts",
    "deaths",
    "active_ms",
)
EVERYTHING = Options()
UNVERIFIED = Gap("unverified", "Nothing was compared with Acuity: prove the run again.")


class ActiveRun(Exception):
    """The account is being imported already; `run` is that run."""

    def __init__(self, run: ImportRun):
        self.run = run
        super().__init__(
            f"Run {run.id} of this account is {run.status}: resume or cancel it first."
        )


class NothingToDo(ConfigurationError):
    """The run's state does not allow what was asked; the message says why."""


def start(
    account: AcuityAccount,
    options: Options = EVERYTHING,
    *,
    send: bool = True,
    idempotency_key: str | None = None,
    by: str = "code",
    kind: str = ImportRun.Kind.IMPORT,
    reread: Reread = NOTHING_AGAIN,
) -> ImportRun:
    """A new queued run. Without a page limit it finds the best one itself.

    `by` is what the log says of who began it: command, person, token, schedule.

    Raises ActiveRun if the account has a run already, ConfigurationError on bad input.
    """
    options.check()
    always = (name for name, resource in RESOURCES.items() if resource.always)
    chosen = {"account", *always, *options.only} | ({"verify"} if options.verify else set())
    try:
        with transaction.atomic():
            run = ImportRun.objects.create(
                account=account,
                min_date=options.period.first,
                max_date=options.period.last,
                page_limit=options.page_limit or account.best_page_limit or conf.ACUITY_PAGE_LIMIT,
                auto_page_limit=options.page_limit is None,
                tuning=_known(account),
                idempotency_key=idempotency_key,
                accept_removals=options.accept_removals,
                started_by=by,
                kind=kind,
                reread=as_json(reread),
                **options.columns,
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
    audit.write("started", run=run, note=ACCEPTED if options.accept_removals else "")
    if send:
        enqueue(run)
    return run


def _known(account: AcuityAccount) -> Any:
    """What timed out in the last import is not tried again in this one; in the next, it is."""
    runs = ImportRun.objects.filter(account=account, auto_page_limit=True).order_by("-created_at")
    last = Tuning.of(runs.values_list("tuning", flat=True).first() or {})
    if last.inherited or not last.ceiling:
        return {}
    return as_json(Tuning(ceiling=last.ceiling, inherited=True))


def enqueue(run: ImportRun) -> None:
    """Send the chain of what is left of the run, as the steps' rows have it, after the commit."""
    transaction.on_commit(lambda: messages.send_chain(str(run.pk)))


def resume(run: ImportRun, *, by: str = "code") -> bool:
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
    began_anew = {} if is_proven_again(run) else {"finished_at": None}
    again: dict[str, Any] = {"resumed": F("resumed") + 1, "started_by": by, "announced": False}
    waiting = transition(
        run.pk,
        S.QUEUED,
        among=TRANSITIONS[S.QUEUED] - PROVABLE,
        reason="",
        error_class="",
        accept_rejects=accept,
        **began_anew,
        **again,
    )
    if waiting:
        looked = accept and not run.accept_rejects
        audit.write("accepted rejects" if looked else "resumed", run=run)
    if not waiting and run.status in ImportRun.WORKING:
        ImportRun.objects.filter(pk=run.pk).update(**again)
    if waiting or run.status in ImportRun.WORKING:
        enqueue(run)
    return waiting


def verify(run: ImportRun, *, send: bool = True, by: str = "code") -> None:
    """Prove a finished run again, as a run like any other: paused, killed and watched like one.

    The statement that stands is replaced by the new one when that is finished, and by nothing else.
    Raises ActiveRun if the account has an active run, ConfigurationError if this one never finished.
    """
    if run.status not in PROVABLE:
        if run.status in ImportRun.ACTIVE:
            raise ActiveRun(run)
        raise ConfigurationError(
            f"Run {run.pk} is {run.status}: only a completed run can be proven."
        )
    fresh: dict[str, Any] = dict.fromkeys(PASS, 0) | {
        "status": "pending",
        "cursor": {"anew": True},
        "version": F("version") + 1,
        "total": None,
        "not_before": None,
        "waiting_for": "",
        "failing_since": None,
        "heartbeat_at": timezone.now(),
    }
    try:
        with transaction.atomic():
            step, _ = ImportStep.objects.get_or_create(
                run=run, resource="verify", defaults={"position": len(STEPS)}
            )
            began = {"reason": "", "error_class": "", "started_by": by, "announced": False}
            if not transition(run.pk, S.QUEUED, among=PROVABLE, **began):
                raise ActiveRun(ImportRun.objects.get(pk=run.pk))
            run.pages.filter(resource="verify").delete()
            ImportStep.objects.filter(pk=step.pk).update(**fresh)
    except IntegrityError:
        active = ImportRun.objects.filter(
            account=run.account_id, status__in=ImportRun.ACTIVE
        ).first()
        if active is None:
            raise
        raise ActiveRun(active) from None
    audit.write("proves again", run=run)
    if send:
        enqueue(run)


def pause(run: ImportRun, reason: str = "", error_class: str = "") -> bool:
    """Asks the run to stop after the current page. A second press changes nothing."""
    asked = transition(run.pk, S.PAUSING, reason=reason, error_class=error_class)
    if asked:
        audit.write("paused", run=run, note=reason)
    settle(run.pk)
    return asked


def cancel(run: ImportRun) -> bool:
    asked = transition(run.pk, S.CANCELLING)
    if asked:
        audit.write("cancelled", run=run)
    settle(run.pk)
    return asked


# For each thing that may be asked of a run: the states in which it is asked for, or reached.
REACHED: dict[str, set[Any]] = {
    "pause": {S.PAUSING, S.PAUSED},
    "resume": set(ImportRun.WORKING),
    "cancel": {S.CANCELLING, S.CANCELLED},
}


def steer(run: ImportRun, what: str, *, by: str = "code") -> None:
    """Pause, resume or cancel, for HTTP and shell; a second press changes nothing.

    The run's status is read anew. Raises NothingToDo where the run's state leaves nothing to do.
    """
    if what == "resume":
        asked = run.status not in FINAL - {S.FAILED} and resume(run, by=by)
    else:
        asked = (pause if what == "pause" else cancel)(run)
    run.refresh_from_db(fields=["status"])
    if not asked and run.status not in REACHED[what]:
        instead = "; start a new import" if what == "resume" and run.status in FINAL else ""
        raise NothingToDo(f"Run {run.pk} {said(run.status)}: there is nothing to {what}{instead}.")


def settle(run_id: Any) -> None:
    """Complete `pausing` and `cancelling` once nobody is working on the run."""
    if not ImportRun.objects.filter(pk=run_id, status__in=(S.PAUSING, S.CANCELLING)).exists():
        return
    busy = ImportStep.objects.filter(run_id=run_id, lease_until__gt=timezone.now()).exclude(
        lease_token=""
    )
    if busy.exists():
        return
    cancelled = _give_up(run_id, S.CANCELLED, among={S.CANCELLING})
    if cancelled:
        # Nobody will read the client list that it kept for later.
        StagedPage.objects.filter(step__run_id=run_id).delete()
    if cancelled or transition(run_id, S.PAUSED):
        summary(run_id)


def fail(run_id: Any, reason: str, error_class: str) -> bool:
    """The run has failed, resumable. A proof that fails leaves the one before it standing."""
    failed = _give_up(run_id, S.FAILED, reason=reason, error_class=error_class)
    if failed:
        summary(run_id)
    return failed


def _give_up(run_id: Any, to: str, among: set[Any] | None = None, **fields: Any) -> bool:
    """End as `to`; a run that was being proven again gets back the name its last proof earned."""
    run = ImportRun.objects.get(pk=run_id)
    if not is_proven_again(run):
        return transition(run_id, to, among=among, **fields)
    with transaction.atomic():
        if not transition(run_id, _earned(run), among=among, **fields):
            return False
        run.steps.exclude(status="done").update(status="done", cursor={}, not_before=None)
    return True


def is_proven_again(run: ImportRun) -> bool:
    """Whether the run was finished before, so that all it can be doing is proving."""
    return CompletionEvent.objects.filter(run=run).exists()


def _earned(run: ImportRun) -> str:
    return S.COMPLETED_WITH_GAPS if run.gaps else S.COMPLETED


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
            run.gaps = [*run.gaps, as_json(UNVERIFIED)]
        among = TRANSITIONS[S.COMPLETED] - {S.CANCELLING}
        if not transition(run.pk, _earned(run), among=among, gaps=run.gaps):
            return False
        run.refresh_from_db()
        if is_proven_again(run):
            transaction.on_commit(lambda: summary(run.pk))
            return True
        event = events.AcuityImportCompleted.counting(
            in_log(stored(run)),
            tenant_id=str(run.account.tenant_id),
            run_id=str(run.pk),
            skipped=sum(rejected(run).values()),
            gaps=len(run.gaps),
            finished_at=run.finished_at or timezone.now(),
        )
        CompletionEvent.objects.create(run=run, payload=event.as_json())
        transaction.on_commit(
            lambda: events.acuity_import_completed.send_robust(sender=ImportRun, event=event)
        )
    summary(run.pk)
    return True
