"""A table as CSV: UTF-8, the names of the columns first."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bookings.exports.tables import Column
from bookings.exports.values import harmless, text


def write(
    path: Path, columns: list[Column], rows: Iterator[Sequence[Any]], *, spreadsheet: bool = False
) -> int:
    """How many rows were written. For a spreadsheet, no text can be taken for a formula."""
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow([column.name for column in columns])
        for row in rows:
            if spreadsheet:
                row = [harmless(value) if isinstance(value, str) else value for value in row]
            writer.writerow([text(value) for value in row])
            count += 1
    return count
