"""The pages around OAuth: connecting an account, coming back from Acuity, and disconnecting."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from bookings.models import Tenant
from integrations import access, audit
from integrations.acuity.accounts import briefly, oauth
from integrations.acuity.errors import AcuityError, ConfigurationError
from integrations.acuity.sync import webhooks
from integrations.console import asked
from integrations.console.sentences import said
from integrations.console.words import for_people
from integrations.models import AcuityAccount

# What is kept in the session until the owner comes back from Acuity.
KEPT = "acuity_oauth"


def _tenants(request: HttpRequest) -> Any:
    if not oauth.offered():
        raise Http404
    if not access.of_user(request.user).may("own"):
        raise PermissionDenied
    return access.of_user(request.user).narrow(Tenant.objects.order_by("name"), "own")


def _back(request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("admin:acuity_connected"))


def _again(tenants: Iterable[Tenant], key: str) -> AcuityAccount | None:
    """The account that is connected again, if one of these tenants has it."""
    number = asked.number(key)
    if number is None:
        return None
    return AcuityAccount.objects.filter(tenant__in=tenants, pk=number).first()


@require_http_methods(["GET", "POST"])
def connect_page(request: HttpRequest) -> HttpResponse:
    """Choose the tenant; then it goes on at Acuity's own page."""
    tenants = _tenants(request)
    if request.method == "POST":
        tenant = get_object_or_404(tenants, pk=asked.identifier(request.POST.get("tenant", "")))
        begun = oauth.begin(_back(request))
        request.session[KEPT] = {
            "tenant": str(tenant.pk),
            "account": request.POST.get("account", ""),
            "state": begun.state,
            "verifier": begun.verifier,
        }
        return redirect(begun.url)
    shown = admin.site.each_context(request) | {
        "title": _("Connect an Acuity account"),
        "opts": AcuityAccount._meta,
        "tenants": tenants,
        "account": _again(tenants, request.GET.get("account", "")),
    }
    return TemplateResponse(request, "integrations/connect.html", shown)


@require_GET
def connected(request: HttpRequest) -> HttpResponse:
    """The owner comes back, once, to the browser that began."""
    tenants, kept = _tenants(request), request.session.pop(KEPT, {})
    tenant = tenants.filter(pk=kept["tenant"]).first() if kept else None
    if tenant is None:
        messages.error(
            request, _("This connection was not started here, or has expired: connect again.")
        )
        return redirect("admin:acuity_connect")
    again = _again([tenant], kept["account"])
    try:
        with briefly.turn():
            token = oauth.finish(
                _back(request), request.build_absolute_uri(), kept["state"], kept["verifier"]
            )
            account = oauth.connect(tenant, token, again)
    except (AcuityError, ConfigurationError) as error:
        messages.error(request, said(for_people(str(error))))
        return redirect("admin:acuity_connect")
    with audit.acting("person", request.user.get_username()):
        audit.write("connected by OAuth", tenant=tenant, note=f"Account {account.user_id}")
    messages.info(request, _("%(account)s is connected.") % {"account": account})
    return redirect("admin:integrations_acuityaccount_change", account.pk)


@require_http_methods(["POST"])
def disconnect(request: HttpRequest, object_id: int) -> HttpResponse:
    rows = AcuityAccount.objects.filter(tenant__in=_tenants(request)).exclude(oauth_token="")
    account = get_object_or_404(rows, pk=object_id)
    try:
        with audit.acting("person", request.user.get_username()), briefly.turn():
            webhooks.remove(account)
            told = oauth.disconnect(account)
            audit.write("disconnected", tenant=account.tenant_id, note=f"Account {account.user_id}")
    except briefly.Busy as busy:
        messages.error(request, said(str(busy)))
        return redirect("admin:integrations_acuityaccount_change", account.pk)
    if told:
        messages.info(request, _("Disconnected; Acuity has withdrawn the token."))
    else:
        messages.warning(
            request,
            _(
                "The token is forgotten here, but Acuity did not confirm that it is withdrawn:"
                " remove the application in Acuity, too."
            ),
        )
    return redirect("admin:integrations_acuityaccount_change", account.pk)
