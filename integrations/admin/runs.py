"""What does the admin show of imports, and which pages hang on them?"""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from bookings import zones
from bookings.admin import Mirror
from bookings.theme import label
from integrations.console import dry_runs, views
from integrations.console.looks import COLOURS, LOOKS
from integrations.models import ImportRun


@admin.register(ImportRun)
class ImportRunAdmin(Mirror):
    words = _("imports")
    empty = _("No import yet: start one from the home page.")
    list_display = ["short", "business", "account", "state", "began", "ended", "gap_count"]
    list_filter = ["status", "account"]
    list_select_related = ["account__tenant"]
    times = {"began": ("created_at", _("Began")), "ended": ("finished_at", _("Ended"))}
    ordering = ["-created_at"]

    @admin.display(description=_("Run"))
    def short(self, run: ImportRun) -> str:
        return str(run.pk)[:8]

    @admin.display(description=_("Business"), ordering="account__tenant__name")
    def business(self, run: ImportRun) -> str:
        return str(run.account.tenant)

    @admin.display(description=_("Began"), ordering="created_at")
    def began(self, run: ImportRun) -> str:
        return zones.written(run.created_at, zones.of(run.account.tenant), named=True)

    @admin.display(description=_("Ended"), ordering="finished_at")
    def ended(self, run: ImportRun) -> str:
        return zones.written(run.finished_at, zones.of(run.account.tenant), named=True)

    @label(_("State"), COLOURS, ordering="status")
    def state(self, run: ImportRun) -> tuple[str, str]:
        return run.status, str(LOOKS[run.status].word)

    @admin.display(description=_("Gaps"))
    def gap_count(self, run: ImportRun) -> int:
        return len(run.gaps)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return views.run_page(request, object_id)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        proof = view(views.proof)
        return [
            path("dry-run/<uuid:object_id>/", view(dry_runs.page), name="acuity_dry_run"),
            path(
                "dry-run/<uuid:object_id>/do/<str:what>/",
                view(dry_runs.act),
                name="acuity_dry_run_act",
            ),
            path("proofs/", view(views.proofs_page), name="acuity_proofs"),
            path("<uuid:object_id>/do/<str:what>/", view(views.act), name="acuity_act"),
            path("<uuid:object_id>/changes/", view(views.changed), name="acuity_changes"),
            path("<uuid:object_id>/proof/", proof, {"form": "html"}, name="acuity_proof"),
            path("<uuid:object_id>/proof.json", proof, {"form": "json"}, name="acuity_proof_file"),
            *super().get_urls(),
        ]
