"""The button that tries a key before the account is saved."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from integrations import access
from integrations.console import asked, key
from integrations.models import AcuityAccount

# What is asked with; of the other fields nothing needs to be right yet.
FIELDS = ("user_id", "api_key", "base_url")


def of_request(request: HttpRequest) -> AcuityAccount | None:
    """The stored account whose form it is; None for a new one. Raises PermissionDenied."""
    scope = access.of_user(request.user)
    if not scope.may("own"):
        raise PermissionDenied
    number = asked.number(request.POST.get("account", ""))
    rows = scope.narrow(AcuityAccount.objects.select_related("tenant"), "own")
    return rows.filter(pk=number).first() if number is not None else None


def answer(request: HttpRequest, form: Any) -> HttpResponse:
    """What Acuity says of the form as it is filled in: a sentence for its script, or a page."""
    form.is_valid()
    faults = [error for name in FIELDS for error in form.errors.get(name, [])]
    opened = key.Opened(None, " ".join(faults)) if faults else key.ask([form.instance])[0]
    if request.headers.get("X-Live"):
        status = 200 if opened.facts else 422
        return HttpResponse(opened.words, content_type="text/plain; charset=utf-8", status=status)
    shown = admin.site.each_context(request) | {"title": _("Is the key right?"), "opened": opened}
    return TemplateResponse(request, "integrations/key.html", shown)
