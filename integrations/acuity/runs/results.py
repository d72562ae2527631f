"""What has a run brought in? As JSON."""

from typing import Any

from django.utils import timezone

from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.scope import Scope
from integrations.models import ImportRun


def stored(run: ImportRun) -> dict[str, int]:
    """How many rows the run's window now has in the database, by resource."""
    scope = Scope.of(run)
    return {name: resource.stored(scope) for name, resource in RESOURCES.items()}


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
    for name in RESOURCES:
        counts = {n: getattr(steps[name], n) if name in steps else 0 for n in names}
        answer[name] = {"fetched": counts.pop("fetched"), "stored": rows[name], **counts}
    answer |= {
        "scope": run.scope,
        "ignored_parameters": run.ignored_parameters,
        "gaps": run.gaps,
        "differences": run.differences,
        "requests": sum(step.requests for step in steps.values()),
        "retries": sum(step.retries for step in steps.values()),
        "throttled": sum(step.throttled for step in steps.values()),
        "elapsed_s": round((end - (run.started_at or run.created_at)).total_seconds(), 1),
        "resumed": run.resumed,
    }
    return answer
