"""What does a business see of its clients, appointments and payments?"""

from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bookings import lists, owed, phones, scope, tables, views, zones
from bookings.models import (
    Addon,
    Appointment,
    AppointmentType,
    Block,
    Calendar,
    Certificate,
    Change,
    Client,
    Form,
    Label,
    Order,
    Payment,
    Product,
    Question,
    Tenant,
)
from bookings.theme import DateFilter, ModelAdmin, label


def scripts(*names: str) -> forms.Media:
    """Of Django's admin."""
    return forms.Media(js=[f"admin/js/{name}.js" for name in names])


class Related(admin.RelatedFieldListFilter):
    """A filter that offers what the user may see."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        ordering = self.field_admin_ordering(field, request, model_admin)
        rows = scope.rules.narrow(request.user, field.related_model._default_manager.all())
        return [(row.pk, str(row)) for row in rows.order_by(*ordering)]


class Scoped(ModelAdmin):
    """Rows, choices and filters of the tenants that the user may see."""

    # The deed that changing, adding and deleting take.
    deed = "own"

    @property
    def media(self) -> forms.Media:
        """Of Django's scripts, those of a form whose fields do not fill each other."""
        least = "" if settings.DEBUG else ".min"
        jquery = (f"vendor/jquery/jquery{least}", "jquery.init")
        return scripts(*jquery, "core", "admin/RelatedObjectLookups")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        told = {"media": scripts("core", "actions")} | (extra_context or {})
        return super().changelist_view(request, told)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return scope.rules.narrow(request.user, super().get_queryset(request))

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        return [self._narrowed(one) for one in super().get_list_filter(request)]

    def _narrowed(self, one: Any) -> Any:
        if isinstance(one, str) and self.model._meta.get_field(one).is_relation:
            return (one, Related)
        return one

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_foreignkey(
            db_field, request, **kwargs | self._offered(db_field, request)
        )

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(
            db_field, request, **kwargs | self._offered(db_field, request)
        )

    def _offered(self, db_field: Any, request: HttpRequest) -> dict[str, Any]:
        rows = db_field.related_model._default_manager.all()
        return {"queryset": scope.rules.narrow(request.user, rows, self.deed)}

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and scope.rules.may(request.user, self.deed)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and self.allowed(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and self.allowed(request, obj)

    def allowed(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the deed is allowed for this row, or for any."""
        if obj is None:
            return scope.rules.may(request.user, self.deed)
        rows = self.model._default_manager.filter(pk=obj.pk)
        return scope.rules.narrow(request.user, rows, self.deed).exists()


class Mirror(Scoped):
    """Rows that an import writes: to be looked at, not edited."""

    list_per_page = 50
    paginator = lists.KeyPaginator
    show_full_result_count = False
    list_filter_submit = True
    change_list_template = "bookings/list.html"
    # What its rows are called, and what a list without any says.
    words: Any = ""
    empty: Any = _("Nothing here yet: import an account first.")
    # Columns that a list sums up, by what the sum is called.
    summed: dict[Any, str] = {}
    # Whether `having` says which rows a search finds; in long lists clients are looked up first.
    by_word = False
    # The way to a phone number that a search finds in any form.
    phone = ""
    # Columns with a time: the field, and the head that the zone stands beside.
    times: dict[str, tuple[str, Any]] = {}
    # Nothing is typed into it.
    media = scripts("core")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if self.by_word and not phones.digits(search_term):
            for word in search_term.split():
                queryset = queryset.filter(self.having(word))
            return queryset, False
        if self.phone and (wanted := phones.digits(search_term)):
            found, _ = super().get_search_results(request, queryset, search_term)
            by_phone = phones.having(queryset.model._default_manager.all(), self.phone, wanted)
            matching = Q(pk__in=found.values("pk")) | Q(pk__in=by_phone.values("pk"))
            return queryset.filter(matching), False
        result: tuple[QuerySet[Any], bool] = super().get_search_results(
            request, queryset, search_term
        )
        return result

    def having(self, word: str) -> Q:
        """The rows that have the word."""
        raise NotImplementedError

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """With the zone in the head of a column of times, and the business where there are more."""
        if not hasattr(request, "columns"):
            tenants = scope.rules.narrow(request.user, Tenant.objects.all())
            found = list(tenants.values_list("timezone", flat=True))
            columns = [self._column(name, set(found)) for name in super().get_list_display(request)]
            if len(found) > 1 and self.summed and "tenant" not in columns:
                columns.append("tenant")
            request.columns = columns  # type: ignore[attr-defined]
        columns = request.columns  # type: ignore[attr-defined]
        return list(columns)

    def _column(self, name: Any, found: set[str]) -> Any:
        if name not in self.times or len(found) != 1:
            return name
        field, head = self.times[name]
        where = zones.zone(found.pop())

        @admin.display(description=f"{head} ({where.key})", ordering=field)
        def column(row: Any) -> str:
            if field == "starts_at":
                return zones.start(row)
            return zones.written(getattr(row, field), where)

        return column

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        told = {"words": self.words, "empty": self.empty} | (extra_context or {})
        if self.words:
            told["title"] = capfirst(self.words)
        answer = super().changelist_view(request, told)
        context = getattr(answer, "context_data", None)
        if context and "cl" in context and scope.rules.may(request.user, "revenue"):
            context["sums"] = self._sums(context["cl"].queryset)
        return answer

    def _sums(self, rows: QuerySet[Any]) -> list[tuple[str, str]]:
        """In words; none where the rows are of more than one currency."""
        currencies = (
            set(rows.order_by().values_list("tenant__currency").distinct()) if self.summed else []
        )
        if len(currencies) != 1:
            return []
        [(currency,)] = currencies
        summed = rows.order_by().aggregate(**{f"sum_{f}": Sum(f) for f in self.summed.values()})
        return [
            (str(name), tables.money(summed[f"sum_{field}"], currency))
            for name, field in self.summed.items()
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def link(label: str, name: str, **query: Any) -> str:
    """A link into the admin: to an object's page, or to a list filtered by `query`."""
    pk = query.pop("pk", None)
    url = reverse(f"admin:{name}", args=[pk] if pk is not None else None)
    search = "&".join(f"{key}={value}" for key, value in query.items())
    return format_html(
        '<a class="underline" href="{}">{}</a>', f"{url}?{search}" if search else url, label
    )


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


SHOWN = 20


def open_amount(booking: Appointment) -> Decimal:
    """What is still to be paid; nothing for a booking that will not be."""
    if booking.canceled or booking.removed_at:
        return Decimal(0)
    left: Decimal = booking.price - booking.amount_paid
    return max(Decimal(0), left)


def state_of(booking: Appointment) -> str:
    if booking.removed_at:
        return "gone"
    if booking.no_show:
        return "no-show"
    return "canceled" if booking.canceled else "booked"


# Of each state: the colour of its label, and its word.
STATES = {"booked": "success", "canceled": "warning", "no-show": "danger", "gone": "info"}
STATE_WORDS = {
    "booked": _("booked"),
    "canceled": _("canceled"),
    "no-show": _("no-show"),
    "gone": _("gone at the source"),
}


def right(text: str) -> str:
    """A number in a list's column, which stands to the right."""
    return format_html('<span class="amount">{}</span>', text)


def booking_link(booking: Appointment) -> str:
    """Its type and start, as a link to its page."""
    words = f"{booking.appointment_type or gettext('Booking')}, {zones.start(booking)}"
    return link(words, "bookings_appointment_change", pk=booking.pk)


def payments_table(payments: Any, with_booking: bool = True) -> str:
    rows = [
        [
            zones.written(payment.paid_at, zones.of(payment.tenant)),
            payment.processor,
            *([booking_link(payment.appointment)] if with_booking else []),
            link(
                tables.money(payment.amount, payment.currency)
                + (gettext(" refund") if payment.amount < 0 else ""),
                "bookings_payment_change",
                pk=payment.pk,
            ),
        ]
        for payment in payments
    ]
    heads = [
        gettext("Paid"),
        gettext("Processor"),
        *([gettext("Booking")] if with_booking else []),
        gettext("Amount"),
    ]
    return (
        tables.table(gettext("Payments"), heads, rows, [len(heads) - 1])
        if rows
        else gettext("none")
    )


@admin.register(Client)
class ClientAdmin(Mirror):
    words = _("clients")
    list_display = ["__str__", "email", "phone", "listed"]
    list_filter = ["tenant", "listed", ("review", admin.EmptyFieldListFilter)]
    search_fields = ["first_name", "last_name", "email", "phone"]
    search_help_text = _("Name, e-mail, or a phone number in any form")
    phone = "phone"
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
    def totals(self, client: Client) -> str:
        kept = client.appointments.filter(removed_at=None)
        paid = Payment.objects.filter(appointment__in=kept, removed_at=None)
        sums = paid.aggregate(n=Count("pk"), amount=Sum("amount"))
        unpaid = sum((open_amount(row) for row in kept), Decimal(0))
        currency = client.tenant.currency
        return gettext(
            "%(bookings)s bookings; %(payments)s payments, %(paid)s; open %(unpaid)s"
        ) % {
            "bookings": tables.number(kept.count()),
            "payments": tables.number(sums["n"]),
            "paid": tables.money(sums["amount"] or Decimal(0), currency),
            "unpaid": tables.money(unpaid, currency),
        }

    @admin.display(description=_("Bookings"))
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


@admin.register(Appointment)
class AppointmentAdmin(Mirror):
    words = _("bookings")
    summed = {_("price"): "price", _("paid"): "amount_paid"}
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
        "canceled",
        "no_show",
        "paid",
        "calendar",
        "appointment_type",
        "tenant",
    ]
    search_fields = ["=external_id", "client__last_name", "client__first_name", "client__email"]
    search_help_text = _("Client, e-mail, phone number in any form, or the booking's ID")
    phone = "client__phone"
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
    def history_list(self, row: Appointment) -> str:
        query = {"resource": "appointments", "q": row.external_id}
        return link(gettext("what changed"), "bookings_change_changelist", **query)

    @admin.display(description=_("Payments"))
    def payment_list(self, row: Appointment) -> str:
        rows = row.payments.filter(removed_at=None).select_related("tenant").order_by("-paid_at")
        return payments_table(rows, with_booking=False)

    @admin.display(description=_("Answers"))
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
    def label_names(self, row: Appointment) -> str:
        names = [str(each.get("name", "")) for each in row.labels if isinstance(each, dict)]
        return ", ".join(names) or gettext("none")


@admin.register(Payment)
class PaymentAdmin(Mirror):
    words = _("payments")
    summed = {_("sum"): "amount"}
    list_display = ["client", "booking", "paid", "processor", "sum", "service_date"]
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
    phone = "appointment__client__phone"
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
        "client",
        "booking",
        "paid",
        "processor",
        "sum",
        "transaction_id",
        "service_date",
        "gone",
        "tenant",
    ]
    readonly_fields = ["client", "booking", "paid", "sum", "gone"]

    def having(self, word: str) -> Q:
        booked = Appointment.objects.filter(external_id=word).values_list("pk", flat=True)
        of_client = Appointment.objects.filter(lists.of_client(word)).values("pk")
        found = Q(transaction_id__icontains=word) | Q(appointment__in=list(booked))
        if word.replace(".", "", 1).isdecimal():
            found |= Q(amount=word)
        return found | Q(appointment__in=of_client)

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        return lookup == "appointment__client" or super().lookup_allowed(lookup, value, request)

    @admin.display(description=_("Client"), ordering="appointment__client__last_name")
    def client(self, payment: Payment) -> str:
        return str(payment.appointment.client)

    @admin.display(description=_("For"))
    def booking(self, payment: Payment) -> str:
        return booking_link(payment.appointment)

    @admin.display(description=_("Paid"), ordering="paid_at")
    def paid(self, payment: Payment) -> str:
        return zones.written(payment.paid_at, zones.of(payment.tenant), named=True)

    @admin.display(description=_("Amount"), ordering="amount")
    def sum(self, payment: Payment) -> str:
        mark = gettext(" refund") if payment.amount < 0 else ""
        text = tables.money(payment.amount, payment.currency) + mark
        return right(text)

    @admin.display(description=_("Gone at the source"))
    def gone(self, payment: Payment) -> str:
        return zones.written(payment.removed_at, zones.of(payment.tenant), named=True) or gettext(
            "no"
        )


