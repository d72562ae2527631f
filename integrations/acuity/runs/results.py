"""What has a run brought in? The numbers that page, terminal, JSON and log show."""

from typing import Any

import msgspec
from django.db.models import Count
from django.utils import timezone

from integrations.acuity.reading.stored import as_json
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.scope import Scope
from integrations.models import ImportRun, ImportStep


class Counts(msgspec.Struct, frozen=True):
    """What a run did for a resource, in records; `stored` is how many its window has now."""

    fetched: int
    stored: int
    created: int
    updated: int
    restated: int
    unchanged: int
    rejected: int


class Result(msgspec.Struct, frozen=True):
    """What a run has brought in, and how. `resources` by name, `gaps` and the like as they are stored."""

    run: str
    tenant: str
    status: str
    verified: bool
    resources: dict[str, Counts]
    scope: dict[str, Any]
    ignored_parameters: list[str]
    gaps: list[dict[str, Any]]
    differences: list[dict[str, Any]]
    requests: int
    retries: int
    throttled: int
    elapsed_s: float
    resumed: int

    def as_json(self) -> dict[str, Any]:
        """As `--json` and HTTP have it."""
        return flattened(self)


def flattened(value: msgspec.Struct) -> dict[str, Any]:
    """As JSON, in which each of its `resources` stands under its own name, beside the other fields."""
    whole: dict[str, Any] = {}
    for name, part in as_json(value).items():
        whole |= part if name == "resources" else {name: part}
    return whole


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


def counts(run: ImportRun, steps: dict[str, ImportStep]) -> dict[str, Counts]:
    """What each resource has stored, and what this run did for it. `steps` by resource."""
    rows, refused, nothing = stored(run), rejected(run), ImportStep()
    return {
        name: Counts(
            fetched=(step := steps.get(name, nothing)).fetched,
            stored=rows[name],
            created=step.created,
            updated=step.updated,
            restated=step.restated,
            unchanged=step.unchanged,
            rejected=refused.get(name, 0),
        )
        for name in RESOURCES
    }


def result(run: ImportRun) -> Result:
    """The run as it is now."""
    steps = {step.resource: step for step in run.steps.all()}
    end = run.finished_at or timezone.now()
    return Result(
        run=str(run.pk),
        tenant=str(run.account.tenant_id),
        status=run.status,
        verified=run.verified,
        resources=counts(run, steps),
        scope=run.scope,
        ignored_parameters=run.ignored_parameters,
        gaps=run.gaps,
        differences=run.differences,
        requests=sum(step.requests for step in steps.values()),
        retries=sum(step.retries for step in steps.values()),
        throttled=sum(step.throttled for step in steps.values()),
        elapsed_s=round((end - (run.started_at or run.created_at)).total_seconds(), 1),
        resumed=run.resumed,
    )
