"""How do the admin pages look? As Django's own, or as unfold's where a project has installed that."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.utils.translation import gettext_noop as _

# What the theme's own pages say; it has no German.
SAID = (
    _("Light"),
    _("Dark"),
    _("System"),
    _("Filters"),
    _("Apply Filters"),
    _("Type to search"),
    _("From"),
    _("To"),
    _("Go back"),
    _("Select value"),
    _("True"),
    _("False"),
)
UNFOLD = apps.is_installed("unfold")

if UNFOLD:
    from unfold.admin import ModelAdmin
    from unfold.decorators import action as unfold_action
    from unfold.utils import display_for_label
    from unfold.views import ChangeList as ChangeList
    from unfold.widgets import UnfoldAdminPasswordWidget as PasswordInput
    from unfold.widgets import UnfoldAdminURLInputWidget as URLInput
else:
    from django.contrib.admin import ModelAdmin as ModelAdmin
    from django.contrib.admin.views.main import ChangeList as ChangeList
    from django.contrib.admin.widgets import AdminURLFieldWidget as URLInput
    from django.forms import PasswordInput as PasswordInput

if apps.is_installed("unfold.contrib.filters"):
    from unfold.contrib.filters.admin import RangeDateFilter as DateFilter
else:
    from django.contrib.admin import DateFieldListFilter as DateFilter

__all__ = ["ChangeList", "DateFilter", "ModelAdmin", "PasswordInput", "URLInput", "button", "label"]


def label(description: Any, colours: dict[str, str], ordering: str) -> Callable[..., Any]:
    """A column of (value, text) pairs: the text, in unfold on a label of the value's colour."""

    # Of few values, and each takes a template.
    @lru_cache(maxsize=64)
    def coloured(value: str, text: str) -> str:
        return display_for_label((value, text), "", colours) if UNFOLD else text

    def decorate(pair: Callable[[Any, Any], tuple[str, str]]) -> Callable[[Any, Any], str]:
        @admin.display(description=description, ordering=ordering)
        def column(self: Any, row: Any) -> str:
            return coloured(*pair(self, row))

        return column

    return decorate


def button(description: Any, url_path: str, permissions: list[str]) -> Callable[..., Any]:
    """An action on an object's own page, which only unfold shows."""
    if UNFOLD:
        return unfold_action(  # type: ignore[no-any-return]
            description=description, url_path=url_path, permissions=permissions
        )
    return admin.action(description=description, permissions=permissions)
