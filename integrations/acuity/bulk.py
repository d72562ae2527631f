"""How do many new rows get into a table at once? PostgreSQL's COPY, elsewhere one prepared INSERT.

Django's `bulk_create` spends most of its time on making objects and statements; docs/performance.md
has the figures. Tables and columns still come from the models.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

import msgspec
from django.db import connection, models

Row = Sequence[Any]


def insert(model: type[models.Model], names: Sequence[str], rows: Iterable[Row], **same: Any) -> None:
    """Insert `rows` of `names`; `same` is equal in all of them, other fields have their defaults.

    Raises the usual `django.db.Error`s. Times must be in UTC.
    """
    rest = {
        field.attname: field.get_default()
        for field in model._meta.concrete_fields
        if not field.primary_key and field.attname not in names
    } | same
    fields = [_field(model, name) for name in chain(names, rest)]
    constant = [
        field.get_db_prep_save(value, connection)
        for field, value in zip(fields[len(names) :], rest.values(), strict=True)
    ]
    converters = [
        (position, convert)
        for position, field in enumerate(fields[: len(names)])
        if (convert := _converter(field))
    ]
    quote = connection.ops.quote_name
    table, columns = quote(model._meta.db_table), ", ".join(quote(field.column) for field in fields)
    prepared = (_prepared(row, converters, constant) for row in rows)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in prepared:
                    copy.write_row(row)
        else:
            places = ", ".join(["%s"] * len(fields))
            cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", list(prepared))


def analyze(model: type[models.Model]) -> None:
    """Let PostgreSQL see how the table has grown. Autovacuum looks about once a minute, and until
    then every lookup of a first import is planned for an empty table."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")


def _field(model: type[models.Model], attname: str) -> Any:
    return next(field for field in model._meta.concrete_fields if field.attname == attname)


def _prepared(
    row: Row, converters: list[tuple[int, Callable[[Any], Any]]], constant: list[Any]
) -> list[Any]:
    values = list(row)
    for position, convert in converters:
        if values[position] is not None:
            values[position] = convert(values[position])
    return values + constant


def _converter(field: Any) -> Callable[[Any], Any] | None:
    """What a value of the field needs before the driver takes it, if anything."""
    if isinstance(field, models.JSONField):
        return lambda value: msgspec.json.encode(value).decode()
    if isinstance(field, models.DateTimeField) and connection.vendor != "postgresql":
        return _without_zone
    return None


def _without_zone(at: datetime) -> str:
    return at.replace(tzinfo=None).isoformat(" ")
