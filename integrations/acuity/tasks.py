"""The chain as Celery sees it: each window a task of its own, handing the rest of the chain on."""

from typing import Any

from celery import Task, chain, current_app, shared_task
from celery.signals import worker_ready

from integrations.acuity import events, importer, runs
from integrations.models import ImportRun

NAMES = {
    "account": "acuity.begin",
    "clients": "acuity.import_clients",
    "appointments": "acuity.import_appointments",
    "payments": "acuity.import_payments",
    "verify": "acuity.verify",
}


def send_chain(run_id: str) -> None:
    """Send what is left of the run, computed from its steps. A broker that is down costs nothing:
    the reaper sends it again."""
    run = ImportRun.objects.get(pk=run_id)
    left = run.steps.exclude(status="done")
    links = [
        _signature(step.resource, run, step.offset, step.version if n == 0 else None)
        for n, step in enumerate(left)
    ]
    try:
        chain(*links, finish.si(run=run_id)).apply_async()
    except finish.app.connection_for_write().recoverable_connection_errors as error:
        events.log("acuity_send_failed", run=run_id, error=type(error).__name__)


def _signature(resource: str, run: ImportRun, offset: int, version: int | None) -> Any:
    kwargs = {"run": str(run.pk), "offset": offset, "limit": run.page_limit, "version": version}
    shown = {"run": str(run.pk)[:8], "offset": offset, "limit": run.page_limit}
    task = current_app.tasks[NAMES[resource]]
    return task.signature(kwargs=kwargs, immutable=True, kwargsrepr=repr(shown))


def _window(task: Task, resource: str, run: str, version: int | None) -> str:
    outcome = importer.run_window(run, resource, version)
    if outcome.kind == "more":
        row = ImportRun.objects.get(pk=run)
        _signature(resource, row, outcome.offset, outcome.version).apply_async(
            chain=task.request.chain,
            root_id=task.request.root_id,
            parent_id=task.request.id,
        )
    if outcome.kind != "done":
        # The rest of the chain went with the next window, or will be made anew from the rows.
        task.request.chain = None
    return outcome.text


def _step(resource: str) -> Any:
    @shared_task(bind=True, name=NAMES[resource])
    def window(self: Task, run: str, offset: int, limit: int, version: int | None) -> str:
        return _window(self, resource, run, version)

    return window


begin, import_clients, import_appointments, import_payments, verify = map(_step, NAMES)


@shared_task(name="acuity.finish")
def finish(run: str) -> str:
    return "finished" if runs.finish(run) else "not finished"


@shared_task(name="acuity.resume_stalled")
def resume_stalled() -> int:
    return len(runs.resume_stalled())


@worker_ready.connect
def look_once_at_start(**_: Any) -> None:
    """A worker that starts looks for runs that stopped with the one before it."""
    resume_stalled.apply_async(retry=False)
