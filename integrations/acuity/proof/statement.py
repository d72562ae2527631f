"""What did the proof show? Each resource's scope and gaps, and whether all of them agree."""

from typing import Any

import msgspec
from django.utils import timezone

from integrations.acuity.proof import digests
from integrations.acuity.reading.findings import NAMED, Gap, named
from integrations.acuity.reading.stored import as_json
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.base import Context, many
from integrations.models import RejectedRecord


def conclude(context: Context, inner: dict[str, dict[str, Any]]) -> None:
    """Replace the run's statement, in one update, by what this proof has found.

    `inner` is where the proof of each resource ended, by name.
    """
    said = {
        name: resource.statement(context, inner.get(name, {}))
        for name, resource in RESOURCES.items()
        if name in context.scope.resources
    }
    rejected = _rejected(context)
    for name, part in said.items():
        untold = part.scope.keys() & {"not_asked", "unproven"}
        # Nothing is known against a list whose end nobody can tell, and nothing for it.
        part.scope["verified"] = (
            False if part.gaps or name in rejected else None if untold else True
        )
    gaps = [gap for part in said.values() for gap in part.gaps] + list(rejected.values())
    fields: dict[str, Any] = {
        "scope": {name: part.scope for name, part in said.items()},
        "coverage": as_json({k: v for part in said.values() for k, v in part.coverage.items()}),
        "differences": as_json([row for part in said.values() for row in part.differences]),
        "ignored_parameters": sorted({name for part in said.values() for name in part.ignored}),
        "gaps": as_json(gaps),
        "verified": not gaps,
        "verified_at": timezone.now(),
        "digests": msgspec.to_builtins(
            digests.stored(context.scope.extent, said, context.identity.decimals)
        ),
    }
    context.scope.runs.update(**fields)


def _rejected(context: Context) -> dict[str, Gap]:
    """What this run could not read, by resource."""
    rows = RejectedRecord.objects.filter(run__in=context.scope.runs, resolved_at=None)
    found: dict[str, list[str]] = {}
    for name, key in rows.order_by("pk").values_list("resource", "external_id"):
        found.setdefault(name, []).append(key)
    return {name: _of_rejects(name, keys) for name, keys in sorted(found.items())}


def _of_rejects(name: str, keys: list[str]) -> Gap:
    ids = [key for key in keys if key]
    what = f"{many(len(keys), 'record')} of {name}{named(ids)} that could not be read"
    reason = f"{what}; see the rejected records."
    return Gap("rejected", reason, resource=name, missing=len(keys), ids=ids[:NAMED] or None)
