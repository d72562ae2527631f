"""What does the admin show of payments?"""

from functools import reduce
from operator import or_
from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bookings import lists, tables, views, zones
from bookings.admin.base import Mirror, link
from bookings.admin.cells import booking_link, refund_mark, right
from bookings.models import Appointment, Payment
from bookings.theme import DateFilter


@admin.register(Payment)
class PaymentAdmin(Mirror):
    words = _("payments")
    summed = {_("sum"): "amount"}
    currency = "currency"
    list_display = ["client", "booking", "paid", "processor", "sum", "served"]
    list_filter = [
        ("service_date", DateFilter),
        ("paid_at", DateFilter),
        ("processor", lists.FewValues),
        "tenant",
    ]
    search_fields = [
        "transaction_id",
        "=appointment__external_id",
        "=amount",
        "appointment__client__last_name",
        "appointment__client__first_name",
        "appointment__client__email",
    ]
    search_help_text = _("Client, phone number in any form, amount, or transaction")
    by_word = True
    list_select_related = [
        "tenant",
        "appointment__client",
        "appointment__appointment_type",
        "appointment__tenant",
    ]
    ordering = ["-service_date", "-pk"]
    times = {"paid": ("paid_at", _("Paid"))}
    fields = [
        "who",
        "booking",
        "paid",
        "processor",
        "sum",
        "transaction_id",
        "service_date",
        "gone",
        "tenant",
    ]
    readonly_fields = ["who", "booking", "paid", "sum", "gone"]

    def having(self, word: str) -> Q:
        booked = Appointment.objects.filter(external_id=word).values_list("pk", flat=True)
        of_client = Appointment.objects.filter(lists.of_client(word)).values("pk")
        ways = [Q(transaction_id__icontains=word), Q(appointment__in=of_client)]
        if word.replace(".", "", 1).isdecimal():
            ways.append(Q(amount=word))
        return reduce(or_, map(_found, ways), Q(appointment__in=list(booked)))

    def having_phone(self, digits: str) -> Q:
        booked = Appointment.objects.filter(lists.of_phone(digits)).values("pk")
        return _found(Q(appointment__in=booked))

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        own = {"appointment__client", *views.KEPT}
        return lookup in own or super().lookup_allowed(lookup, value, request)

    @admin.display(description=_("Client"), ordering="appointment__client__last_name")
    def client(self, payment: Payment) -> str:
        return str(payment.appointment.client)

    @admin.display(description=_("Client"))
    def who(self, payment: Payment) -> str:
        client = payment.appointment.client
        return link(str(client), "bookings_client_change", pk=client.pk)

    @admin.display(description=_("For"))
    def booking(self, payment: Payment) -> str:
        return booking_link(payment.appointment)

    @admin.display(description=_("Paid"), ordering="paid_at")
    def paid(self, payment: Payment) -> str:
        return zones.written(payment.paid_at, zones.of(payment.tenant), named=True)

    @admin.display(description=_("Amount"), ordering="amount")
    def sum(self, payment: Payment) -> str:
        return right(
            f"{refund_mark(payment)} {tables.money(payment.amount, payment.currency)}".strip()
        )

    @admin.display(description=_("Service date"), ordering="service_date")
    def served(self, payment: Payment) -> str:
        return zones.day(payment.service_date)

    @admin.display(description=_("Gone at the source"))
    def gone(self, payment: Payment) -> str:
        return zones.written(payment.removed_at, zones.of(payment.tenant), named=True) or gettext(
            "no"
        )


def _found(way: Q) -> Q:
    """The payments that are found so, by their keys unless they are many."""
    return lists.looked_up(Payment.objects.filter(way), way)
