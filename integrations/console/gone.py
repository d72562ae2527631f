"""The page before a person is forgotten: what goes, what stays, and the button."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from bookings.models import Client
from integrations import access, audit
from integrations.console.sentences import said
from integrations.privacy import forgetting


@require_http_methods(["GET", "POST"])
def forget_page(request: HttpRequest, object_id: int) -> HttpResponse:
    scope = access.of_user(request.user)
    rows = scope.narrow(Client.objects.select_related("tenant"))
    client = get_object_or_404(rows, pk=object_id)
    if not scope.may("forget", client.tenant_id):
        raise PermissionDenied
    if request.method == "POST":
        with audit.acting("person", request.user.get_username()):
            gone = forgetting.forget(client)
        messages.info(request, _("Forgotten: %(what)s.") % {"what": said(str(gone))})
        return redirect("admin:bookings_client_changelist")
    shown = admin.site.each_context(request) | {
        "title": _("Forget a client"),
        "opts": Client._meta,
        "client": client,
        "bookings": client.appointments.count(),
    }
    return TemplateResponse(request, "integrations/forget.html", shown)
