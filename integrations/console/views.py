"""The pages around an import: starting it, watching it, steering it."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.dates import MONTHS_3
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from integrations import access, audit
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.proof import file
from integrations.acuity.runs import control, retry
from integrations.acuity.sync import changes, plans
from integrations.console import asked, proof_page, proofs
from integrations.console import run_page as page
from integrations.console.sentences import said
from integrations.console.start import StartForm, check, start
from integrations.console.words import for_people
from integrations.models import AcuityAccount, ImportRun, RejectedRecord

SHOWN_CHANGES = 50


def _need(request: HttpRequest, deed: str, tenant: Any = None) -> None:
    if not access.of_user(request.user).may(deed, tenant):
        raise PermissionDenied


def _render(request: HttpRequest, template: str, **context: Any) -> TemplateResponse:
    shared = admin.site.each_context(request)
    return TemplateResponse(request, f"integrations/{template}", shared | context)


def start_page(request: HttpRequest) -> HttpResponse:
    """The form before an import; one click starts it for every account chosen."""
    _need(request, "run")
    chosen = request.POST.get("accounts") or request.GET.get("accounts", "")
    keys = [key for word in chosen.split(",") if (key := asked.number(word)) is not None]
    rows = AcuityAccount.objects.select_related("tenant").filter(pk__in=keys)
    accounts = list(access.of_user(request.user).narrow(rows, "run"))
    if not accounts:
        messages.warning(request, _("Choose at least one account to import."))
        return redirect("admin:integrations_acuityaccount_changelist")
    given = {name: request.GET.get(name, "") for name in ("min_date", "max_date")}
    form = StartForm(request.POST or None, initial=given)
    with audit.acting("person", request.user.get_username()):
        outcomes = start(accounts, form) if request.method == "POST" and form.is_valid() else []
    begun = [outcome.run for outcome in outcomes if outcome.run]
    if len(begun) == len(accounts) == 1:
        if outcomes[0].problem:
            messages.info(request, outcomes[0].problem)
        return redirect("admin:integrations_importrun_change", begun[0].pk)
    if len(accounts) == len(outcomes) == 1 and outcomes[0].dry_run:
        return redirect("admin:acuity_dry_run", outcomes[0].dry_run.pk)
    checks = check(accounts) if not outcomes else []
    return _render(
        request,
        "start.html",
        title=_("Import from Acuity"),
        form=form,
        checks=checks,
        outcomes=outcomes,
        accounts=",".join(str(key) for key in keys),
        opts=AcuityAccount._meta,
        startable=any(not checked.problem for checked in checks),
    )


def _run(request: HttpRequest, object_id: Any) -> ImportRun:
    rows = ImportRun.objects.select_related("account__tenant")
    key = asked.identifier(str(object_id))
    return get_object_or_404(access.of_user(request.user).narrow(rows), pk=key)


@require_GET
def run_page(request: HttpRequest, object_id: str) -> HttpResponse:
    if not request.user.has_perm("integrations.view_importrun"):
        raise PermissionDenied
    run = _run(request, object_id)
    scope = access.of_user(request.user)
    context = page.context(run) | {
        "may_run": scope.may("run", run.account.tenant_id),
        "may_cancel": scope.may("cancel", run.account.tenant_id),
        "may_see_money": scope.may("revenue", run.account.tenant_id),
        "may_print": bool(run.digests) and scope.may("revenue", run.account.tenant_id),
        "opts": ImportRun._meta,
    }
    if request.headers.get("X-Live"):
        return TemplateResponse(request, "integrations/run/body.html", context)
    return _render(request, "run/page.html", **context)


@require_GET
def proofs_page(request: HttpRequest) -> HttpResponse:
    """What is proven of each account, month by month."""
    if not request.user.has_perm("integrations.view_importrun"):
        raise PermissionDenied
    return _render(
        request,
        "proofs.html",
        title=_("Proof"),
        parts=proofs.page(request),
        names=[str(MONTHS_3[n]).capitalize() for n in range(1, 13)],
        may_run=access.of_user(request.user).may("run"),
    )


@require_GET
def proof(request: HttpRequest, object_id: uuid.UUID, form: str) -> HttpResponse:
    """The last proof of the run: a page to print, or the file. It shows what was taken."""
    if not request.user.has_perm("integrations.view_importrun"):
        raise PermissionDenied
    run = _run(request, object_id)
    _need(request, "revenue", run.account.tenant_id)
    try:
        found = file.of(run)
    except ConfigurationError as error:
        messages.warning(request, said(str(error)))
        return redirect("admin:integrations_importrun_change", run.pk)
    if form == "html":
        return HttpResponse(proof_page.page(run, found))
    return HttpResponse(
        file.encode(found),
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="proof-{run.pk}.json"'},
    )


@require_GET
def changed(request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
    """What the run saw to change, closed months first."""
    if not request.user.has_perm("integrations.view_importrun"):
        raise PermissionDenied
    run = _run(request, object_id)
    _need(request, "revenue", run.account.tenant_id)
    found = changes.of_run(run)
    return _render(
        request,
        "changes.html",
        title=_("What changed"),
        run=run,
        closed=found.closed_words(run.account.tenant.currency),
        lines=found.lines[:SHOWN_CHANGES],
        more=max(0, len(found.lines) - SHOWN_CHANGES),
        opts=ImportRun._meta,
    )


@require_POST
def act(request: HttpRequest, object_id: str, what: str) -> HttpResponse:
    """Pause, resume, cancel, prove again, retry rejects, keep in step, or change the pace. Pressing twice does no harm."""
    run = _run(request, object_id)
    _need(request, "cancel" if what == "cancel" else "run", run.account.tenant_id)
    with audit.acting("person", request.user.get_username()):
        _do(request, run, what)
    return redirect("admin:integrations_importrun_change", run.pk)


@require_POST
def retry_one(request: HttpRequest, object_id: int) -> HttpResponse:
    """Try this rejected record again; its run's page shows how that goes."""
    rows = RejectedRecord.objects.select_related("run", "account")
    record = get_object_or_404(access.of_user(request.user).narrow(rows), pk=object_id)
    _need(request, "run", record.account.tenant_id)
    with audit.acting("person", request.user.get_username()):
        retry.ask(record.run, record)
    page = reverse("admin:integrations_importrun_change", args=[record.run_id])
    return redirect(f"{page}#rejected")


