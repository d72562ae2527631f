"""What does the admin show of what can be booked and sold?"""

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bookings.admin.base import Mirror, link
from bookings.models import Addon, AppointmentType, Calendar, Form, Label, Product, Question


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
