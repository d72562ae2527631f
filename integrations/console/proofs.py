"""The calendar of proof: what is known of each month of an account, and since when?"""

import calendar
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from bookings import zones
from bookings.tables import number
from integrations import access
from integrations.acuity.proof.headline import headline
from integrations.console import coverage
from integrations.console.home import FRESH
from integrations.models import AcuityAccount, ImportRun

# Proofs that are looked through for each month's newest.
RUNS = 50
MONTHS = range(1, 13)


@dataclass(frozen=True)
class Month:
    """`state`: proven, old, gap or never. The proof's run is None where no proof spoke of it."""

    name: str
    state: str
    words: str
    run: ImportRun | None = None
    first: str = ""
    last: str = ""


def page(request: HttpRequest) -> list[dict[str, Any]]:
    """One part for each account that the user may see."""
    rows = AcuityAccount.objects.select_related("tenant").order_by("tenant__name", "name", "pk")
    return [_part(account) for account in access.of_user(request.user).narrow(rows)]


def _part(account: AcuityAccount) -> dict[str, Any]:
    proven = account.runs.filter(verified_at__isnull=False).defer(
        "differences", "digests", "tuning"
    )
    runs = list(proven.order_by("-verified_at")[:RUNS])
    last = runs[0] if runs else None
    where = zones.of(account.tenant)
    return {
        "account": account,
        "zone": where.key,
        "last": last,
        "at": zones.written(last.verified_at, where) if last else "",
        "sentence": headline(last.scope, last.verified) if last else "",
        "years": _years(_months(runs)),
    }


def _months(runs: list[ImportRun]) -> dict[str, Month]:
    """The newest proof's word of each month."""
    found: dict[str, Month] = {}
    for run in reversed(runs):
        old = bool(run.verified_at and timezone.now() - run.verified_at > FRESH)
        for row in coverage.months(run):
            state = "gap" if row["state"] != "whole" else "old" if old else "proven"
            words = number(row["stored"]) if row["state"] == "whole" else row["words"]
            found[row["month"]] = _month(row["month"], state, words, run)
    return found


def _month(name: str, state: str, words: str, run: ImportRun | None) -> Month:
    year, month = int(name[:4]), int(name[5:7])
    last = calendar.monthrange(year, month)[1]
    return Month(name, state, words, run, f"{name}-01", f"{name}-{last:02}")


def _years(months: dict[str, Month]) -> list[dict[str, Any]]:
    """The newest first, twelve months each."""
    return [
        {
            "year": year,
            "months": [
                months.get(name) or _month(name, "never", _("never asked"), None)
                for name in (f"{year}-{n:02}" for n in MONTHS)
            ],
        }
        for year in sorted({name[:4] for name in months}, reverse=True)
    ]
