"""What do the files hold? A Data Package (Frictionless), its words from the models."""

import hashlib
from pathlib import Path
from typing import Any

from bookings.exports.tables import Column, Table
from bookings.exports.values import kind
from bookings.models import Tenant

MEDIA = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet", "ics": "text/calendar"}


def package(tenant: Tenant, resources: list[dict[str, Any]], about: dict[str, Any]) -> Any:
    """The whole description; `about` says which import the rows come from."""
    return {
        "profile": "data-package",
        "name": "bookings",
        "title": f"Bookings of {tenant.name}",
        "currency": tenant.currency,
        "timezone": tenant.timezone,
        **about,
        "resources": resources,
    }


def resource(path: Path, rows: int) -> dict[str, Any]:
    """A file as it lies there."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    suffix = path.suffix[1:]
    return {
        "name": path.stem,
        "path": path.name,
        "format": suffix,
        "mediatype": MEDIA[suffix],
        "bytes": path.stat().st_size,
        "hash": f"sha256:{digest}",
        "rows": rows,
    }


def schema(table: Table, present: set[str], currency: str, *, whole: bool) -> dict[str, Any]:
    """The columns, what identifies a row, and, where all rows are there, what refers to what."""
    found: dict[str, Any] = {
        "fields": [_field(column, currency) for column in table.columns],
        "primaryKey": list(table.key),
    }
    links = [
        {
            "fields": list(link.columns),
            "reference": {
                # A table that refers to itself has no name.
                "resource": "" if link.table == table.name else link.table,
                "fields": list(link.referred),
            },
        }
        for link in table.links
        if link.table in present
    ]
    return found | ({"foreignKeys": links} if whole and links else {})


def _field(column: Column, currency: str) -> dict[str, Any]:
    field = {
        "name": column.name,
        "type": kind(column.field),
        "description": str(column.description),
    }
    return field | ({"currency": currency} if currency and field["type"] == "number" else {})
