"""What does the run page show? Every number is one that the database, asked the same, gives."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from bookings import charts, zones
from bookings.tables import number
from integrations.acuity.proof.headline import headline
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.scope import Period, Scope
from integrations.acuity.runs import progress, results, retry, states
from integrations.acuity.steps import STEPS
from integrations.acuity.sync import plans
from integrations.conf import conf
from integrations.console import coverage
from integrations.console.looks import LOOKS
from integrations.console.words import for_people
from integrations.models import ImportRun, ImportStep, PageFetch, Plan

PAGES = 120
SHOWN_PAGES = 20
SHOWN_REJECTS = 20
SHOWN_TRAIL = 20
# Requests are averaged over so many seconds: a page alone may have been asked for before it began.
AVERAGED = 10.0
# Who begins a run, in words.
BEGUN = {
    "person": _("started in the admin"),
    "command": _("started in a terminal"),
    "token": _("started over HTTP"),
    "schedule": _("started by the schedule"),
    "code": _("started by the project"),
}
COUNTED = ("stored", "created", "updated", "restated", "unchanged", "rejected")


def context(run: ImportRun) -> dict[str, Any]:
    """A number of queries that does not grow with the import."""
    steps = list(run.steps.all())
    now = timezone.now()
    waiting = next((s for s in steps if s.not_before and s.not_before > now), None)
    template = LOOKS[run.status].template
    if template == "running" and waiting:
        template = "waiting"
    pages = list(run.pages.order_by("-fetched_at", "-pk")[:PAGES])
    rejects = list(run.rejects.filter(resolved_at=None).order_by("pk")[: SHOWN_REJECTS + 1])
    counts = results.counts(run, {step.resource: step for step in steps})
    gaps = coverage.unexplained(run)
    active = run.status in ImportRun.ACTIVE
    tried = retry.tried(run)
    plan = Plan.objects.filter(account=run.account_id).first()
    where = zones.of(run.account.tenant)
    return {
        "run": run,
        "reason": for_people(run.reason),
        "zone": where.key,
        "headline": headline(run.scope, run.verified),
        "look": template,
        "word": LOOKS[run.status].word,
        "title": title(run),
        "started_by": BEGUN.get(run.started_by, run.started_by),
        "state_template": f"integrations/run/{template}.html",
        "live": bool(tried.waiting) or (active and run.status != "paused"),
        "waiting": waiting,
        "wait_seconds": progress.duration((waiting.not_before - now).total_seconds())
        if waiting and waiting.not_before
        else "",
        "steps": [progress.of(step) for step in steps],
        "period": Period(run.min_date, run.max_date).words,
        **_times(run, steps),
        **_left(run, steps),
        "requests": sum(step.requests for step in steps),
        "retries": sum(step.retries for step in steps),
        "throttled": sum(step.throttled for step in steps),
        "counts": _counts(run, counts, {step.resource for step in steps}),
        "read": _read(run, steps),
        "charts": _charts(run, pages),
        "pages": [_page(page) for page in pages if page.count][:SHOWN_PAGES],
        "gaps": gaps,
        "months": coverage.months(run),
        "rejects": rejects[:SHOWN_REJECTS],
        "tried": tried,
        "trouble": for_people(tried.trouble),
        "trail": list(run.audit.order_by("-at", "-pk")[:SHOWN_TRAIL]),
        "more_rejects": len(rejects) > SHOWN_REJECTS,
        "flower": f"{conf.FLOWER_URL}/tasks" if conf.FLOWER_URL else "",
        "can_pause": run.status in states.TRANSITIONS[ImportRun.Status.PAUSING],
        "can_resume": run.status in ("paused", "failed", "pausing"),
        "can_cancel": active and run.status != "cancelling",
        "can_prove": run.status in states.PROVABLE,
        "tunable": active,
        "plan": plans.words(plan) if plan else "",
        "can_plan": not plan and run.status in states.PROVABLE,
    }


def title(run: ImportRun) -> str:
    """Of the browser's tab: how it ended, and of which account."""
    mark = {"completed": "✓ ", "completed_with_gaps": "! ", "failed": "✗ "}.get(run.status, "")
    return f"{mark}{run.account}" if mark else f"{LOOKS[run.status].word}: {run.account}"


