"""Which runs are there, and which one is meant?"""

import contextlib
import uuid
from typing import Any

from django.db.models import Max

from integrations.acuity.errors import ConfigurationError
from integrations.models import AcuityAccount, ImportRun


class UnknownRun(ConfigurationError):
    """No run has this ID."""


def find(value: str) -> ImportRun:
    """The run with this ID. Raises UnknownRun, which says where the runs are listed."""
    with contextlib.suppress(ValueError):
        rows = ImportRun.objects.select_related("account__tenant")
        if run := rows.filter(pk=uuid.UUID(value)).first():
            return run
    raise UnknownRun(f"There is no run {value}; acuity_runs lists them.")


def runs(account: AcuityAccount | None = None, *, active: bool = False) -> list[dict[str, Any]]:
    """The newest first; `gaps` is how many there are. Times are ISO 8601, in UTC."""
    rows = ImportRun.objects.select_related("account").order_by("-created_at", "pk")
    if account:
        rows = rows.filter(account=account)
    if active:
        rows = rows.filter(status__in=ImportRun.ACTIVE)
    return [
        {
            "run": str(run.pk),
            "tenant": str(run.account.tenant_id),
            "account": run.account_id,
            "status": run.status,
            "created_at": run.created_at.isoformat(),
            "finished_at": run.finished_at.isoformat() if run.finished_at else None,
            "gaps": len(run.gaps),
        }
        for run in rows.defer("coverage", "differences", "tuning")
    ]


def accounts() -> list[dict[str, Any]]:
    """Each account with its newest run and the time of its last proof; never a key."""
    rows = AcuityAccount.objects.select_related("tenant").defer("api_key").order_by("pk")
    found = []
    for account in rows.annotate(proven=Max("runs__verified_at")):
        last = account.runs.order_by("-created_at").first()
        found.append(
            {
                "account": account.pk,
                "tenant": str(account.tenant_id),
                "name": str(account),
                "timezone": account.timezone,
                "last_run": str(last.pk) if last else None,
                "last_proof": account.proven.isoformat() if account.proven else None,
            }
        )
    return found
