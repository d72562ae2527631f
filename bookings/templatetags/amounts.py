"""Money in a template: `{{ paid|money }}`."""

from decimal import Decimal
from typing import Any

from django import template

from bookings import tables

register = template.Library()


@register.filter
def money(amount: Any) -> str:
    """`1,204.50`, or `12.505` in a currency with thousandths; nothing for nothing."""
    return tables.money(Decimal(amount)) if amount not in (None, "") else ""
