"""What does the admin show of orders, certificates and blocked times?"""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from bookings.admin.base import once
from bookings.admin.catalogue import ListedAdmin
from bookings.models import Block, Certificate, Order
from bookings.theme import DateFilter


@admin.register(Order)
class OrderAdmin(ListedAdmin):
    list_display = ["external_id", "placed_at", "title", "total", "status", "client", "tenant"]
    list_filter = [("placed_at", DateFilter), "status", "tenant"]
    list_select_related = ["client", "tenant"]
    search_fields = ["=external_id", "last_name", "first_name", "email"]
    ordering = ["-placed_at"]
    readonly_fields = ["lines"]

    @admin.display(description=_("Lines"))
    @once
    def lines(self, order: Order) -> str:
        return ", ".join(f"{line.quantity} × {line.product_name}" for line in order.lines.all())


@admin.register(Certificate)
class CertificateAdmin(ListedAdmin):
    list_display = [
        "code",
        "name",
        "type",
        "remaining_value",
        "remaining_minutes",
        "expires_on",
        "tenant",
    ]
    list_filter = ["type", "product_type", ("expires_on", DateFilter), "tenant"]
    search_fields = ["code", "email"]


@admin.register(Block)
class BlockAdmin(ListedAdmin):
    list_display = ["external_id", "starts_at", "ends_at", "calendar", "notes", "tenant"]
    list_filter = [("starts_at", DateFilter), "calendar", "tenant"]
    list_select_related = ["calendar", "tenant"]
    ordering = ["-starts_at"]
