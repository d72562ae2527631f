"""How is an amount of money kept?"""

from decimal import Decimal
from typing import Any

from django.db import models

from bookings.amounts import shortest


class MoneyField(models.DecimalField):  # type: ignore[type-arg]  # not to be subscripted when it runs
    """In the business's currency, to a thousandth; it is read as `shortest` has it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"max_digits": 13, "decimal_places": 3} | options)

    def from_db_value(self, value: Decimal | None, *_: Any) -> Decimal | None:
        return None if value is None else shortest(value)
