"""How complete is each month, in words? A month with a gap is never shown as whole."""

from typing import Any

from django.utils.translation import gettext as _

from bookings.tables import number
from integrations.acuity.reading.findings import Gap
from integrations.acuity.resources import RESOURCES
from integrations.models import ImportRun

# What is counted month by month, and the kinds of gaps that leave one open, or without a month any.
MONTHLY = {name for name, resource in RESOURCES.items() if resource.month_gaps}
OPEN = {kind for resource in RESOURCES.values() for kind in resource.month_gaps}


def unexplained(run: ImportRun) -> list[Gap]:
    """The run's gaps; what is missing only because it was rejected is told once, as rejected."""
    gaps = [Gap.of(gap) for gap in run.gaps]
    missing = sum(gap.missing or 0 for gap in gaps if gap.kind in MONTHLY)
    if missing and missing == _rejected(gaps):
        return [gap for gap in gaps if gap.kind not in MONTHLY]
    return gaps


def _rejected(gaps: list[Gap]) -> int:
    monthly = (g for g in gaps if g.kind == "rejected" and g.resource in MONTHLY)
    return sum(gap.missing or 0 for gap in monthly)


def months(run: ImportRun) -> list[dict[str, Any]]:
    """A row a month: what Acuity lists, what is stored, and what has to be said of it."""
    gaps = unexplained(run)
    named = {gap.month or gap.day[:7] for gap in gaps if gap.kind in OPEN}
    top = max((max(pair) for pair in run.coverage.values()), default=0) or 1
    short = sum(max(0, source - stored) for source, stored in run.coverage.values())
    explained = short == _rejected(gaps)
    rows = []
    for month, (source, stored) in sorted(run.coverage.items()):
        missing = max(0, source - stored)
        state = "whole"
        if missing:
            state = "rejected" if explained else "short"
        elif month in named or "" in named:
            state = "open"
        rows.append(
            {
                "month": month,
                "state": state,
                "words": _words(state, source, stored, missing),
                "stored": stored,
                "source_width": source * 100 // top,
                "stored_width": stored * 100 // top,
            }
        )
    return rows


def _words(state: str, source: int, stored: int, missing: int) -> str:
    if state == "open":
        return _("%(n)s listed, more may exist") % {"n": number(source)}
    counted = _("%(stored)s of %(listed)s") % {"stored": number(stored), "listed": number(source)}
    if state == "whole":
        return counted
    lacking = _("%(n)s rejected") if state == "rejected" else _("%(n)s missing")
    return f"{counted}, {lacking % {'n': number(missing)}}"
