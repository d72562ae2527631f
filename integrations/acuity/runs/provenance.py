"""From which import are a business's rows, and what was proven of it?"""

from typing import Any

from django.utils import timezone

from bookings.models import Tenant
from integrations.acuity.proof.headline import headline
from integrations.models import ImportRun

DONE = (ImportRun.Status.COMPLETED, ImportRun.Status.COMPLETED_WITH_GAPS)


def of(tenant: Tenant) -> dict[str, Any]:
    """As of now: each account's last finished run and what may be said of it; whether all of those
    are verified."""
    imports = []
    for account in tenant.acuity_accounts.order_by("pk"):
        runs = account.runs.filter(status__in=DONE).order_by("-finished_at")
        imports.append(_import(str(account), runs.first()))
    return {
        "account": ", ".join(each["account"] for each in imports),
        "run": imports[0]["run"] if len(imports) == 1 else None,
        "as_of": timezone.now().isoformat(timespec="seconds"),
        "verified": bool(imports) and all(each["verified"] for each in imports),
        "imports": imports,
    }


def _import(account: str, run: ImportRun | None) -> dict[str, Any]:
    if run is None:
        return {"account": account, "run": None, "verified": False}
    return {
        "account": account,
        "run": str(run.pk),
        "verified": run.verified,
        "verified_at": run.verified_at.isoformat(timespec="seconds") if run.verified_at else None,
        "min_date": run.min_date.isoformat() if run.min_date else None,
        "max_date": run.max_date.isoformat() if run.max_date else None,
        "proof": headline(run.scope, run.verified),
    }
