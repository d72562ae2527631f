"""The page from which an account's data is taken out: a worker makes the file, which then expires."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from bookings import zones
from bookings.exports import FORMATS
from integrations import access, audit
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.runs import exports
from integrations.console import asked
from integrations.models import AcuityAccount, ExportFile


@require_http_methods(["GET", "POST"])
def page(request: HttpRequest, object_id: int) -> HttpResponseBase:
    scope = access.of_user(request.user)
    rows = scope.narrow(AcuityAccount.objects.select_related("tenant"))
    account = get_object_or_404(rows, pk=object_id)
    if not scope.may("export", account.tenant_id):
        raise PermissionDenied
    with audit.acting("person", request.user.get_username()):
        if request.method == "POST":
            return _begin(request, account)
        if key := request.GET.get("file"):
            return _file(account, key)
    where = zones.of(account.tenant)
    found = account.exports.filter(expires_at__gt=timezone.now()).order_by("-created_at")
    shown = admin.site.each_context(request) | {
        "title": _("Export of %(account)s") % {"account": account},
        "opts": AcuityAccount._meta,
        "formats": FORMATS,
        "files": [
            (row, zones.written(row.created_at, where), zones.written(row.expires_at, where))
            for row in found
        ],
        "live": found.filter(status__in=ExportFile.ACTIVE).exists(),
    }
    return TemplateResponse(request, "integrations/exports.html", shown)


def _begin(request: HttpRequest, account: AcuityAccount) -> HttpResponse:
    try:
        exports.begin(
            account,
            format=request.POST.get("format", ""),
            people="without_people" not in request.POST,
            spreadsheet="for_spreadsheets" in request.POST,
        )
    except ConfigurationError as error:
        messages.error(request, str(error))
    return redirect("admin:acuity_exports", account.pk)


def _file(account: AcuityAccount, key: str) -> HttpResponseBase:
    kept = account.exports.filter(status=ExportFile.Status.DONE, expires_at__gt=timezone.now())
    row = get_object_or_404(kept, pk=asked.identifier(key))
    audit.write("downloaded an export", tenant=account.tenant_id, note=row.format)
    name = f"acuity-{account.user_id}-{row.created_at:%Y-%m-%d}-{row.format}.zip"
    return StreamingHttpResponse(
        exports.content(row),
        content_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Length": str(row.size),
            "Cache-Control": "no-store",
        },
    )
