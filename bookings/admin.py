"""What does a business see of its clients, appointments and payments?"""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from bookings import revenue, scope
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
from bookings.theme import DateFilter, ModelAdmin


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
    show_full_result_count = False
    list_filter_submit = True

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

    @admin.display(description="Revenue")
    def revenue(self, tenant: Tenant) -> str:
        return link("by month", "bookings_revenue", pk=tenant.pk)

    def get_list_display(self, request: HttpRequest) -> list[str]:
        hidden = [] if scope.rules.may(request.user, "revenue") else ["revenue"]
        return [name for name in self.list_display if name not in hidden]

    def get_urls(self) -> list[URLPattern]:
        page, table = (
            self.admin_site.admin_view(v) for v in (revenue.revenue_page, revenue.revenue_csv)
        )
        own = [
            path("<uuid:object_id>/revenue/", page, name="bookings_revenue"),
            path("<uuid:object_id>/revenue.csv", table, name="bookings_revenue_csv"),
        ]
        return [*own, *super().get_urls()]


@admin.register(Client)
class ClientAdmin(Mirror):
    list_display = ["__str__", "email", "phone", "listed", "tenant", "appointments"]
    list_filter = ["tenant", "listed", ("review", admin.EmptyFieldListFilter)]
    search_fields = ["first_name", "last_name", "email", "phone"]
    list_select_related = ["tenant"]
    ordering = ["last_name", "first_name", "pk"]
    exclude = ["raw", "content_hash", "name_key"]
    readonly_fields = ["appointments"]

    @admin.display(description="Appointments")
    def appointments(self, client: Client) -> str:
        return link("show", "bookings_appointment_changelist", client__id__exact=client.pk)


@admin.register(Appointment)
class AppointmentAdmin(Mirror):
    list_display = [
        "external_id",
        "starts_at",
        "client",
        "appointment_type",
        "calendar",
        "state",
        "price",
        "amount_paid",
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
    list_select_related = ["client", "appointment_type", "calendar"]
    ordering = ["-starts_at"]
    exclude = [
        "raw",
        "content_hash",
        "payment_state",
        "payments_fetched_for",
        "payments_fetched",
        "payments_fetched_sum",
    ]
    readonly_fields = ["payment_list", "history_list"]

    @admin.display(description="State")
    def state(self, row: Appointment) -> str:
        if row.removed_at:
            return "gone at the source"
        if row.no_show:
            return "no-show"
        return "canceled" if row.canceled else "booked"

    @admin.display(description="History")
    def history_list(self, row: Appointment) -> str:
        query = {"resource": "appointments", "q": row.external_id}
        return link("show", "bookings_change_changelist", **query)

    @admin.display(description="Payments")
    def payment_list(self, row: Appointment) -> str:
        return link("show", "bookings_payment_changelist", appointment__id__exact=row.pk)


@admin.register(Payment)
class PaymentAdmin(Mirror):
    list_display = [
        "service_date",
        "paid_at",
        "processor",
        "amount",
        "currency",
        "booking",
        "tenant",
    ]
    list_filter = [
        ("service_date", DateFilter),
        ("paid_at", DateFilter),
        "processor",
        "tenant",
    ]
    search_fields = ["transaction_id", "=appointment__external_id"]
    list_select_related = ["tenant", "appointment"]
    ordering = ["-service_date", "-pk"]

    @admin.display(description="Appointment")
    def booking(self, payment: Payment) -> str:
        return link(
            payment.appointment.external_id,
            "bookings_appointment_change",
            pk=payment.appointment_id,
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

    @admin.display(description="Questions")
    def questions(self, form: Form) -> str:
        return link("show", "bookings_question_changelist", form__id__exact=form.pk)


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

    @admin.display(description="Lines")
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

    @admin.display(description="Columns")
    def columns(self, change: Change) -> str:
        return ", ".join(change.changed)
