"""What does the admin show of bookings?"""

from typing import Any

from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bookings import lists, tables, zones
from bookings.admin.base import Mirror, link, once
from bookings.admin.cells import STATE_WORDS, STATES, open_amount, payments_table, right, state_of
from bookings.models import Appointment
from bookings.theme import DateFilter, label


class Open(admin.SimpleListFilter):
    """Those of which `open_amount` says that something is left."""

    title = _("Open")
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Not paid in full"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() != "yes":
            return queryset
        return queryset.filter(canceled=False, removed_at=None, price__gt=F("amount_paid"))


@admin.register(Appointment)
class AppointmentAdmin(Mirror):
    words = _("bookings")
    summed = {_("price"): "price", _("paid"): "amount_paid"}
    looks = {_("Not paid in full"): "open=yes"}
    list_display = [
        "client",
        "starts",
        "appointment_type",
        "state",
        "price_amount",
        "paid_amount",
        "open",
    ]
    list_filter = [
        ("service_date", DateFilter),
        Open,
        "canceled",
        "no_show",
        "paid",
        "calendar",
        "appointment_type",
        "tenant",
    ]
    search_fields = ["=external_id", "client__last_name", "client__first_name", "client__email"]
    search_help_text = _("Client, e-mail, phone number in any form, or the booking's ID")
    by_word = True
    list_select_related = ["client", "appointment_type", "calendar", "tenant"]
    ordering = ["-starts_at"]
    times = {"starts": ("starts_at", _("Starts")), "ends": ("ends_at", _("Ends"))}
    fields = [
        "client",
        "starts",
        "ends",
        "appointment_type",
        "calendar",
        "state_word",
        "price",
        "amount_paid",
        "open",
        "payment_list",
        "certificate",
        "notes",
        "answers",
        "label_names",
        "history_list",
        "external_id",
        "tenant",
    ]
    readonly_fields = [
        "starts",
        "ends",
        "state_word",
        "open",
        "payment_list",
        "answers",
        "label_names",
        "history_list",
    ]

    def having(self, word: str) -> Q:
        return Q(external_id=word) | lists.of_client(word)

    def having_phone(self, digits: str) -> Q:
        return lists.of_phone(digits)

    @admin.display(description=_("Starts"), ordering="starts_at")
    def starts(self, row: Appointment) -> str:
        return zones.start(row, named=True)

    @admin.display(description=_("Ends"))
    def ends(self, row: Appointment) -> str:
        return zones.written(row.ends_at, zones.of(row.tenant), named=True)

    @label(_("State"), STATES, ordering="canceled")
    def state(self, row: Appointment) -> tuple[str, str]:
        return state_of(row), str(STATE_WORDS[state_of(row)])

    @admin.display(description=_("State"))
    def state_word(self, row: Appointment) -> str:
        return str(STATE_WORDS[state_of(row)])

    @admin.display(description=_("Price"), ordering="price")
    def price_amount(self, row: Appointment) -> str:
        return right(tables.money(row.price))

    @admin.display(description=_("Paid"), ordering="amount_paid")
    def paid_amount(self, row: Appointment) -> str:
        return right(tables.money(row.amount_paid))

    @admin.display(description=_("Open"))
    def open(self, row: Appointment) -> str:
        return right(tables.money(open_amount(row)))

    @admin.display(description=_("Changes"))
    @once
    def history_list(self, row: Appointment) -> str:
        query = {"resource": "appointments", "q": row.external_id}
        return link(gettext("what changed"), "bookings_change_changelist", **query)

    @admin.display(description=_("Payments"))
    @once
    def payment_list(self, row: Appointment) -> str:
        rows = row.payments.filter(removed_at=None).select_related("tenant").order_by("-paid_at")
        return payments_table(rows, with_booking=False)

    @admin.display(description=_("Answers"))
    @once
    def answers(self, row: Appointment) -> str:
        asked = [
            (value.get("name", ""), value.get("value", ""))
            for form in row.forms
            if isinstance(form, dict)
            for value in form.get("values", [])
            if isinstance(value, dict)
        ]
        return format_html_join("", "<p><b>{}</b><br>{}</p>", asked) or gettext("none")

    @admin.display(description=_("Labels"))
    @once
    def label_names(self, row: Appointment) -> str:
        names = [str(each.get("name", "")) for each in row.labels if isinstance(each, dict)]
        return ", ".join(names) or gettext("none")
