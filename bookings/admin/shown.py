"""How does a field look in a list and on a page? Money in its currency, a time in the business's zone."""

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils.text import capfirst
from django.utils.translation import gettext

from bookings import tables, zones
from bookings.models import Tenant
from bookings.models.amounts import MoneyField

Write = Callable[[Any, Any], str]
UTC = ZoneInfo("UTC")


def shown(model: type[models.Model], name: Any, where: ZoneInfo | None = None) -> Any:
    """A column or line of the field; the name itself where Django writes it well.

    Of a time the zone stands in the head if it is the same in all rows, `where`, else behind it.
    """
    try:
        field = model._meta.get_field(name)
    except (FieldDoesNotExist, AttributeError):
        return name
    write = _writer(field, where)
    if write is None:
        return name
    head = capfirst(field.verbose_name)  # type: ignore[union-attr]
    if where and isinstance(field, models.DateTimeField):
        head = f"{head} ({where.key})"

    @admin.display(description=head, ordering=name)
    def column(row: Any) -> str:
        value = getattr(row, name)
        return "–" if value is None else write(row, value)

    column.__name__ = name
    return column


def _writer(field: Any, where: ZoneInfo | None) -> Write | None:
    if isinstance(field, MoneyField):
        return lambda row, value: tables.money(value, row.tenant.currency)
    if isinstance(field, models.DateTimeField):
        return lambda row, value: zones.written(value, where or _zone(row), named=not where)
    if isinstance(field, models.DateField):
        return lambda row, value: zones.day(value)
    if isinstance(field, models.BooleanField):
        # A red cross would look like a fault.
        return lambda row, value: gettext("yes") if value else gettext("no")
    return None


def _zone(row: Any) -> ZoneInfo:
    """The business's; of what belongs to none or to many, UTC."""
    tenant = getattr(row, "tenant", None) or getattr(getattr(row, "account", None), "tenant", None)
    return zones.of(tenant) if isinstance(tenant, Tenant) else UTC
