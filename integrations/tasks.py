"""The chain as Celery sees it: each window a task of its own, handing the rest of the chain on."""

from typing import Any

from celery import Task, shared_task
from celery.exceptions import TaskPredicate
from celery.signals import beat_init, worker_init, worker_ready
from django.db import close_old_connections

from integrations import logs
from integrations.acuity.errors import Unforeseen
from integrations.acuity.runs import (
    control,
    dry_runs,
    exports,
    messages,
    outages,
    retry,
    stalls,
    troubles,
    window,
)
from integrations.acuity.runs.states import said
from integrations.acuity.steps import STEPS
from integrations.acuity.sync import (
    completed,  # noqa: F401 - receives what a run tells when it completes
    plans,
    refresh,
)
from integrations.checks import values
from integrations.models import ImportRun
from integrations.notices import watch
from integrations.privacy import retention


class Discreet(Task[Any, Any]):
    """What it fails with reaches logs, events and results: the error's class and place, no value.

    An outage of the database is waited out, so whatever a task does must be safe to do again.
    """

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        # One that is kept from task to task may have been lost meanwhile.
        if not self.request.is_eager:
            close_old_connections()
        try:
            return outages.outlast(lambda: self.run(*args, **kwargs))
        except TaskPredicate:
            raise
        except Exception as error:
            told = Unforeseen(type(error).__name__, logs.place(error))
        raise told


class WindowTask(Discreet):
    abstract = True

    def on_failure(
        self, exc: BaseException, task_id: str, args: Any, kwargs: dict[str, Any], einfo: Any
    ) -> None:
        troubles.crashed(kwargs["run"], exc)


def _window(task: Task[Any, Any], resource: str, run: str, version: int | None) -> str:
    outcome = window.run_window(run, resource, version)
    if outcome.kind == "more":
        row = ImportRun.objects.get(pk=run)
        messages.send(
            messages.window(resource, row, outcome.offset, outcome.version),
            run,
            chain=task.request.chain,
            root_id=task.request.root_id,
            parent_id=task.request.id,
        )
    if outcome.kind != "done":
        # The rest of the chain went with the next window, or will be made anew from the rows.
        task.request.chain = None
    return outcome.text


def _step(resource: str) -> Any:
    @shared_task(bind=True, base=WindowTask, name=STEPS[resource].task)
    def window(self: Task[Any, Any], run: str, offset: int, limit: int, version: int | None) -> str:
        return _window(self, resource, run, version)

    return window


windows = [_step(resource) for resource in STEPS]


@shared_task(base=Discreet, name="acuity.finish")
def finish(run: str) -> str:
    control.finish(run)
    return f"the run {said(ImportRun.objects.values_list('status', flat=True).get(pk=run))}"


# Sweeps are many and seldom find anything: Flower shows what they send, not them.
@shared_task(base=Discreet, name="acuity.resume_stalled", send_events=False)
def resume_stalled() -> int:
    for key in dry_runs.overdue():
        messages.send_dry_run(key)
    for key in exports.overdue():
        messages.send_export(key)
    for key in retry.overdue():
        messages.send_retry(key)
    return len(stalls.resume_stalled())


@shared_task(base=Discreet, name="acuity.dry_run")
def dry_run(key: str) -> str:
    return dry_runs.perform(key)


@shared_task(base=Discreet, name="acuity.export")
def export(key: str) -> str:
    return exports.perform(key)


@shared_task(base=Discreet, name="acuity.retry_rejected")
def retry_rejected(run: str) -> str:
    return retry.perform(run)


@shared_task(base=Discreet, name="acuity.refresh_appointment")
def refresh_appointment(account: int, appointment: str) -> str:
    return refresh.perform(account, appointment)


@shared_task(base=Discreet, name="acuity.resend_refreshes", send_events=False)
def resend_refreshes() -> int:
    late = refresh.overdue()
    for account, appointment in late:
        messages.send_refresh(account, appointment)
    return len(late)


@shared_task(base=Discreet, name="acuity.begin_planned", send_events=False)
def begin_planned() -> int:
    return len(plans.begin_due())


@shared_task(base=Discreet, name="acuity.send_notices", send_events=False)
def send_notices() -> int:
    return watch.look()


@shared_task(base=Discreet, name="acuity.prune")
def prune() -> str:
    gone = retention.prune()
    return f"deleted: {', '.join(f'{n} {name}' for name, n in gone.items())}"


@worker_init.connect
@beat_init.connect
def refuse_bad_settings(**_: Any) -> None:
    values.refuse()


@worker_init.connect
def load_before_the_pool(**_: Any) -> None:
    """What each import uses, and no start: the processes of the pool share it."""
    import phonenumbers  # noqa: F401

    from integrations.acuity.source import outgoing  # noqa: F401


@worker_ready.connect
def look_once_at_start(**_: Any) -> None:
    """A worker that starts looks for runs that stopped with the one before it."""
    resume_stalled.apply_async(retry=False)
