"""How is one page worked through? Fetched, then one transaction of its rows and the checkpoint."""

import time
from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.utils import timezone

from integrations.acuity import errors
from integrations.acuity.reading.stored import as_json
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.base import Context, Fetched
from integrations.acuity.resources.scope import Position
from integrations.acuity.runs import control, leases, lines
from integrations.acuity.runs.tuning import Tuning
from integrations.acuity.source.client import Tally
from integrations.acuity.steps import STEPS
from integrations.acuity.store.bulk import analyze, relax_durability
from integrations.acuity.store.upsert import Counts
from integrations.models import ImportRun, ImportStep, PageFetch

MOST_REJECTS = 0.2
FEW_REJECTS = 5
# From here on, each time the rows of a step are four times as many.
GROWN = 500


class Stale(Exception):
    """The step moved on without us; nothing was written."""


def process_page(context: Context, run: ImportRun, step: ImportStep, token: str) -> Fetched:
    """One page from where `step` stands, committed; then it stands behind it. Raises Stale if it moved
    on meanwhile."""
    started = time.monotonic()
    client = context.source.client
    context.position = _position(run, step)
    page = STEPS[step.resource].fetch(context)
    answered, saving = context.source.slowest(), time.monotonic()
    if not page.done and not page.size and as_json(page.cursor) == step.cursor:
        raise errors.Stalled(f"{step.resource} at offset {step.offset}")
    spent, client.tally = client.tally, Tally()
    with transaction.atomic():
        relax_durability()
        _hold(step, token)
        counts = STEPS[step.resource].save(context, page)
        moved = _checkpoint(run, step, token, page, counts, spent, started)
        PageFetch.objects.create(
            run=run,
            resource=step.resource,
            offset=step.offset,
            limit=context.position.limit,
            count=page.size,
            requests=spent.requests,
            throttled=spent.throttled,
            elapsed_ms=int((time.monotonic() - started) * 1000),
            **asdict(counts),
        )
        context.source.parse_prefetched()
    if resource := RESOURCES.get(step.resource):
        lines.page(resource.log, step, page, answered, time.monotonic() - saving)
        if grown(step.created, step.created + counts.created):
            analyze(resource.model)
    _watch_rejects(run, step, page, counts)
    for name, value in moved.items():
        setattr(step, name, value)
    return page


def _position(run: ImportRun, step: ImportStep) -> Position:
    return Position(
        cursor=step.cursor,
        offset=step.offset,
        total=step.total,
        limit=run.page_limit,
        listing=Tuning.of(run.tuning).listing,
        unchanged=step.created + step.updated + step.rejected == 0,
        step=step.pk,
    )


def grown(before: int, after: int) -> bool:
    """Whether so many rows were added since the last time that a planner should know."""
    steps = (GROWN * 4**n for n in range(12))
    return any(before < mark <= after for mark in steps)


def _watch_rejects(run: ImportRun, step: ImportStep, page: Fetched, counts: Counts) -> None:
    """So many bad records mean that the source changed, and that a person should look."""
    rejected, read = step.rejected + counts.rejected, step.offset + page.size
    if run.accept_rejects or rejected <= max(MOST_REJECTS * read, FEW_REJECTS):
        return
    reason = (
        f"{rejected} of {read} {step.resource} could not be read: the source has probably changed."
        " Look at the rejected records; resume to go on all the same."
    )
    control.pause(run, reason, control.TOO_MANY_REJECTS)


def _hold(step: ImportStep, token: str) -> None:
    """Lock the row first, so that a rival waits and then finds it moved. Raises Stale if it was."""
    mine = ImportStep.objects.filter(pk=step.pk, version=step.version, lease_token=token)
    if not mine.select_for_update().values_list("pk").first():
        raise Stale


def _checkpoint(
    run: ImportRun,
    step: ImportStep,
    token: str,
    page: Fetched,
    counts: Counts,
    spent: Tally,
    started: float,
) -> dict[str, Any]:
    """Position and counters move together, and only from the version that was read: so they are what
    was read, and what this page adds. What is written, by field."""
    now = timezone.now()
    moved = {
        "version": step.version + 1,
        "cursor": as_json(page.cursor),
        "offset": step.offset + page.size,
        "total": page.total if page.total is not None else step.total,
        "fetched": step.fetched + (page.size if page.fetched is None else page.fetched),
        **{name: getattr(step, name) + n for name, n in asdict(counts).items()},
        "requests": step.requests + spent.requests,
        "retries": step.retries + spent.retries,
        "throttled": step.throttled + spent.throttled,
        "active_ms": step.active_ms + int((time.monotonic() - started) * 1000),
        "status": "done" if page.done else "running",
        "attempts": 0,
        "deaths": 0,
        "waiting_for": "",
        "failing_since": None,
        "heartbeat_at": now,
        "lease_until": now + leases.LEASE,
    }
    mine = ImportStep.objects.filter(pk=step.pk, version=step.version, lease_token=token)
    if not mine.update(**moved):
        raise Stale
    if page.gaps:
        run.gaps = [*run.gaps, *(gap for gap in as_json(page.gaps) if gap not in run.gaps)]
        ImportRun.objects.filter(pk=run.pk).update(gaps=run.gaps)
    return moved
