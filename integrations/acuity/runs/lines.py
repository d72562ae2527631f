"""What does an import tell the log? Every line, word for word."""

from typing import Any

from integrations.acuity import events
from integrations.acuity.resources import OPTIONS, RESOURCES
from integrations.acuity.resources.base import Fetched, Log
from integrations.acuity.resources.scope import CHOICE, Scope
from integrations.acuity.runs import results
from integrations.models import ImportRun, ImportStep


def started(run: ImportRun, step: ImportStep) -> None:
    """The first line of a run, and of each time that it is resumed; a run that goes on has had it."""
    fresh = ImportRun.objects.filter(pk=run.pk, announced=False)
    if run.announced or not fresh.update(announced=True):
        return
    names = set(run.steps.values_list("resource", flat=True))
    first = not run.resumed and step.position == 0
    events.log(
        "acuity_import_started",
        tenant=run.account.tenant_id,
        run=run.pk,
        account=run.account_id,
        min_date=run.min_date,
        max_date=run.max_date,
        cursor="start" if first else f"{step.resource}:{step.offset}",
        only=",".join(name for name in RESOURCES if name in names),
        page_limit="auto" if run.auto_page_limit else run.page_limit,
        **{option: getattr(run, f"{option}{CHOICE}") for option in OPTIONS},
        verify="verify" in names,
        rps=Scope.of(run).requests_per_second or None,
        resumed=run.resumed,
        by=run.started_by,
    )


def page(log: Log, step: ImportStep, page: Fetched, answered: float, saved: float) -> None:
    """A page that was committed, and how far the step is, each `log.every` of its records.

    `answered` and `saved` are seconds: the slowest of the page's answers, and its transaction.
    """
    events.log(
        f"acuity_{log.page}_page",
        run=step.run_id,
        offset=step.offset,
        count=page.size if page.listed is None else page.listed,
        **({"day": page.day} if page.day else {}),
        elapsed_ms=round(answered * 1000),
        save_ms=round(saved * 1000),
    )
    reached = step.offset + page.size
    for n in range(step.offset // log.every + 1, reached // log.every + 1):
        events.log(f"acuity_{log.progress}_progress", run=step.run_id, processed=n * log.every)


def waiting(run: ImportRun, seconds: int, error: Exception) -> None:
    events.log("acuity_import_waiting", run=run.pk, seconds=seconds, error=type(error).__name__)


def summary(run_id: Any) -> None:
    """The last line of a run, whatever became of it."""
    run = ImportRun.objects.select_related("account").get(pk=run_id)
    facts = results.result(run)
    events.log(
        "acuity_import_summary",
        run=run.pk,
        tenant=facts.tenant,
        status=run.status,
        **in_log({name: counts.stored for name, counts in facts.resources.items()}),
        skipped=sum(counts.rejected for counts in facts.resources.values()),
        gaps=len(run.gaps),
        requests=facts.requests,
    )


def not_started(error: str) -> None:
    """The only line of an import that was refused before there was a run."""
    nothing = in_log(dict.fromkeys(RESOURCES, 0))
    counts = {**nothing, "skipped": 0, "gaps": 0, "requests": 0}
    events.log("acuity_import_summary", status="not_started", error=error, **counts)


def in_log(rows: dict[str, int]) -> dict[str, int]:
    """Counts by resource under the names that log lines and events use."""
    logs = {name: RESOURCES[name].log for name in rows}
    return {logs[name].progress: count for name, count in rows.items() if logs[name].summed}
