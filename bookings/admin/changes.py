"""What does the admin show of what changed?"""

from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.db.models import Case, OuterRef, QuerySet, Subquery, TextField, Value, When
from django.db.models.functions import Concat
from django.http import HttpRequest
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bookings import tables, zones
from bookings.admin.base import Mirror, once
from bookings.models import Change, Client
from bookings.theme import DateFilter

# Letters of a value in the list; its page has all.
SHORT = 40
# From a row of these to its client.
PATHS = {
    "clients": "pk",
    "appointments": "appointments",
    "payments": "appointments__payments",
}


@admin.register(Change)
class ChangeAdmin(Mirror):
    list_display = ["seen_at", "whose", "resource", "external_id", "by", "briefly", "tenant"]
    list_filter = [("seen_at", DateFilter), "resource", "by", "tenant"]
    list_select_related = ["tenant"]
    search_fields = ["=external_id"]
    ordering = ["-seen_at", "-pk"]
    fields = ["seen_at", "resource", "external_id", "by", "values", "tenant"]
    readonly_fields = ["values"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Change]:
        named = Concat("first_name", Value(" "), "last_name", output_field=TextField())
        cases = [
            When(
                resource=resource,
                then=Subquery(
                    Client.objects.filter(**{path: OuterRef("row")}).values(text=named)[:1]
                ),
            )
            for resource, path in PATHS.items()
        ]
        client = Case(*cases, default=Value(""), output_field=TextField())
        rows: QuerySet[Change] = super().get_queryset(request)
        return rows.annotate(client=client)

    @admin.display(description=_("Client"))
    def whose(self, change: Change) -> str:
        return (getattr(change, "client", "") or "").strip() or "–"

    @admin.display(description=_("Changes"))
    def briefly(self, change: Change) -> str:
        return "; ".join(
            f"{name}: {Truncator(before).chars(SHORT)} → {Truncator(after).chars(SHORT)}"
            for name, before, after in told(change)
        )

    @admin.display(description=_("Changes"))
    @once
    def values(self, change: Change) -> str:
        heads = [gettext("What"), gettext("Before"), gettext("After")]
        return tables.table(gettext("Changes"), heads, list(told(change)), [])


def told(change: Change) -> list[tuple[str, str, str]]:
    """Each column by its name for people, with its value before and after."""
    where = zones.of(change.tenant)
    return [
        (gettext(column.replace("_", " ")), _written(before, where), _written(after, where))
        for column, (before, after) in change.changed.items()
    ]


def _written(value: Any, where: ZoneInfo) -> str:
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    text = "" if value is None else str(value)
    return zones.from_kept(text, where) or text or "–"
