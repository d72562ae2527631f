"""From which import are an account's rows, and what was proven of it?"""

from typing import Any

from django.utils import timezone

from integrations.acuity.proof.headline import headline
from integrations.models import AcuityAccount, ImportRun

DONE = (ImportRun.Status.COMPLETED, ImportRun.Status.COMPLETED_WITH_GAPS)


def of(account: AcuityAccount | None) -> dict[str, Any]:
    """As of now: the last finished run of the account, and what may be said of it in a sentence."""
    run = account.runs.filter(status__in=DONE).order_by("-finished_at").first() if account else None
    return {
        "account": str(account) if account else None,
        "as_of": timezone.now().isoformat(timespec="seconds"),
        "run": str(run.pk) if run else None,
        "verified": bool(run and run.verified),
        "verified_at": _iso(run and run.verified_at),
        "min_date": _iso(run and run.min_date),
        "max_date": _iso(run and run.max_date),
        "proof": headline(run.scope, run.verified) if run else "",
    }


def _iso(value: Any) -> str | None:
    return value.isoformat() if value else None
