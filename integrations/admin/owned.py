"""What do businesses and clients show besides, where an importer is installed?"""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bookings.admin import ClientAdmin, TenantAdmin, link, once
from bookings.models import Client, Tenant
from integrations import access
from integrations.admin.deletable import Deletable
from integrations.console import gone, people

admin.site.unregister([Tenant, Client])


@admin.register(Tenant)
class OwnedTenantAdmin(Deletable, TenantAdmin):
    """With what an import keeps of it. Whoever adds one has no role in it, so superusers do."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)


@admin.register(Client)
class ForgettableClientAdmin(ClientAdmin):
    """With the ways to forget a person, and to make two clients one."""

    readonly_fields = [*ClientAdmin.readonly_fields, "same", "forget"]

    @admin.display(description=_("Same person"))
    @once
    def same(self, client: Client) -> str:
        if client.merged_into:
            into = link(str(client.merged_into), "bookings_client_change", pk=client.merged_into_id)
            return format_html("{}: {}", into, self._separate(client))
        others = [
            format_html(
                "{}: {}", link(str(c), "bookings_client_change", pk=c.pk), self._separate(c)
            )
            for c in client.merged.order_by("pk")
        ]
        return format_html_join(mark_safe("<br>"), "{}", ((one,) for one in others)) or link(
            gettext("Look for others …"), "bookings_client_same"
        )

    def _separate(self, client: Client) -> str:
        return link(gettext("Separate …"), "bookings_client_separate", pk=client.pk)

    @admin.display(description=_("Personal data"))
    def forget(self, client: Client) -> str:
        return link(gettext("Forget this person …"), "bookings_client_forget", pk=client.pk)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        names = super().get_fields(request, obj)
        if obj and access.of_user(request.user).may("merge", obj.tenant_id):
            names = [*names, "same"]
        if obj and access.of_user(request.user).may("forget", obj.tenant_id):
            return [*names, "forget"]
        return names

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("same/", view(people.candidates_page), name="bookings_client_same"),
            *(
                path(f"<int:object_id>/{deed}/", view(page), name=f"bookings_client_{deed}")
                for deed, page in (
                    ("forget", gone.forget_page),
                    ("merge", people.merge_page),
                    ("separate", people.separate_page),
                )
            ),
        ]
        return [*own, *super().get_urls()]
