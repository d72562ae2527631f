"""What does the admin show of rejected records?"""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bookings import zones
from bookings.admin import Mirror, link
from integrations import access
from integrations.console import rejects, views
from integrations.console.sentences import said
from integrations.models import RejectedRecord


@admin.register(RejectedRecord)
class RejectedRecordAdmin(Mirror):
    words = _("rejected records")
    empty = _("No record was rejected: everything that came could be read.")
    list_display = ["what", "why", "business", "account", "run_link", "seen", "settled"]
    list_filter = ["resource", "account", ("resolved_at", admin.EmptyFieldListFilter)]
    list_select_related = ["run", "account__tenant"]
    search_fields = ["=external_id", "reason"]
    fields = ["what", "why", "business", "account", "run_link", "seen", "settled", "again", "came"]
    readonly_fields = ["what", "why", "business", "run_link", "seen", "settled", "again", "came"]
    times = {"seen": ("created_at", _("Seen")), "settled": ("resolved_at", _("Settled"))}

    @admin.display(description=_("Record"), ordering="external_id")
    def what(self, record: RejectedRecord) -> str:
        return f"{said(record.resource)} {record.external_id}".strip()

    @admin.display(description=_("Business"), ordering="account__tenant__name")
    def business(self, record: RejectedRecord) -> str:
        return str(record.account.tenant)

    @admin.display(description=_("Seen"), ordering="created_at")
    def seen(self, record: RejectedRecord) -> str:
        where = zones.of(record.account.tenant)
        return zones.written(record.created_at, where, named=True)

    @admin.display(description=_("Settled"), ordering="resolved_at")
    def settled(self, record: RejectedRecord) -> str:
        where = zones.of(record.account.tenant)
        return zones.written(record.resolved_at, where, named=True) or gettext("not yet")

    @admin.display(description=_("Why"))
    def why(self, record: RejectedRecord) -> str:
        return said(record.reason)

    @admin.display(description=_("Try it again"))
    def again(self, record: RejectedRecord) -> str:
        return rejects.again(record)

    @admin.display(description=_("What came"))
    def came(self, record: RejectedRecord) -> str:
        return rejects.payload(record)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        names = super().get_fields(request, obj)
        may = obj and access.of_user(request.user).may("run", obj.account.tenant_id)
        return [name for name in names if may or name != "again"]

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(views.retry_one)
        own = [path("<int:object_id>/retry/", view, name="acuity_retry_one")]
        return [*own, *super().get_urls()]

    @admin.display(description=_("Run"))
    def run_link(self, record: RejectedRecord) -> str:
        return link(str(record.run_id)[:8], "integrations_importrun_change", pk=record.run_id)
