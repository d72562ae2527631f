"""Where are tokens and roles given out, and who did what?"""

import hashlib
import secrets
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bookings.admin import Mirror, link
from integrations.admin.told import Told
from integrations.models import ApiToken, AuditEntry, Membership


@admin.register(ApiToken)
class ApiTokenAdmin(Told):
    deeds = ("issued a token", "changed a token", "revoked a token")
    list_display = ["name", "role", "created_at", "last_used_at"]
    fields = ["name", "role", "tenants"]

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        if not change:
            token = secrets.token_urlsafe(32)
            obj.digest = hashlib.sha256(token.encode()).hexdigest()
            shown = format_html("{} <code>{}</code>", gettext("The token, shown only now:"), token)
            messages.warning(request, shown)
        super().save_model(request, obj, form, change)

    def tenants(self, obj: ApiToken) -> set[Any]:
        return set(obj.tenants.values_list("pk", flat=True))

    def note(self, obj: ApiToken) -> str:
        return f"{obj.name}: {obj.role}"


@admin.register(Membership)
class MembershipAdmin(Told):
    """Superusers alone: whoever gives out roles could give himself any."""

    deeds = ("gave a role", "gave a role", "took a role")

    list_display = ["user", "tenant", "role"]
    list_filter = ["tenant", "role"]
    list_select_related = ["user", "tenant"]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    has_add_permission = has_module_permission
    has_change_permission = has_delete_permission = has_view_permission

    def note(self, obj: Membership) -> str:
        return f"{obj.user}: {obj.role}"


@admin.register(AuditEntry)
class AuditEntryAdmin(Mirror):
    list_display = ["at", "deed", "actor", "name", "tenant", "run_link", "note"]
    list_filter = ["deed", "actor", "tenant"]
    list_select_related = ["tenant", "run"]
    search_fields = ["name", "note"]
    ordering = ["-at", "-pk"]

    @admin.display(description=_("Run"))
    def run_link(self, entry: AuditEntry) -> str:
        if not entry.run_id:
            return ""
        return link(str(entry.run_id)[:8], "integrations_importrun_change", pk=entry.run_id)
