"""May a proof lean on an earlier one? For some days, if nothing is otherwise than it was then."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from integrations.acuity.resources.base import Context
from integrations.models import ImportStep

# What the import saw is the state of the account for so long.
RECENT = timedelta(minutes=15)
# For so long a proof may lean on an earlier one's differently cut questions, if nothing changed.
CUT_HOLDS = timedelta(days=7)
# So many earlier proofs are looked at.
LOOKED_AT = 20


def is_recent(moment: str | None) -> bool:
    """Whether this moment, in ISO format, is within `RECENT`; one that nobody wrote down is not."""
    return bool(moment) and datetime.fromisoformat(str(moment)) >= timezone.now() - RECENT


def just_listed(context: Context, name: str, stored: int | None = None) -> ImportStep | None:
    """This run's import of a list, if it is recent and read every row; and, if that is asked, if as
    many as are `stored`."""
    step = context.scope.imported.get(name)
    if not step or step.status != "done" or step.rejected or not step.cursor.get("digest"):
        return None
    if stored is not None and (step.cursor.get("listed") != stored or step.cursor.get("ignored")):
        return None
    return step if is_recent(step.cursor.get("read_at")) else None


def held(context: Context, name: str, stored: Callable[[], int]) -> dict[str, Any]:
    """Where an earlier proof of a list stood, and since when it `held`, if that was the very list which
    this run has just imported and found to be the rows `stored`; nothing if there was none."""
    step = just_listed(context, name)
    if not step or step.created or step.updated or step.unchanged != stored():
        return {}
    wanted = step.cursor["digest"]
    for at, had in _proofs(context, name):
        if had.get("proven") == wanted:
            return had | {"held": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
    return {}


def _proofs(context: Context, name: str) -> Iterator[tuple[datetime, dict[str, Any]]]:
    """When runs of the same days were proven, and where the resource's proof stood, latest first."""
    period = context.scope.period
    steps = ImportStep.objects.filter(
        resource="verify",
        run__account=context.account,
        run__verified=True,
        run__verified_at__gte=timezone.now() - CUT_HOLDS,
        run__min_date=period.first,
        run__max_date=period.last,
    )
    steps = steps.exclude(run__in=context.scope.runs).order_by("-run__verified_at")
    for at, cursor in steps.values_list("run__verified_at", "cursor")[:LOOKED_AT]:
        if at:
            yield at, cursor.get("inner", {}).get(name, {})
