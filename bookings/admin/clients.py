"""What does the admin show of clients?"""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet, Sum
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from bookings import lists, phones, tables, zones
from bookings.admin.base import Mirror, link, once
from bookings.admin.cells import SHOWN, STATE_WORDS, open_amount, payments_table, state_of
from bookings.models import Client, Payment


@admin.register(Client)
class ClientAdmin(Mirror):
    words = _("clients")
    list_display = ["__str__", "email", "phone", "listed"]
    list_filter = ["tenant", "listed", ("review", admin.EmptyFieldListFilter)]
    search_fields = ["first_name", "last_name", "email", "phone"]
    search_help_text = _("Name, e-mail, or a phone number in any form")
    by_word = True
    list_select_related = ["tenant"]
    ordering = ["last_name", "first_name", "pk"]
    fields = [
        "name",
        "email",
        "phone",
        "tenant",
        "known",
        "review",
        "notes",
        "totals",
        "bookings",
        "payments",
    ]
    readonly_fields = ["name", "known", "totals", "bookings", "payments"]

    def having(self, word: str) -> Q:
        return lists.named(word) | Q(phone__icontains=word)

    def having_phone(self, digits: str) -> Q:
        return phones.having("phone", digits)

    @admin.display(description=_("Name"))
    def name(self, client: Client) -> str:
        return str(client)

    @admin.display(description=_("Known from"))
    def known(self, client: Client) -> str:
        entries = len(client.raw.get("entries", [])) if isinstance(client.raw, dict) else 1
        if not client.listed:
            return gettext("bookings only: not in the source's list of clients")
        if entries < 2:
            return gettext("the list of clients")
        return gettext("%(n)s entries of the list of clients") % {"n": entries}

    @admin.display(description=_("Totals"))
    @once
    def totals(self, client: Client) -> str:
        kept = client.appointments.filter(removed_at=None)
        paid = Payment.objects.filter(appointment__in=kept, removed_at=None)
        times, money = self._paid(client, paid)
        unpaid = sum((open_amount(row) for row in kept), Decimal(0))
        currency = client.tenant.currency
        booked = kept.count()
        return "; ".join(
            [
                ngettext("%(n)s booking", "%(n)s bookings", booked) % {"n": tables.number(booked)},
                ngettext("%(n)s payment, %(paid)s", "%(n)s payments, %(paid)s", times)
                % {"n": tables.number(times), "paid": money},
                gettext("open %(unpaid)s") % {"unpaid": tables.money(unpaid, currency)},
            ]
        )

    def _paid(self, client: Client, paid: QuerySet[Payment]) -> tuple[int, str]:
        """How many, and their sum: of each currency by itself, if there may be several."""
        sums = {"n": Count("*"), "amount": Sum("amount")}
        currency = client.tenant.currency
        if client.tenant.former_currencies and paid.exists():
            found = list(paid.order_by("currency").values_list("currency").annotate(**sums))
        else:
            found = [(currency, *paid.aggregate(**sums).values())]
        money = (tables.money(amount or Decimal(0), each) for each, _n, amount in found)
        return sum(n for _currency, n, _amount in found), " + ".join(money)

    @admin.display(description=_("Bookings"))
    @once
    def bookings(self, client: Client) -> str:
        rows = client.appointments.select_related("tenant", "appointment_type", "calendar")
        found = list(rows.order_by("-starts_at")[: SHOWN + 1])
        cells = [
            [
                link(zones.start(row), "bookings_appointment_change", pk=row.pk),
                row.appointment_type or "–",
                row.calendar or "–",
                STATE_WORDS[state_of(row)],
                tables.money(row.price),
                tables.money(row.amount_paid),
            ]
            for row in found[:SHOWN]
        ]
        if not cells:
            return gettext("none")
        heads = [
            f"{gettext('Starts')} ({zones.of(client.tenant).key})",
            gettext("Type"),
            gettext("Calendar"),
            gettext("State"),
            gettext("Price"),
            gettext("Paid"),
        ]
        return self._all(
            tables.table(gettext("Bookings"), heads, cells, [4, 5]),
            found,
            link(
                gettext("All bookings"),
                "bookings_appointment_changelist",
                client__id__exact=client.pk,
            ),
        )

    @admin.display(description=_("Payments"))
    @once
    def payments(self, client: Client) -> str:
        rows = Payment.objects.filter(appointment__client=client, removed_at=None)
        rows = rows.select_related("tenant", "appointment__tenant", "appointment__appointment_type")
        found = list(rows.order_by("-paid_at", "-pk")[: SHOWN + 1])
        every = link(
            gettext("All payments"), "bookings_payment_changelist", appointment__client=client.pk
        )
        return self._all(payments_table(found[:SHOWN]), found, every)

    def _all(self, shown: str, found: list[Any], every: str) -> str:
        return format_html("{}{}", shown, every) if len(found) > SHOWN else shown