def _times(run: ImportRun, steps: Sequence[ImportStep]) -> dict[str, str]:
    """Working apart from waiting; neither begins anew when the run is resumed."""
    working = sum(step.active_ms for step in steps) / 1000
    end = run.finished_at or timezone.now()
    resting = (end - (run.started_at or run.created_at)).total_seconds() - working
    return {
        "working": progress.duration(working) if working else "",
        "resting": progress.duration(resting) if resting >= 1 else "",
    }


def _left(run: ImportRun, steps: Sequence[ImportStep]) -> dict[str, Any]:
    if run.status not in ImportRun.WORKING:
        return {}
    finished = ImportRun.objects.filter(account=run.account_id, status__in=states.PROVABLE)
    last = finished.exclude(pk=run.pk).order_by("-finished_at").values("pk")[:1]
    earlier = ImportStep.objects.filter(run__in=last).values_list("resource", "active_ms")
    seconds = progress.seconds_left(steps, dict(earlier))
    if seconds is None:
        return {}
    done = timezone.now() + timedelta(seconds=seconds)
    return {"left": progress.duration(seconds), "done_at": done}


def _counts(
    run: ImportRun, counts: dict[str, results.Counts], chosen: set[str]
) -> list[dict[str, Any]]:
    gone = results.gone(run)
    return [
        {
            "title": resource.title,
            "cells": [getattr(counts[name], what) for what in COUNTED],
            "gone": gone[name],
        }
        for name, resource in RESOURCES.items()
        if name in chosen
    ]


def _read(run: ImportRun, steps: Sequence[ImportStep]) -> list[str]:
    """What was read, which is not what is stored: lists have entries, and bookings have lists."""
    said = []
    if part := run.scope.get("clients"):
        facts = {"entries": number(part["listed"]), "clients": number(part["stored"])}
        said.append(
            gettext("%(entries)s entries of the client list are %(clients)s clients") % facts
        )
        if others := part.get("only_in_bookings"):
            more = gettext("%(n)s more are known only from their bookings")
            said.append(more % {"n": number(others)})
    payments = next((step for step in steps if step.resource == "payments"), None)
    if payments and payments.offset:
        lists = ngettext("%(n)s list read", "%(n)s lists read", payments.offset)
        came = ngettext("%(n)s payment", "%(n)s payments", payments.fetched)
        both = (lists % {"n": number(payments.offset)}, came % {"n": number(payments.fetched)})
        said.append(", ".join(both))
    verify = next((step for step in steps if step.resource == "verify"), None)
    if verify and (verify.created or verify.updated):
        facts = {"added": number(verify.created), "corrected": number(verify.updated)}
        said.append(gettext("the proof added %(added)s and corrected %(corrected)s") % facts)
    return said


def _page(page: PageFetch) -> dict[str, Any]:
    """A window in words; the proof's are lists of another length."""
    proof = page.resource == "verify"
    name = gettext("Verification: listed again") if proof else STEPS[page.resource].title
    return {"name": name, "proof": proof, "row": page}


def _charts(run: ImportRun, pages: list[PageFetch]) -> list[Any]:
    """Oldest first: requests a second, latency of a page, records in a page."""
    old_first = pages[::-1]
    busy = [page for page in old_first if page.requests and page.elapsed_ms]
    pace, budget = _pace(old_first), Scope.of(run).requests_per_second
    # A command may have had a budget of its own, as against the sandbox.
    kept = budget if budget and max(pace, default=0) <= budget else None
    drawn = [
        charts.line(pace, gettext("Requests a second"), kept),
        charts.line([float(page.elapsed_ms) for page in busy], gettext("Page takes"), unit="ms"),
        charts.line(
            [float(p.count) for p in old_first if p.count],
            gettext("Page holds"),
            unit=gettext("records"),
        ),
    ]
    return [chart for chart in drawn if chart]


def _pace(pages: Sequence[PageFetch]) -> list[float]:
    """Requests a second, averaged over the pages of the last `AVERAGED` seconds.

    The first page of these is left out: when it was asked for, nobody wrote down.
    """
    rates, first, sent = [], 0, 0
    for last, page in enumerate(pages[1:], start=1):
        sent += page.requests
        while last - first > 1 and _apart(pages[first], page) > AVERAGED:
            first += 1
            sent -= pages[first].requests
        rates.append(sent / max(_apart(pages[first], page), 0.001))
    return rates


def _apart(one: PageFetch, other: PageFetch) -> float:
    return (other.fetched_at - one.fetched_at).total_seconds()
