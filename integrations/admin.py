"""Where do people manage accounts, runs, rejected records and tokens?"""

import hashlib
import secrets
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from bookings.admin import Mirror, link
from bookings.theme import ModelAdmin, button, label
from integrations.console import views
from integrations.models import AcuityAccount, ApiToken, ImportRun, RejectedRecord

COLOURS = {
    "queued": "info",
    "running": "info",
    "verifying": "info",
    "pausing": "warning",
    "paused": "warning",
    "cancelling": "warning",
    "cancelled": "warning",
    "failed": "danger",
    "completed": "success",
    "completed_with_gaps": "danger",
}


class AccountForm(forms.ModelForm):  # type: ignore[type-arg]
    """The key goes in and never comes out again."""

    api_key = forms.CharField(
        label="API key",
        required=False,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "new-password"}),
        help_text="Acuity: Integrations → API. Never shown again; leave empty to keep the stored one.",
    )

    base_url = forms.URLField(
        label="Address",
        required=False,
        assume_scheme="https",
        help_text="Only for a server that is not Acuity's own.",
    )

    class Meta:
        model = AcuityAccount
        fields = ["tenant", "user_id", "api_key", "base_url"]

    def clean_api_key(self) -> str:
        key = self.cleaned_data["api_key"] or (self.instance.api_key if self.instance.pk else "")
        if not key:
            raise forms.ValidationError("Enter the API key of the account.")
        return str(key)


@admin.register(AcuityAccount)
class AcuityAccountAdmin(ModelAdmin):
    form = AccountForm
    list_display = ["__str__", "tenant", "user_id", "timezone", "runs"]
    list_select_related = ["tenant"]
    search_fields = ["name", "user_id", "tenant__name"]
    actions = ["import_from_acuity"]
    actions_detail = ["import_this"]

    @admin.action(description="Import from Acuity", permissions=["run_import"])
    def import_from_acuity(
        self, request: HttpRequest, queryset: QuerySet[AcuityAccount]
    ) -> HttpResponseRedirect:
        chosen = ",".join(str(pk) for pk in queryset.values_list("pk", flat=True))
        return redirect(f"{reverse('admin:acuity_start')}?accounts={chosen}")

    @button("Import from Acuity", url_path="import", permissions=["run_import"])
    def import_this(self, request: HttpRequest, object_id: int) -> HttpResponseRedirect:
        return redirect(f"{reverse('admin:acuity_start')}?accounts={object_id}")

    def has_run_import_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("integrations.run_import")

    @admin.display(description="Imports")
    def runs(self, account: AcuityAccount) -> str:
        return link("show", "integrations_importrun_changelist", account__id__exact=account.pk)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [path("import/", view(views.start_page), name="acuity_start"), *super().get_urls()]


@admin.register(ImportRun)
class ImportRunAdmin(Mirror):
    list_display = ["short", "account", "state", "created_at", "finished_at", "gap_count"]
    list_filter = ["status", "account"]
    list_select_related = ["account"]
    ordering = ["-created_at"]

    @admin.display(description="Run")
    def short(self, run: ImportRun) -> str:
        return str(run.pk)[:8]

    @label("State", COLOURS, ordering="status")
    def state(self, run: ImportRun) -> tuple[str, str]:
        return run.status, run.get_status_display()

    @admin.display(description="Gaps")
    def gap_count(self, run: ImportRun) -> int:
        return len(run.gaps)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        return views.run_page(request, object_id)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = path("<uuid:object_id>/do/<str:what>/", view(views.act), name="acuity_act")
        return [own, *super().get_urls()]


@admin.register(RejectedRecord)
class RejectedRecordAdmin(Mirror):
    list_display = ["external_id", "resource", "reason", "run_link", "created_at", "resolved_at"]
    list_filter = ["resource", "account", ("resolved_at", admin.EmptyFieldListFilter)]
    list_select_related = ["run"]
    search_fields = ["=external_id", "reason"]
    exclude = ["digest"]

    @admin.display(description="Run")
    def run_link(self, record: RejectedRecord) -> str:
        return link(str(record.run_id)[:8], "integrations_importrun_change", pk=record.run_id)


@admin.register(ApiToken)
class ApiTokenAdmin(ModelAdmin):
    list_display = ["name", "created_at", "last_used_at"]
    fields = ["name", "tenants"]
    filter_horizontal = ["tenants"]

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        if not change:
            token = secrets.token_urlsafe(32)
            obj.digest = hashlib.sha256(token.encode()).hexdigest()
            shown = format_html("The token, shown only now: <code>{}</code>", token)
            messages.warning(request, shown)
        super().save_model(request, obj, form, change)
