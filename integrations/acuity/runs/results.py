"""What has a run brought in? The numbers that page, terminal, JSON and log show."""

from typing import Any

from django.db.models import Count
from django.utils import timezone

from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.scope import Scope
from integrations.models import ImportRun, ImportStep


def stored(run: ImportRun) -> dict[str, int]:
    """How many rows the run's window now has in the database, by resource."""
    scope = Scope.of(run)
    return {name: resource.stored(scope) for name, resource in RESOURCES.items()}


def gone(run: ImportRun) -> dict[str, int | None]:
    """How many rows of the run's window the source no longer has; None where it never says so."""
    scope = Scope.of(run)
    return {name: resource.gone(scope) for name, resource in RESOURCES.items()}


def rejected(run: ImportRun) -> dict[str, int]:
    """How many records, seen last by this run, are still rejected, by resource; each once."""
    rows = run.rejects.filter(resolved_at=None).values_list("resource")
    return dict(rows.annotate(n=Count("pk")).order_by("resource"))


def counts(run: ImportRun, steps: dict[str, ImportStep]) -> dict[str, dict[str, int]]:
    """What each resource has stored, and what this run did for it. `steps` by resource."""
    rows, refused = stored(run), rejected(run)
    passed = ("created", "updated", "restated", "unchanged")
    return {
        name: {
            "fetched": steps[name].fetched if name in steps else 0,
            "stored": rows[name],
            **{n: getattr(steps[name], n) if name in steps else 0 for n in passed},
            "rejected": refused.get(name, 0),
        }
        for name in RESOURCES
    }


def result(run: ImportRun) -> dict[str, Any]:
    """The run as contract.md's JSON has it."""
    steps = {step.resource: step for step in run.steps.all()}
    end = run.finished_at or timezone.now()
    answer: dict[str, Any] = {
        "run": str(run.pk),
        "tenant": str(run.account.tenant_id),
        "status": run.status,
        "verified": run.verified,
    }
    answer |= counts(run, steps)
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
