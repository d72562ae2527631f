"""The pages on which two clients become one person: the candidates, and a question before each deed."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from bookings.models import Client, Tenant
from integrations import access, audit
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.resources.clients import merging
from integrations.acuity.resources.clients.namesakes import namesakes
from integrations.console import asked

# So many groups of each business are shown; the merged are gone from the next list.
SHOWN = 100


@require_GET
def candidates_page(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm("bookings.view_client"):
        raise PermissionDenied
    scope = access.of_user(request.user)
    tenants = scope.narrow(Tenant.objects.order_by("name", "pk"))
    parts = [
        {
            "tenant": tenant,
            "groups": [*merging.candidates(tenant, SHOWN), *namesakes(tenant, SHOWN)],
            "may_merge": scope.may("merge", tenant),
        }
        for tenant in tenants
    ]
    return _render(
        request,
        "people.html",
        title=_("Same person?"),
        parts=[part for part in parts if part["groups"]],
    )


@require_http_methods(["GET", "POST"])
def merge_page(request: HttpRequest, object_id: int) -> HttpResponse:
    other = _client(request, object_id)
    into = asked.number(request.GET.get("into", ""))
    if into is None:
        messages.info(request, _("Choose the two clients in this list."))
        return redirect("admin:bookings_client_same")
    kept = _client(request, into)
    if request.method == "POST":
        try:
            with audit.acting("person", request.user.get_username()):
                moved = merging.merge(other, kept)
        except ConfigurationError as error:
            messages.error(request, str(error))
            return redirect("admin:bookings_client_same")
        messages.info(request, _("Merged: %(n)s bookings moved.") % {"n": f"{moved:,}"})
        return redirect("admin:bookings_client_change", kept.pk)
    return _render(
        request,
        "merge.html",
        title=_("Merge two clients"),
        other=other,
        kept=kept,
        clients=[other, kept],
    )


@require_http_methods(["GET", "POST"])
def separate_page(request: HttpRequest, object_id: int) -> HttpResponse:
    other = _client(request, object_id)
    if other.merged_into is None:
        messages.info(request, _("This client is not merged into another one."))
        return redirect("admin:bookings_client_change", other.pk)
    if request.method == "POST":
        with audit.acting("person", request.user.get_username()):
            moved = merging.separate(other)
        messages.info(request, _("Separated: %(n)s bookings moved back.") % {"n": f"{moved:,}"})
        return redirect("admin:bookings_client_change", other.pk)
    return _render(
        request, "merge.html", title=_("Separate two clients"), other=other, kept=other.merged_into
    )


def _client(request: HttpRequest, pk: int) -> Client:
    """A client whom this person may merge."""
    scope = access.of_user(request.user)
    rows = scope.narrow(Client.objects.select_related("tenant", "merged_into"))
    client = get_object_or_404(rows, pk=pk)
    if not scope.may("merge", client.tenant_id):
        raise PermissionDenied
    return client


def _render(request: HttpRequest, template: str, **context: object) -> TemplateResponse:
    shown = admin.site.each_context(request) | {"opts": Client._meta} | context
    return TemplateResponse(request, f"integrations/{template}", shown)
