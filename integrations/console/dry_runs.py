"""The page of a dry run: how far it is, what an import would do, and the button that does it."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_POST
from msgspec.structs import astuple

from bookings import history, zones
from bookings.models import Appointment, Client
from integrations import access, audit
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.base import Foreseen, Unasked, WouldChange
from integrations.acuity.runs import dry_runs
from integrations.acuity.runs.preview import Rehearsal
from integrations.console.sentences import said
from integrations.console.start import start_one
from integrations.console.words import column_word, for_people
from integrations.models import DryRun, ImportRun

# How each state looks, by the names that the run page has.
LOOKS = {
    "queued": "queued",
    "running": "running",
    "done": "completed",
    "failed": "failed",
    "stopped": "cancelled",
}
WORDS = {
    "queued": _("Waiting to start"),
    "running": _("Trying the import"),
    "done": _("Tried: nothing was written"),
    "failed": _("Failed"),
    "stopped": _("Stopped"),
}
MARKS = {"done": "✓ ", "failed": "✗ "}
NOTHING: dict[str, int] = {}


def _row(request: HttpRequest, object_id: uuid.UUID) -> DryRun:
    rows = DryRun.objects.select_related("account__tenant")
    return get_object_or_404(access.of_user(request.user).narrow(rows), pk=object_id)


@require_GET
def page(request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
    if not request.user.has_perm("integrations.view_importrun"):
        raise PermissionDenied
    row = _row(request, object_id)
    context = _context(row) | {
        "may_run": access.of_user(request.user).may("run", row.account.tenant_id),
        "opts": ImportRun._meta,
    }
    if request.headers.get("X-Live"):
        return TemplateResponse(request, "integrations/dry_run/body.html", context)
    context = admin.site.each_context(request) | context
    return TemplateResponse(request, "integrations/dry_run/page.html", context)


@require_POST
def act(request: HttpRequest, object_id: uuid.UUID, what: str) -> HttpResponse:
    """Stop it, try again, or do the import that it tried."""
    row = _row(request, object_id)
    if not access.of_user(request.user).may("run", row.account.tenant_id):
        raise PermissionDenied
    if what == "stop":
        dry_runs.stop(row)
        return redirect("admin:acuity_dry_run", row.pk)
    if what not in ("again", "import"):
        raise Http404
    with audit.acting("person", request.user.get_username()):
        begun = start_one(row.account, what == "again", dry_runs.options(row))
    if begun.problem:
        messages.error(request, begun.problem)
    if begun.run:
        return redirect("admin:integrations_importrun_change", begun.run.pk)
    return redirect("admin:acuity_dry_run", begun.dry_run.pk if begun.dry_run else row.pk)


def _context(row: DryRun) -> dict[str, Any]:
    word = WORDS[row.status]
    options, found = dry_runs.options(row), dry_runs.found(row)
    return {
        "row": row,
        "look": LOOKS[row.status],
        "word": word,
        "title": f"{MARKS.get(row.status, '')}{word}: {row.account}",
        "live": row.status in DryRun.ACTIVE,
        "zone": zones.of(row.account.tenant).key,
        "period": options.period.words,
        "reason": said(for_people(row.reason)),
        "steps": _steps(row, options.only),
        "counted": _counted(found),
        "asking": _asking(found),
        "changes": _changes(row, found.changes),
    }


def _counted(found: Rehearsal) -> list[tuple[str, tuple[int, ...]]]:
    """By title, the numbers of each resource that was asked for."""
    return [
        (RESOURCES[name].title, astuple(counts))
        for name, counts in found.resources.items()
        if isinstance(counts, Foreseen)
    ]


def _asking(found: Rehearsal) -> list[tuple[str, int]]:
    """By title, the requests of each that a dry run does not ask for."""
    return [
        (RESOURCES[name].title, unasked.requests)
        for name, unasked in found.resources.items()
        if isinstance(unasked, Unasked)
    ]


def _steps(row: DryRun, chosen: tuple[str, ...]) -> list[dict[str, Any]]:
    """How far each resource is. How many there are is known only where some are stored."""
    names = [name for name in RESOURCES if name in chosen]
    begun = [name for name in names if name in row.progress]
    over = row.status == DryRun.Status.DONE
    steps = []
    for name in names:
        done = over or (name in begun and name != begun[-1])
        steps.append(
            {
                "title": RESOURCES[name].title,
                "status": "done" if done else "running" if name in begun else "pending",
                "percent": 100 if done else None if name in begun else 0,
                "read": row.progress.get(name),
                "stopped": not done and row.status != "running",
            }
        )
    return steps


def _changes(row: DryRun, named: list[WouldChange]) -> list[dict[str, Any]]:
    """A line a column: whose row, what of it, and the values before and after."""
    lines = []
    rows: dict[type[Model], list[int]] = {}
    for change in named:
        if model := history.TABLES.get(change.resource):
            rows.setdefault(model, []).append(change.row)
    clients = Client.objects.in_bulk(rows.get(Client, []))
    bookings: QuerySet[Appointment] = Appointment.objects.select_related("client", "tenant")
    booked = bookings.in_bulk(rows.get(Appointment, []))
    for change in named:
        of_booking = change.resource == history.NAMES[Appointment]
        booking = booked.get(change.row) if of_booking else None
        client = booking.client if booking else clients.get(change.row)
        for column, (old, new) in change.columns.items() or [("", ("", ""))]:
            lines.append(
                {
                    "who": client,
                    "booking": booking and zones.start(booking),
                    "what": column_word(column),
                    "old": _plainly(old, row),
                    "new": _plainly(new, row),
                }
            )
    return lines


def _plainly(value: Any, row: DryRun) -> str:
    """A kept value as a page shows it."""
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    text = "" if value is None else str(value)
    return zones.from_kept(text, zones.of(row.account.tenant)) or text or "–"
