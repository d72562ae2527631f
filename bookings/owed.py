"""The page of open obligations: what is still owed on certificates and on bookings to come?"""

import uuid
from datetime import date

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from bookings import views, zones
from bookings.reports import obligations


@require_GET
def first(request: HttpRequest) -> HttpResponse:
    """The first business whose obligations the user may see."""
    return views.to_first(request, "bookings_owed")


@require_GET
def page(request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
    tenant = views.tenant_of(request, object_id)
    today = timezone.now().astimezone(zones.of(tenant)).date()
    day = today
    if given := request.GET.get("as_of", ""):
        try:
            day = date.fromisoformat(given)
        except ValueError:
            messages.warning(request, _("Enter a day like 2026-06-15."))
    report = obligations(tenant, day)
    context = admin.site.each_context(request) | {
        "title": _("Open obligations of %(business)s") % {"business": tenant},
        "report": report,
        "balances": [
            (_("Valid"), report["certificates"]),
            (_("Expired"), report["expired"]),
        ],
    }
    return TemplateResponse(request, "bookings/owed.html", context)
