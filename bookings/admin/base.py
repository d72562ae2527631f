"""What have all the admin's lists of a business in common?"""

from collections.abc import Callable
from functools import cached_property, reduce, wraps
from operator import and_
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import Q, QuerySet, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from bookings import lists, phones, scope, tables, zones
from bookings.admin.shown import shown
from bookings.models import Tenant
from bookings.theme import ChangeList, ModelAdmin


def scripts(*names: str) -> forms.Media:
    """Of Django's admin."""
    return forms.Media(js=[f"admin/js/{name}.js" for name in names])


def once(column: Callable[[Any, Any], str]) -> Callable[[Any, Any], str]:
    """A column whose text is made once for each row: the theme's forms ask for it five times."""

    @wraps(column)
    def told(self: Any, row: Any) -> str:
        kept: dict[str, str] = row.__dict__.setdefault("_told", {})
        if column.__name__ not in kept:
            kept[column.__name__] = column(self, row)
        return kept[column.__name__]

    return told


class List(ChangeList):
    """A list whose links are made once each: the theme makes those of its head for every row."""

    @cached_property
    def links(self) -> dict[str, str]:
        return {}

    def get_query_string(self, new_params: Any = None, remove: Any = None) -> str:
        key = repr((new_params, remove))
        if key not in self.links:
            self.links[key] = super().get_query_string(new_params, remove)
        return self.links[key]

    def get_results(self, request: HttpRequest) -> None:
        """What fits on one page Django would look for once more, in all rows."""
        super().get_results(request)
        pages, whole = self.paginator, self.show_all and self.can_show_all
        filtered = isinstance(pages, lists.KeyPaginator) and bool(self.queryset.query.where)
        if filtered and (whole or not self.multi_page):
            self.result_list = self.queryset.filter(lists.among(pages.found))


class Related(admin.RelatedFieldListFilter):
    """A filter that offers what the user may see."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        ordering = self.field_admin_ordering(field, request, model_admin)
        rows = scope.rules.narrow(request.user, field.related_model._default_manager.all())
        return [(row.pk, str(row)) for row in rows.order_by(*ordering)]


class Light(ModelAdmin):
    """Pages with the scripts that they use, and no others."""

    @property
    def media(self) -> forms.Media:
        """Of Django's scripts, those of a form whose fields do not fill each other."""
        least = "" if settings.DEBUG else ".min"
        jquery = (f"vendor/jquery/jquery{least}", "jquery.init")
        return scripts(*jquery, "core", "admin/RelatedObjectLookups")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        told = {"media": scripts("core", "actions")} | (extra_context or {})
        return super().changelist_view(request, told)

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[ChangeList]:
        return List


class Scoped(Light):
    """Rows, choices and filters of the tenants that the user may see."""

    # The deed that changing, adding and deleting take.
    deed = "own"

    def get_list_display(self, request: HttpRequest) -> Any:
        return [shown(self.model, name) for name in super().get_list_display(request)]

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
    # What is often asked of a list, a click away: its words, and the filter that answers.
    looks: dict[Any, str] = {}
    # Whether `having` and `having_phone` say which rows a search finds; clients are looked up first.
    by_word = False
    # Columns with a time: the field, and the head that the zone stands beside.
    times: dict[str, tuple[str, Any]] = {}
    # Of no use to whoever reads a row.
    inner = {"source", "source_account", "first_seen"}
    # Nothing is typed into it.
    media = scripts("core")
    # Where its money says in which currency it is, if it does.
    currency = ""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not self.by_word:
            found: tuple[QuerySet[Any], bool] = super().get_search_results(
                request, queryset, search_term
            )
            return found
        matching = reduce(and_, map(self.having, lists.words(search_term)), Q())
        if digits := phones.digits(search_term):
            matching |= self.having_phone(digits)
        return queryset.filter(matching), False

    def having(self, word: str) -> Q:
        """The rows that have the word."""
        raise NotImplementedError

    def having_phone(self, digits: str) -> Q:
        """The rows of a phone number with these digits, whatever its form."""
        raise NotImplementedError

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """With the zone in the head of a column of times, and the business where there are more."""
        if not hasattr(request, "columns"):
            found = [zone for zone, *_ in self._tenants(request)]
            columns = [self._column(name, set(found)) for name in self.list_display]
            if len(found) > 1 and self.summed and "tenant" not in columns:
                columns.append("tenant")
            request.columns = columns  # type: ignore[attr-defined]
        columns = request.columns  # type: ignore[attr-defined]
        return list(columns)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        names = super().get_fields(request, obj)
        return [shown(self.model, name) for name in names if name not in self.inner]

    def _column(self, name: Any, found: set[str]) -> Any:
        where = zones.zone(found.pop()) if len(found) == 1 else None
        if name not in self.times or not where:
            return shown(self.model, name, where)
        field, head = self.times[name]

        @admin.display(description=f"{head} ({where.key})", ordering=field)
        def column(row: Any) -> str:
            if field == "starts_at":
                return zones.start(row)
            return zones.written(getattr(row, field), where)

        return column

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        told = {"words": self.words, "empty": self.empty, "looks": self.looks}
        told |= extra_context or {}
        if self.words:
            told["title"] = capfirst(self.words)
        answer = super().changelist_view(request, told)
        context = getattr(answer, "context_data", None)
        if context and "cl" in context and scope.rules.may(request.user, "revenue"):
            context["sums"] = self._sums(request, context["cl"])
        return answer

    def _sums(self, request: HttpRequest, listed: ChangeList) -> list[tuple[str, str]]:
        """In words; none where the rows are of more than one currency, nor of a word so common that
        the list isn't counted to its end."""
        if not self.summed or not listed.result_count:
            return []
        rows = listed.queryset
        if isinstance(listed.result_count, lists.Beyond):
            if listed.query:
                return []
        elif rows.query.where:
            rows = rows.model._default_manager.filter(lists.among(listed.paginator.found))
        rows = rows.order_by()
        sums = {f"sum_{name}": Sum(name) for name in self.summed.values()}
        currencies = [currency for _, currency, _ in self._tenants(request)]
        # Most businesses never had another, and their sums come from an index.
        mixed = self.currency and any(former for *_, former in self._tenants(request))
        if len(set(currencies)) == 1 and not mixed:
            found = [(currencies[0], *rows.aggregate(**sums).values())]
        else:
            column = self.currency if mixed else "tenant__currency"
            found = list(rows.values_list(column).annotate(**sums)[:2])
        if len(found) != 1:
            return []
        [(currency, *amounts)] = found
        return [
            (str(name), tables.money(amount, currency))
            for name, amount in zip(self.summed, amounts, strict=True)
        ]

    def _tenants(self, request: HttpRequest) -> list[tuple[str, str, list[str]]]:
        """Zone, currency and former currencies of each that the user may see."""
        if not hasattr(request, "tenants"):
            rows = scope.rules.narrow(request.user, Tenant.objects.all())
            columns = ("timezone", "currency", "former_currencies")
            request.tenants = list(rows.values_list(*columns))  # type: ignore[attr-defined]
        found: list[tuple[str, str, list[str]]] = request.tenants  # type: ignore[attr-defined]
        return found

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
