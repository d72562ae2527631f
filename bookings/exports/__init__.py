"""The way out: everything that a business has, in files that other programs read."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from bookings.exports import csv, dictionary
from bookings.exports.tables import TABLES, Table
from bookings.exports.values import Pseudonyms
from bookings.models import Payment, Refund, Tenant

FORMATS = ("csv", "parquet", "ics")


class Refused(Exception):
    """The export cannot be made as it was asked for; the sentence says why."""


@dataclass(frozen=True)
class Export:
    """What is wanted. `account` is one at the source, as each numbers its rows by itself. `only` are names of tables, none meaning all; `since` is the first moment of
    what is new or changed; `people` False turns them into digests."""

    tenant: Tenant
    format: str = "csv"
    account: str | None = None
    only: tuple[str, ...] = ()
    since: datetime | None = None
    people: bool = True
    spreadsheet: bool = False

    def check(self) -> None:
        """Raises Refused."""
        if self.format not in FORMATS:
            raise Refused(f"No format {self.format!r}: choose from {', '.join(FORMATS)}.")
        if self.format == "parquet" and not find_spec("pyarrow"):
            raise Refused("Parquet takes a package: pip install 'acuity-importer[parquet]'.")
        if self.spreadsheet and self.format != "csv":
            raise Refused("Only CSV files can be made for spreadsheets.")
        if self.only and self.format == "ics":
            raise Refused("A calendar has bookings only: leave out the names of tables.")
        if unknown := [name for name in self.only if name not in TABLES]:
            raise Refused(f"No table {', '.join(unknown)}: choose from {', '.join(TABLES)}.")

    def write(self, directory: Path, about: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Write all files into `directory`, which appears when they are whole; their description.

        `about()` says which import the rows come from, as it is when they are read. Raises Refused.
        """
        self.check()
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise Refused(f"{directory} holds something already: name a new directory.")
        try:
            directory.parent.mkdir(parents=True, exist_ok=True)
            beside = tempfile.mkdtemp(prefix=f".{directory.name}-", dir=directory.parent)
        except OSError as error:
            raise Refused(f"{directory} cannot be made: {error.strerror}.") from None
        made = Path(beside)
        try:
            with snapshot():
                known = about() | ({"since": self.since.isoformat()} if self.since else {})
                files = self._calendar(made) if self.format == "ics" else self._tables(made)
                package = dictionary.package(self.tenant, files, known)
            text = json.dumps(package, indent=1, ensure_ascii=False)
            (made / "datapackage.json").write_text(text, encoding="utf-8")
            os.rename(made, directory)
        except BaseException as error:
            shutil.rmtree(made, ignore_errors=True)
            if isinstance(error, OSError):
                raise Refused(f"{directory} cannot be written: {error.strerror}.") from None
            raise
        return dict(package)

    def _calendar(self, directory: Path) -> list[dict[str, Any]]:
        from bookings.exports import ics  # its package takes long to load

        path = directory / "bookings.ics"
        rows = TABLES["appointments"].rows(self.tenant, self.account, self.since)
        count = ics.write(path, rows, self.tenant, people=self.people)
        return [dictionary.resource(path, count)]

    def _tables(self, directory: Path) -> list[dict[str, Any]]:
        tables = [TABLES[name] for name in self.only] or list(TABLES.values())
        present, hidden, files = {table.name for table in tables}, Pseudonyms(), []
        for table in tables:
            path = directory / f"{table.name}.{self.format}"
            count = self._write(path, table, hidden)
            described = dictionary.schema(
                table, present, self._currency(table), whole=self.since is None
            )
            files.append(dictionary.resource(path, count) | {"schema": described})
        return files

    def _currency(self, table: Table) -> str:
        """Of its amounts; none of payments that may be of several, each of which says its own."""
        own = table.model in (Payment, Refund) and self.tenant.former_currencies
        return "" if own else self.tenant.currency

    def _write(self, path: Path, table: Table, hidden: Pseudonyms) -> int:
        rows: Iterator[Sequence[Any]] = table.values(
            table.rows(self.tenant, self.account, self.since)
        )
        if not self.people:
            rows = hidden.rows(table, rows)
        if self.format == "csv":
            return csv.write(path, table.columns, rows, spreadsheet=self.spreadsheet)
        from bookings.exports import parquet  # its package is an extra

        return parquet.write(path, table.columns, rows)


@contextmanager
def snapshot() -> Iterator[None]:
    """All reading within sees the database as it was at the first, whatever is written meanwhile."""
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "sqlite":
        # A transaction of Django's would keep imports from writing.
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")
    else:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield
