"""A table as Parquet: money as decimals, times in UTC, in groups of rows."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bookings.exports.tables import Column
from bookings.exports.values import kind, text

# Rows that are Python's at a time, and those of a row group.
AT_ONCE, GROUP = 1000, 10_000


def write(path: Path, columns: list[Column], rows: Iterator[Sequence[Any]]) -> int:
    """How many rows were written."""
    schema = pa.schema([(column.name, _type(column)) for column in columns])
    as_text = [n for n, column in enumerate(columns) if kind(column.field) in ("array", "object")]
    count = 0
    batches = _batches(schema, as_text, rows)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while group := list(islice(batches, GROUP // AT_ONCE)):
            table = pa.Table.from_batches(group)
            writer.write_table(table)
            count += table.num_rows
    return count


def _batches(schema: Any, as_text: list[int], rows: Iterator[Sequence[Any]]) -> Iterator[Any]:
    while chunk := list(islice(rows, AT_ONCE)):
        values = [list(column) for column in zip(*chunk, strict=True)]
        for n in as_text:
            values[n] = [text(value) for value in values[n]]
        arrays = [pa.array(v, field.type) for v, field in zip(values, schema, strict=True)]
        yield pa.record_batch(arrays, schema=schema)


def _type(column: Column) -> Any:
    field: Any = column.field
    match kind(field):
        case "number":
            return pa.decimal128(field.max_digits, field.decimal_places)
        case "datetime":
            return pa.timestamp("us", tz="UTC")
        case "date":
            return pa.date32()
        case "boolean":
            return pa.bool_()
        case "integer":
            return pa.int64()
    return pa.string()
