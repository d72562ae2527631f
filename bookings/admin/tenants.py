"""What does the admin show of businesses, and which pages hang on them?"""

from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bookings import owed, scope, views
from bookings.admin.base import Scoped, link
from bookings.models import Tenant


@admin.register(Tenant)
class TenantAdmin(Scoped):
    list_display = ["name", "timezone", "currency", "revenue"]
    search_fields = ["name"]

    @admin.display(description=_("Revenue"))
    def revenue(self, tenant: Tenant) -> str:
        return link(gettext("by month"), "bookings_revenue", pk=tenant.pk)

    def get_list_display(self, request: HttpRequest) -> list[str]:
        hidden = [] if scope.rules.may(request.user, "revenue") else ["revenue"]
        return [name for name in self.list_display if name not in hidden]

    def get_urls(self) -> list[URLPattern]:
        page, table = (
            self.admin_site.admin_view(v) for v in (views.revenue_page, views.revenue_csv)
        )
        own = [
            path("revenue/", self.admin_site.admin_view(views.revenues), name="bookings_revenues"),
            path("owed/", self.admin_site.admin_view(owed.first), name="bookings_owed_first"),
            path(
                "<uuid:object_id>/owed/",
                self.admin_site.admin_view(owed.page),
                name="bookings_owed",
            ),
            path("<uuid:object_id>/revenue/", page, name="bookings_revenue"),
            path("<uuid:object_id>/revenue.csv", table, name="bookings_revenue_csv"),
        ]
        return [*own, *super().get_urls()]
