"""The buttons around webhooks on an account's page."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from integrations import access, audit
from integrations.acuity.accounts import briefly
from integrations.acuity.errors import AcuityError, ConfigurationError
from integrations.acuity.sync import webhooks
from integrations.console.sentences import said
from integrations.console.words import for_people
from integrations.models import AcuityAccount


@require_POST
def change(request: HttpRequest, object_id: int) -> HttpResponse:
    """Register the webhooks at this page's own address, or remove them."""
    rows = access.of_user(request.user).narrow(AcuityAccount.objects.all(), "own")
    account = get_object_or_404(rows, pk=object_id)
    what = request.POST.get("webhooks", "")
    try:
        with audit.acting("person", request.user.get_username()), briefly.turn():
            if what == "register":
                target = request.build_absolute_uri(reverse("acuity_webhook", args=[account.pk]))
                webhooks.register(account, target)
                messages.info(request, _("From now on Acuity reports changes."))
            elif what == "remove" and webhooks.remove(account):
                messages.info(request, _("Acuity no longer reports changes."))
            elif what == "remove":
                messages.warning(request, _("Acuity did not confirm that: remove them there, too."))
    except (AcuityError, ConfigurationError) as error:
        messages.error(request, said(for_people(str(error))))
    return redirect("admin:integrations_acuityaccount_change", account.pk)
