"""How is a stored value written down, and what of it says who somebody is?"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.db import models

from bookings.exports.tables import TABLES, Column, Table

Value = Any
Change = Callable[[Any], Any]
# Where a spreadsheet begins to calculate.
FORMULA = ("=", "+", "-", "@")


def kind(field: "models.Field[Any, Any]") -> str:
    """The type of a column, in the words of Frictionless' Table Schema."""
    match field:
        case models.BooleanField():
            return "boolean"
        case models.DecimalField():
            return "number"
        case models.DateTimeField():
            return "datetime"
        case models.DateField():
            return "date"
        case models.IntegerField():
            return "integer"
        case models.JSONField():
            return "array" if field.default is list else "object"
    return "string"


def text(value: Value) -> str:
    """As a CSV file has it: times in UTC with their zone, true and false, nothing for nothing."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case Decimal():
            return f"{value:f}"
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case dict() | list():
            return json.dumps(value, ensure_ascii=False)
    return str(value)


def harmless(value: str) -> str:
    """The text so that no spreadsheet takes it for a formula."""
    return f"'{value}" if value.startswith(FORMULA) else value


class Pseudonyms:
    """People as digests: equal values stay equal within one export, and say nothing outside it."""

    def __init__(self) -> None:
        self._salt = secrets.token_bytes(32)

    def of(self, value: Any) -> Any:
        """What is empty stays so."""
        if value is None or value == "":
            return value
        words = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        return hmac.new(self._salt, words.encode(), hashlib.sha256).hexdigest()[:32]

    def rows(self, table: Table, rows: Iterator[Sequence[Any]]) -> Iterator[Sequence[Any]]:
        """The rows, their personal columns replaced."""
        if table.name == "changes":
            return self._changes(table.columns, rows)
        at = [n for n, column in enumerate(table.columns) if column.personal]
        return self._replaced(at, rows) if at else rows

    def _replaced(self, at: list[int], rows: Iterator[Sequence[Any]]) -> Iterator[Sequence[Any]]:
        for row in rows:
            changed = list(row)
            for n in at:
                changed[n] = self.of(changed[n])
            yield changed

    def _changes(
        self, columns: list[Column], rows: Iterator[Sequence[Any]]
    ) -> Iterator[Sequence[Any]]:
        """Their values are those of other tables' columns."""
        names = [column.name for column in columns]
        resource, key, changed = (names.index(n) for n in ("resource", "external_id", "changed"))
        hidden = {table.name: _personal(table) for table in TABLES.values()}
        for row in rows:
            personal, new = hidden.get(row[resource], set()), list(row)
            if "external_id" in personal:
                new[key] = self.of(row[key])
            new[changed] = {
                name: [self.of(each) for each in pair] if name in personal else pair
                for name, pair in row[changed].items()
            }
            yield new


def _personal(table: Table) -> set[str]:
    """The fields behind the personal columns; answers are among a booking's."""
    found = {column.lookup.partition("__")[0] for column in table.columns if column.personal}
    return found | ({"forms"} if table.name == "appointments" else set())
