"""Which of the rows that came are other than those stored? Told apart by the database, a page at once.

They go into a temporary table. One question then says of each row which columns differ; what differs
is read with its old values, for the history, and written whole. Of all others only the bytes are
written, so that no index is touched.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db import connection
from django.db.models import Model

from integrations.acuity.reading.values import digest
from integrations.acuity.store.bulk import Row, column_of, fill_with
from integrations.acuity.store.history import NO_CONTENT, Seen, compared, keep

# What came, and by what it is recognised when it comes again.
BYTES = {"raw", "content_hash", "fingerprint"}
# Before a column it keeps SQLite from looking it up by its index: it takes a table of which it has counted
# nothing for a long one, and would look through all that is stored for each page that comes.
FEW = "+"


def overwrite(
    model: type[Model],
    names: Sequence[str],
    rows: Mapping[int, Row],
    unread: Collection[int],
    seen: Seen,
) -> set[int]:
    """Write `rows` of `names`, by primary key, over what is stored; `names` begin with external_id.

    The keys of those of which a column changed, which history keeps; of rows that are `unread`, nobody
    knows what they were: they count, and have no history.
    """
    names, place = names[1:], {name: n for n, name in enumerate(names)}
    content = [name for name in names if name not in NO_CONTENT]
    others = [name for name in names if name in NO_CONTENT and name not in BYTES]
    incoming = _incoming(model, names, rows)
    differ = _differ(model, incoming, content + others)
    all_of_content = (1 << len(content)) - 1
    suspects = {pk: bits for pk, bits in differ.items() if bits & all_of_content}
    columns = [name for n, name in enumerate(content) if any(b >> n & 1 for b in suspects.values())]
    found = compared(
        model,
        columns,
        {pk: [rows[pk][place[name]] for name in columns] for pk in suspects if pk not in unread},
    )
    keep(seen, model, found)
    whole = {pk for pk, bits in differ.items() if bits} | set(unread)
    _update(model, incoming, names, whole, len(rows))
    _update(model, incoming, [n for n in names if n in BYTES], rows.keys() - whole, len(rows))
    # The database takes JSON with its keys in another order for another value.
    return {pk for pk, _, changed in found if changed} | set(unread)


def _incoming(model: type[Model], names: Sequence[str], rows: Mapping[int, Row]) -> str:
    """The name of a temporary table that has the rows, and no others."""
    fields = [model._meta.pk, *(column_of(model, name) for name in names)]
    quote = connection.ops.quote_name
    # A connection that is shared keeps the table for whoever comes next.
    table = f"incoming_{digest([model._meta.db_table, *names])[:12]}"
    columns = ", ".join(f"{quote(field.column)} {_type(field)}" for field in fields)
    emptied = " ON COMMIT DELETE ROWS" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE IF NOT EXISTS {quote(table)} ({columns}){emptied}")
        cursor.execute(f"DELETE FROM {quote(table)}")
    fill_with(table, fields, [(pk, *row[1:]) for pk, row in rows.items()])
    return table


def _type(field: Any) -> str:
    if field.primary_key:
        return "bigint PRIMARY KEY" if connection.vendor == "postgresql" else "integer PRIMARY KEY"
    # As the column is declared, so that values compare as they are stored.
    return str(field.db_type(connection))


def _differ(model: type[Model], incoming: str, names: Sequence[str]) -> dict[int, int]:
    """Which of the columns differ, by primary key: bit n for the nth name. The rows are locked."""
    quote = connection.ops.quote_name
    postgres = connection.vendor == "postgresql"
    bit = "(t.{0} IS DISTINCT FROM i.{0})::int::bigint" if postgres else "(t.{0} IS NOT i.{0})"
    bits = " + ".join(
        f"({bit.format(quote(column_of(model, name).column))} << {n})"
        for n, name in enumerate(names)
    )
    asked = (
        f"SELECT t.id, {bits} FROM {quote(model._meta.db_table)} t"
        f" JOIN {quote(incoming)} i ON t.id = {FEW}i.id"
    )
    with connection.cursor() as cursor:
        cursor.execute(asked + " FOR NO KEY UPDATE OF t" if postgres else asked)
        return dict(cursor.fetchall())


def _update(
    model: type[Model], incoming: str, names: Sequence[str], pks: Collection[int], all_rows: int
) -> None:
    """Write the columns of these rows; of all that came, if they are so many."""
    if not pks:
        return
    quote = connection.ops.quote_name
    table, other = quote(model._meta.db_table), quote(incoming)
    columns = [quote(column_of(model, name).column) for name in names]
    written = ", ".join(f"{column} = {other}.{column}" for column in columns)
    update = f"UPDATE {table} SET {written} FROM {other} WHERE {table}.id = {FEW}{other}.id"
    some = sorted(pks) if len(pks) < all_rows else []
    if some:
        update += f" AND {other}.id IN ({', '.join(['%s'] * len(some))})"
    with connection.cursor() as cursor:
        cursor.execute(update, some)
