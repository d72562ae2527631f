"""The chain as Celery sees it: each window a task of its own, handing the rest of the chain on."""

from typing import Any

from celery import Task, chain, current_app, shared_task
from celery.signals import worker_ready
from kombu.exceptions import OperationalError

from integrations.acuity import events, importer, refresh, runs, stalls
from integrations.acuity.resources import STEPS
from integrations.models import ImportRun

REFRESH_SECONDS = 1


def send_chain(run_id: str) -> None:
    """Send what is left of the run, computed from its steps."""
    run = ImportRun.objects.get(pk=run_id)
    left = run.steps.exclude(status="done")
    links = [
        _signature(step.resource, run, step.offset, step.version if n == 0 else None)
        for n, step in enumerate(left)
    ]
    last = finish.si(run=run_id).set(kwargsrepr=repr({"run": run_id[:8]}))
    _send(chain(*links, last), run_id)


def _send(signature: Any, run_id: str, **options: Any) -> None:
    """A broker that is down costs nothing but time: the reaper sends again what it did not take."""
    try:
        signature.apply_async(**options)
    except OperationalError as error:
        events.log("acuity_send_failed", run=run_id, error=type(error).__name__)


def _signature(resource: str, run: ImportRun, offset: int, version: int | None) -> Any:
    kwargs = {"run": str(run.pk), "offset": offset, "limit": run.page_limit, "version": version}
    # A dict literal, so that Flower's search `kwargs:run=1a2b3c4d` finds exactly this run.
    shown = {"run": str(run.pk)[:8], "offset": offset, "limit": run.page_limit}
    task = current_app.tasks[STEPS[resource].task]
    return task.signature(kwargs=kwargs, immutable=True, kwargsrepr=repr(shown))


class WindowTask(Task):
    def on_failure(
        self, exc: BaseException, task_id: str, args: Any, kwargs: dict[str, Any], einfo: Any
    ) -> None:
        importer.crashed(kwargs["run"], exc)


def _window(task: Task, resource: str, run: str, version: int | None) -> str:
    outcome = importer.run_window(run, resource, version)
    if outcome.kind == "more":
        row = ImportRun.objects.get(pk=run)
        _send(
            _signature(resource, row, outcome.offset, outcome.version),
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
    def window(self: Task, run: str, offset: int, limit: int, version: int | None) -> str:
        return _window(self, resource, run, version)

    return window


windows = [_step(resource) for resource in STEPS]


@shared_task(name="acuity.finish")
def finish(run: str) -> str:
    return "finished" if runs.finish(run) else "not finished"


@shared_task(name="acuity.resume_stalled")
def resume_stalled() -> int:
    return len(stalls.resume_stalled())


@shared_task(name="acuity.refresh_appointment")
def refresh_appointment(account: int, appointment: str) -> str:
    return refresh.perform(account, appointment)


@shared_task(name="acuity.resend_refreshes")
def resend_refreshes() -> int:
    late = refresh.overdue()
    for account, appointment in late:
        send_refresh(account, appointment)
    return len(late)


def send_refresh(account: int, appointment: str) -> None:
    """A moment later, so that `changed` right after `scheduled` is the same read."""
    kwargs = {"account": account, "appointment": appointment}
    _send(refresh_appointment.si(**kwargs), f"refresh-{appointment}", countdown=REFRESH_SECONDS)


@worker_ready.connect
def look_once_at_start(**_: Any) -> None:
    """A worker that starts looks for runs that stopped with the one before it."""
    resume_stalled.apply_async(retry=False)
