"""What does the admin show of what changed?"""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from bookings.admin.base import Mirror
from bookings.models import Change
from bookings.theme import DateFilter


@admin.register(Change)
class ChangeAdmin(Mirror):
    list_display = ["seen_at", "resource", "external_id", "by", "columns", "tenant"]
    list_filter = [("seen_at", DateFilter), "resource", "by", "tenant"]
    list_select_related = ["tenant"]
    search_fields = ["=external_id"]
    ordering = ["-seen_at", "-pk"]

    @admin.display(description=_("Columns"))
    def columns(self, change: Change) -> str:
        return ", ".join(change.changed)
