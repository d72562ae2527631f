"""What does the run page show? Everything from the run's own rows: no table of records is counted."""

from typing import Any

from django.utils import timezone

from bookings import charts
from integrations.acuity.proof.headline import headline
from integrations.acuity.resources.scope import Period
from integrations.acuity.runs import progress, states
from integrations.acuity.sync import plans
from integrations.conf import conf
from integrations.models import ImportRun, Plan

PAGES = 120
SHOWN_PAGES = 20
SHOWN_REJECTS = 20
SHOWN_TRAIL = 20
# The look and the words of each state; one small template each.
LOOKS = {
    "queued": "queued",
    "running": "running",
    "verifying": "running",
    "pausing": "paused",
    "paused": "paused",
    "cancelling": "cancelled",
    "cancelled": "cancelled",
    "failed": "failed",
    "completed": "completed",
    "completed_with_gaps": "gaps",
}


def context(run: ImportRun) -> dict[str, Any]:
    """At most ten queries, whatever the size of the import."""
    steps = list(run.steps.all())
    now = timezone.now()
    waiting = next((s for s in steps if s.not_before and s.not_before > now), None)
    look = LOOKS[run.status]
    if look == "running" and waiting:
        look = "waiting"
    pages = list(run.pages.order_by("-fetched_at", "-pk")[:PAGES])
    rejects = list(run.rejects.filter(resolved_at=None).order_by("pk")[: SHOWN_REJECTS + 1])
    active = run.status in ImportRun.ACTIVE
    plan = Plan.objects.filter(account=run.account_id).first()
    return {
        "run": run,
        "headline": headline(run.scope, run.verified),
        "look": look,
        "state_template": f"integrations/run/{look}.html",
        "live": active and run.status != "paused",
        "waiting": waiting,
        "wait_seconds": progress.duration((waiting.not_before - now).total_seconds())
        if waiting and waiting.not_before
        else "",
        "steps": [progress.of(step) for step in steps],
        "period": Period(run.min_date, run.max_date).words,
        "elapsed": progress.duration(
            ((run.finished_at or now) - (run.started_at or run.created_at)).total_seconds()
        ),
        "requests": sum(step.requests for step in steps),
        "retries": sum(step.retries for step in steps),
        "throttled": sum(step.throttled for step in steps),
        "charts": _charts(pages),
        "pages": pages[:SHOWN_PAGES],
        "months": _months(run.coverage),
        "rejects": rejects[:SHOWN_REJECTS],
        "trail": list(run.audit.order_by("-at", "-pk")[:SHOWN_TRAIL]),
        "more_rejects": len(rejects) > SHOWN_REJECTS,
        "flower": f"{conf.FLOWER_URL}/tasks" if conf.FLOWER_URL else "",
        "can_pause": run.status in states.TRANSITIONS[ImportRun.Status.PAUSING],
        "can_resume": run.status in ("paused", "failed", "pausing"),
        "can_cancel": active and run.status != "cancelling",
        "tunable": active,
        "plan": plans.words(plan) if plan else "",
        "can_plan": not plan and run.status in states.PROVABLE,
    }


def _charts(pages: list[Any]) -> list[Any]:
    """Oldest first: requests a second, latency of a page, records in a page."""
    old_first = pages[::-1]
    busy = [page for page in old_first if page.requests and page.elapsed_ms]
    return [
        charts.line(
            [page.requests * 1000 / page.elapsed_ms for page in busy],
            "Requests a second",
            conf.ACUITY_REQUESTS_PER_SECOND or None,
        ),
        charts.line([float(page.elapsed_ms) for page in busy], "Page takes", unit="ms"),
        charts.line([float(p.count) for p in old_first if p.count], "Page holds", unit="records"),
    ]


def _months(coverage: dict[str, list[int]]) -> list[dict[str, Any]]:
    top = max((max(pair) for pair in coverage.values()), default=0) or 1
    return [
        {
            "month": month,
            "source": source,
            "stored": stored,
            "missing": max(0, source - stored),
            "source_width": source * 100 // top,
            "stored_width": stored * 100 // top,
        }
        for month, (source, stored) in sorted(coverage.items())
    ]
