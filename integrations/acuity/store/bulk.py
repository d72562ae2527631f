"""How do many new rows get into a table at once? PostgreSQL's COPY, elsewhere one prepared INSERT.

Django's `bulk_create` spends most of its time on making objects and statements; docs/performance.md
has the figures. Tables and columns still come from the models.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any

import msgspec
from django.db import connection, models, transaction

Row = Sequence[Any]
# Rows of one INSERT. SQLite needs a sixth more time for them than for single ones, but other threads
# can use Python during all of it, which is when the next page is parsed.
ROWS = 100


def insert(
    model: type[models.Model],
    names: Sequence[str],
    rows: Sequence[Row],
    waiting: Callable[[], None] = lambda: None,
    **same: Any,
) -> None:
    """Insert `rows` of `names`; `same` is equal in all of them, other fields have their defaults.

    `waiting` is called when the rest is the database's work. Raises the usual `django.db.Error`s.
    Times must be in UTC, amounts in cents.
    """
    rest = {
        field.attname: field.get_default()
        for field in model._meta.concrete_fields
        if not field.primary_key and field.attname not in names
    } | same
    fields = [column_of(model, name) for name in chain(names, rest)]
    count = len(rows)
    constants = [
        [field.get_db_prep_save(value, connection)] * count
        for field, value in zip(fields[len(names) :], rest.values(), strict=True)
    ]
    columns = chain(_prepared(fields, rows), constants)
    fill(model._meta.db_table, fields, zip(*columns, strict=True), waiting)


def fill_with(table: str, fields: Sequence[Any], rows: Sequence[Row]) -> None:
    """Insert `rows` of `fields`, and nothing else, into `table`. As `insert`."""
    fill(table, fields, zip(*_prepared(fields, rows), strict=True))


def fill(
    table: str,
    fields: Sequence[Any],
    prepared: Iterable[Row],
    waiting: Callable[[], None] = lambda: None,
) -> None:
    """Insert what is as the driver takes it."""
    quote = connection.ops.quote_name
    into = f"{quote(table)} ({', '.join(quote(field.column) for field in fields)})"
    if connection.vendor == "postgresql":
        copying = f"COPY {into} FROM STDIN"
        with (
            connection.wrap_database_errors,
            connection.cursor() as cursor,
            cursor.copy(copying) as copy,
        ):
            for row in prepared:
                copy.write_row(row)
            waiting()
        return
    every = list(prepared)
    place = f"({', '.join(['%s'] * len(fields))})"
    many = len(every) // ROWS * ROWS
    together = [list(chain.from_iterable(every[n : n + ROWS])) for n in range(0, many, ROWS)]
    waiting()
    with connection.cursor() as cursor:
        insertion = f"INSERT INTO {into} VALUES "
        for places, rows in ((", ".join([place] * ROWS), together), (place, every[many:])):
            if rows:
                cursor.executemany(insertion + places, rows)


def analyze(model: type[models.Model]) -> None:
    """Let PostgreSQL see how the table has grown. Autovacuum looks about once a minute, and until
    then every lookup of a first import is planned for an empty table."""
    if connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            # A sample of 3,000 rows tells enough until autovacuum takes its own of 30,000.
            cursor.execute("SET LOCAL default_statistics_target TO 10")
            # Whoever locks the table is analyzing it already.
            cursor.execute(
                f"ANALYZE (SKIP_LOCKED) {connection.ops.quote_name(model._meta.db_table)}"
            )


def relax_durability() -> None:
    """Let PostgreSQL answer before this transaction is on disk. If its machine fails, the last ones
    are undone as a whole, rows and checkpoint, and the import goes on from the one before."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL synchronous_commit TO off")


def column_of(model: type[models.Model], attname: str) -> Any:
    """The field whose column it is."""
    return next(field for field in model._meta.concrete_fields if field.attname == attname)


def _prepared(fields: Sequence[Any], rows: Sequence[Row]) -> list[Iterable[Any]]:
    """Column by column, because most need one call for all their values, or none."""
    columns = zip(*rows, strict=True)
    return [_converted(field, column) for field, column in zip(fields, columns, strict=False)]


def _converted(field: Any, column: Sequence[Any]) -> Iterable[Any]:
    """The column as text and numbers, which drivers take quickly: SQLite's asks Python about each
    other value. By way of JSON, because that is one call for all of them."""
    if isinstance(field, models.JSONField):
        # A line for each value: within a value, JSON has no line ends.
        return msgspec.json.Encoder().encode_lines(column).decode().split("\n")[:-1]
    if isinstance(field, models.DateField | models.DecimalField):
        texts = msgspec.json.encode(column)
        if isinstance(field, models.DateTimeField) and connection.vendor != "postgresql":
            # As Django's own backend writes them.
            texts = texts.replace(b"T", b" ").replace(b"Z", b"")
        return msgspec.json.decode(texts, type=list[Any])
    if isinstance(field, models.BooleanField) and connection.vendor != "postgresql":
        return map(int, column)
    return column
