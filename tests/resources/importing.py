"""A small account, imported window by window in this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from integrations.acuity.accounts import find
from integrations.acuity.runs import control, window
from integrations.acuity.sandbox import Sandbox, SandboxOptions, make_account
from integrations.models import ImportRun


@contextmanager
def small_box(settings: Any, **options: Any) -> Iterator[Sandbox]:
    settings.ACUITY_REQUESTS_PER_SECOND = 0
    account = make_account(clients=12, appointments=40, months=2)
    with Sandbox(account, SandboxOptions(**options)) as box:
        yield box


def import_all(box: Sandbox, **options: Any) -> ImportRun:
    """The run, when there is nothing left to do for it."""
    account = find.ensure(box.options.user_id, box.options.api_key, box.base_url)
    return work(control.start(account, send=False, **options))


def prove_again(run: ImportRun) -> ImportRun:
    control.verify(ImportRun.objects.get(pk=run.pk), send=False)
    return work(run)


def work(run: ImportRun) -> ImportRun:
    while step := control.current_step(run.pk):
        outcome = window.run_window(str(run.pk), step.resource, step.version)
        assert outcome.kind != "stop", outcome.text
    control.finish(run.pk)
    run.refresh_from_db()
    return run