def _do(request: HttpRequest, run: ImportRun, what: str) -> None:
    if what == "pause":
        control.pause(run)
    elif what == "resume":
        control.resume(run, by="person")
    elif what == "cancel":
        control.cancel(run)
    elif what == "prove":
        _prove(request, run)
    elif what == "retry":
        retry.ask(run)
    elif what == "plan":
        plan = plans.set_plan(run.account)
        facts = {"account": run.account, "plan": said(plans.words(plan))}
        messages.info(request, _("%(account)s is kept in step: %(plan)s.") % facts)
    elif what == "tune":
        _tune(request, run)
    else:
        raise Http404


def _prove(request: HttpRequest, run: ImportRun) -> None:
    try:
        control.verify(run, by="person")
    except (control.ActiveRun, ConfigurationError) as error:
        messages.error(request, said(for_people(str(error))))


def _tune(request: HttpRequest, run: ImportRun) -> None:
    """The importer reads its run before each page, so this takes effect within a window."""
    limit, pace = request.POST.get("page_limit", ""), request.POST.get("requests_per_second", "")
    fields: dict[str, Any] = {"auto_page_limit": not limit}
    try:
        if limit:
            fields["page_limit"] = int(limit)
            if not 1 <= fields["page_limit"] <= 1000:
                raise ValueError
        fields["requests_per_second"] = float(pace) if pace else None
        if pace and not 0.01 <= float(pace) <= 1000:
            raise ValueError
    except ValueError:
        messages.error(
            request, _("Enter a page limit from 1 to 1000 and a rate above 0, or nothing.")
        )
        return
    ImportRun.objects.filter(pk=run.pk, status__in=ImportRun.ACTIVE).update(**fields)
    audit.write(
        "changed the pace", run=run, note=f"page limit {limit or 'auto'}, rate {pace or 'whole'}"
    )
    messages.info(request, _("Changed; it takes effect with the next page."))
