"""What do the lists beside clients and bookings answer to a query?"""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from .catalog import HIDDEN
from .query import Query, flag, number

Json = dict[str, Any]
DEFAULT_MAX = 100


def select(name: str, rows: list[Json], query: Query, timezone: str) -> list[Json]:
    """The rows of `/name` that the query selects, as the API shows them."""
    found = SELECTS.get(name, _all)(rows, query, timezone)
    return [{key: value for key, value in row.items() if key != HIDDEN} for row in found]


def _all(rows: list[Json], query: Query, timezone: str) -> list[Json]:
    return rows


def _types(rows: list[Json], query: Query, timezone: str) -> list[Json]:
    return rows if flag(query, "includeDeleted") else [row for row in rows if row["active"]]


def _products(rows: list[Json], query: Query, timezone: str) -> list[Json]:
    return rows if flag(query, "deleted") else [row for row in rows if not row.get(HIDDEN)]


def _certificates(rows: list[Json], query: Query, timezone: str) -> list[Json]:
    for key in ("productID", "orderID"):
        if query.get(key):
            rows = [row for row in rows if row[key] == number(query, key, -1)]
    if query.get("appointmentTypeID"):
        kind = number(query, "appointmentTypeID", -1)
        rows = [row for row in rows if kind in row["appointmentTypeIDs"]]
    if email := query.get("email", "").casefold():
        rows = [row for row in rows if row["email"].casefold() == email]
    return rows


def _orders(rows: list[Json], query: Query, timezone: str) -> list[Json]:
    newest = sorted(rows, key=lambda row: (row["time"], row["id"]), reverse=True)
    return newest[: number(query, "max", DEFAULT_MAX)]


def _blocks(rows: list[Json], query: Query, timezone: str) -> list[Json]:
    """Whole days of the business, both inclusive; latest start first."""
    low, high = (_day(query.get(key)) for key in ("minDate", "maxDate"))
    at = ZoneInfo(timezone)
    found = [
        row
        for row in rows
        if (day := _start(row).astimezone(at).date())
        and (low is None or day >= low)
        and (high is None or day <= high)
    ]
    if query.get("calendarID"):
        found = [row for row in found if row["calendarID"] == number(query, "calendarID", -1)]
    found.sort(key=lambda row: row["id"])
    found.sort(key=_start, reverse=True)
    return found[: number(query, "max", DEFAULT_MAX)]


def _start(row: Json) -> datetime:
    return datetime.fromisoformat(row["start"])


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat((text or "")[:10])
    except ValueError:
        return None


SELECTS: dict[str, Callable[[list[Json], Query, str], list[Json]]] = {
    "appointment-types": _types,
    "products": _products,
    "certificates": _certificates,
    "orders": _orders,
    "blocks": _blocks,
}
