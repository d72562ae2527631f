"""How is work sent? Messages by name, so that nobody who sends needs to import a task."""

from typing import Any

from celery import chain, current_app, signature
from kombu.exceptions import OperationalError

from integrations.acuity import events
from integrations.acuity.resources import RESOURCES
from integrations.acuity.steps import STEPS
from integrations.models import ImportRun

REFRESH_SECONDS = 1


def broker_in_memory() -> bool:
    """Whether messages reach nobody but this process."""
    return str(current_app.conf.broker_write_url or "").startswith("memory")


def broker_trouble() -> str:
    """The class of what keeps the broker from being reached; nothing if it is."""
    if broker_in_memory():
        return ""
    redis = str(current_app.conf.broker_write_url or "").startswith("redis")
    # One that takes the connection and then says nothing would be waited for as long as work may wait.
    briefly = dict.fromkeys(("socket_timeout", "socket_connect_timeout"), 2) if redis else {}
    try:
        with current_app.connection_for_write(
            connect_timeout=1, transport_options=briefly
        ) as broker:
            broker.ensure_connection(max_retries=0, timeout=2)
    except (OperationalError, OSError) as error:
        return type(error).__name__
    return ""


def queued() -> int:
    """How many messages no worker has taken yet; 0 where the broker does not say."""
    if broker_in_memory():
        return 0
    with current_app.connection_for_write(connect_timeout=1) as broker:
        unsaid: Any = (*broker.connection_errors, *broker.channel_errors)
        try:
            channel: Any = broker.channel()
            queue = current_app.conf.task_default_queue
            return int(channel.queue_declare(queue, passive=True).message_count)
        except (OperationalError, *unsaid):
            return 0


def send_chain(run_id: str) -> None:
    """Send what is left of the run, computed from its steps."""
    run = ImportRun.objects.get(pk=run_id)
    left = run.steps.exclude(status="done")
    links = [
        window(step.resource, run, step.offset, step.version if n == 0 else None)
        for n, step in enumerate(left)
    ]
    send(chain(*links, finish(run_id)), run_id)


def send(message: Any, run_id: str, **options: Any) -> None:
    """A broker that is down costs nothing but time: the reaper sends again what it did not take."""
    try:
        message.apply_async(**options)
    except OperationalError as error:
        events.log("acuity_send_failed", run=run_id, error=type(error).__name__)


def window(resource: str, run: ImportRun, offset: int, version: int | None) -> Any:
    """The message for the next window of `resource`."""
    kwargs = {"run": str(run.pk), "offset": offset, "limit": run.page_limit, "version": version}
    # A dict literal, so that Flower's search `kwargs:run=…` finds exactly this run.
    shown: dict[str, Any] = {"run": str(run.pk), "step": resource, "offset": offset}
    if resource in RESOURCES and RESOURCES[resource].sized:
        shown["limit"] = run.page_limit
    return _message(STEPS[resource].task, kwargs, shown)


def finish(run_id: str) -> Any:
    """The message that closes the run."""
    return _message("acuity.finish", {"run": run_id}, {"run": run_id})


def send_refresh(account: int, appointment: str) -> None:
    """A moment later, so that `changed` right after `scheduled` is the same read."""
    kwargs = {"account": account, "appointment": appointment}
    message = _message("acuity.refresh_appointment", kwargs, kwargs)
    send(message, f"refresh-{appointment}", countdown=REFRESH_SECONDS)


def send_dry_run(key: str) -> None:
    """The message that has a dry run done."""
    send(_message("acuity.dry_run", {"key": key}, {"dry_run": key}), key)


def send_export(key: str) -> None:
    """The message that has an export made."""
    send(_message("acuity.export", {"key": key}, {"export": key}), key)


def send_retry(run_id: str) -> None:
    """The message that has a run's rejected records tried again."""
    send(_message("acuity.retry_rejected", {"run": run_id}, {"run": run_id}), run_id)


def _message(task: str, kwargs: dict[str, Any], shown: dict[str, Any]) -> Any:
    return signature(task, kwargs=kwargs, immutable=True, kwargsrepr=repr(shown))