class ListedAdmin(Mirror):
    """Rows of a list that comes whole."""

    list_filter: list[Any] = ["tenant"]
    list_select_related = ["tenant"]
    exclude = ["raw", "content_hash"]


@admin.register(Calendar)
class CalendarAdmin(ListedAdmin):
    list_display = ["__str__", "timezone", "tenant"]


@admin.register(AppointmentType)
class AppointmentTypeAdmin(ListedAdmin):
    list_display = ["__str__", "duration", "price", "active", "tenant"]
    list_filter = ["active", "tenant"]


@admin.register(Label)
class LabelAdmin(ListedAdmin):
    list_display = ["__str__", "color", "tenant"]


@admin.register(Addon)
class AddonAdmin(ListedAdmin):
    list_display = ["__str__", "duration", "price", "active", "tenant"]
    list_filter = ["active", "tenant"]


@admin.register(Form)
class FormAdmin(ListedAdmin):
    list_display = ["__str__", "hidden", "tenant", "questions"]
    readonly_fields = ["questions"]

    @admin.display(description=_("Questions"))
    def questions(self, form: Form) -> str:
        return link(gettext("show"), "bookings_question_changelist", form__id__exact=form.pk)


@admin.register(Question)
class QuestionAdmin(ListedAdmin):
    list_display = ["__str__", "form", "kind", "required", "tenant"]
    list_filter = ["kind", "required", "form", "tenant"]
    list_select_related = ["form", "tenant"]
    search_fields = ["text", "=external_id"]


@admin.register(Product)
class ProductAdmin(ListedAdmin):
    list_display = ["__str__", "price", "type", "hidden", "tenant"]
    list_filter = ["type", "hidden", "tenant"]


@admin.register(Order)
class OrderAdmin(ListedAdmin):
    list_display = ["external_id", "placed_at", "title", "total", "status", "client", "tenant"]
    list_filter = [("placed_at", DateFilter), "status", "tenant"]
    list_select_related = ["client", "tenant"]
    search_fields = ["=external_id", "last_name", "first_name", "email"]
    ordering = ["-placed_at"]
    readonly_fields = ["lines"]

    @admin.display(description=_("Lines"))
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
