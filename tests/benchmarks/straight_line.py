"""The limit: the same rows into the same tables with no framework, no checkpoint and no proof.

One thread fetches ahead, msgspec decodes, COPY or a prepared INSERT writes a page. It believes the
source, remembers no progress, and has to begin anew after any fault.

    python -m tests.benchmarks.straight_line BASE_URL sqlite:///FILE|postgresql://…    (migrated)
"""

import html
import sqlite3
import sys
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec
import phonenumbers
import psycopg
import requests
import xxhash

LIMIT = 1000
TENANT = uuid.uuid4()
COLUMNS = {
    "bookings_tenant": "id, name, timezone, currency, former_currencies",
    "bookings_calendar": "tenant_id, source, external_id, raw, content_hash, name, timezone",
    "bookings_appointmenttype": "tenant_id, source, external_id, raw, content_hash, name, active",
    "bookings_client": (
        "id, tenant_id, source, external_id, raw, content_hash, first_name, last_name, email, phone,"
        " notes, name_key, listed, source_account, review"
    ),
    "bookings_appointment": (
        "tenant_id, source, external_id, raw, content_hash, client_id, calendar_id,"
        " appointment_type_id, starts_at, ends_at, timezone, service_date, price, paid, amount_paid,"
        " canceled, no_show, certificate, notes, forms, labels, payment_state, payments_fetched_for,"
        " payments_fetched, payments_fetched_sum, fingerprint, price_sold, type_name, category,"
        " calendar_name, calendar_timezone, location, class_id, first_name, last_name, email, phone,"
        " scheduled_by, duration, created_at, source_account"
    ),
}
# Columns that say the same in each row.
SAME: dict[str, dict[str, Any]] = {
    "bookings_calendar": dict.fromkeys(
        (
            *("known_from", "email", "reply_to", "description", "location", "image", "thumbnail"),
            "source_account",
        ),
        "",
    )
    | {"valid": True},
    "bookings_appointmenttype": dict.fromkeys(
        ("known_from", "description", "category", "color", "kind", "image", "source_account"), ""
    )
    | {"private": False, "padding_before": 0, "padding_after": 0},
}
Write = Callable[[str, list[tuple[Any, ...]]], None]


def columns(table: str) -> str:
    return ", ".join([COLUMNS[table], *SAME.get(table, {})])


def encoded(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def digest(value: Any) -> str:
    return xxhash.xxh3_128_hexdigest(msgspec.json.encode(value))


@lru_cache(100_000)
def phone_key(phone: str) -> str:
    digits = "".join(filter(str.isdigit, phone))
    try:
        number = phonenumbers.parse(digits, "US")
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    except phonenumbers.NumberParseException:
        return digits


@lru_cache(100_000)
def fold(first: str, last: str) -> str:
    return "|".join(" ".join(html.unescape(name).split()).casefold() for name in (first, last))


def client_key(row: dict[str, Any]) -> str:
    return f"{fold(row['firstName'], row['lastName'])}|{phone_key(row['phone'] or '') or row['email'].casefold()}"


class Rows:
    """Parsed rows, with the clients' keys known so far."""

    def __init__(self) -> None:
        self.clients: dict[str, int] = {}
        self.calendars: dict[int, int] = {}
        self.types: dict[int, int] = {}

    def client(self, row: dict[str, Any], key: str, listed: bool) -> tuple[Any, ...]:
        self.clients[key] = len(self.clients) + 1
        return (
            self.clients[key],
            TENANT,
            "acuity",
            key,
            encoded(row if listed else {}),
            digest(row),
            row["firstName"],
            row["lastName"],
            row["email"],
            row["phone"],
            row.get("notes") or "",
            key.rpartition("|")[0],
            listed,
            "",
            "",
        )

    def appointment(self, row: dict[str, Any], client: int) -> tuple[Any, ...]:
        at = datetime.fromisoformat(row["datetime"])
        start = at.astimezone(UTC)
        forms = row.pop("forms", None) or []
        for name in ("formsText", "confirmationPage", "confirmationPagePaymentLink"):
            row.pop(name, None)
        return (
            TENANT,
            "acuity",
            str(row["id"]),
            encoded(row),
            digest(row) + digest(forms),
            client,
            self.calendars.get(row["calendarID"]),
            self.types.get(row["appointmentTypeID"]),
            start.isoformat(" "),
            (start + timedelta(minutes=int(row["duration"]))).isoformat(" "),
            row["timezone"],
            at.date().isoformat(),
            row["price"],
            row["paid"] == "yes",
            row["amountPaid"],
            row["canceled"],
            row.get("noShow", False),
            row["certificate"] or "",
            row["notes"] or "",
            encoded(forms),
            encoded(row["labels"] or []),
            f"{row['paid']}:{row['amountPaid']}",
            "",
            0,
            "0",
            "",
            row["priceSold"],
            row["type"],
            row["category"],
            row["calendar"],
            row["calendarTimezone"],
            row["location"],
            str(row["classID"] or ""),
            row["firstName"],
            row["lastName"],
            row["email"],
            row["phone"],
            "",
            int(row["duration"]),
            datetime.fromisoformat(row["datetimeCreated"]).astimezone(UTC).isoformat(" "),
            "",
        )


def pages(get: Callable[..., Any]) -> Iterator[list[tuple[Any, ...]]]:
    day, seen = "1970-01-01", set[int]()
    with ThreadPoolExecutor(1) as ahead:

        def ask(day: str) -> Any:
            return ahead.submit(
                get,
                "/appointments",
                minDate=day,
                max=LIMIT + len(seen),
                direction="ASC",
                showall="true",
            )

        answer = ask(day)
        while rows := [row for row in answer.result() if row["id"] not in seen]:
            # Days begin in another zone than the record's: the one before has to come again.
            on = date.fromisoformat(rows[-1]["datetime"][:10])
            last = (on - timedelta(days=1)).isoformat()
            seen = {row["id"] for row in rows if row["datetime"][:10] >= last} | (
                seen if last == day else set()
            )
            day = last
            answer = ask(day)
            yield rows


def run(base_url: str, write: Write) -> None:
    rows = Rows()
    with requests.Session() as session:
        session.auth = ("10000001", "sandbox-key")

        def get(path: str, **params: Any) -> Any:
            return msgspec.json.decode(
                session.get(base_url + path, params=params, timeout=60).content
            )

        write("bookings_tenant", [(TENANT, "Straight", "UTC", "USD", "[]")])
        for table, path, known in (
            ("bookings_calendar", "/calendars", rows.calendars),
            ("bookings_appointmenttype", "/appointment-types", rows.types),
        ):
            found = get(path)
            known.update((row["id"], n) for n, row in enumerate(found, 1))
            last: Any = "UTC" if path == "/calendars" else True
            write(
                table,
                [
                    (
                        *(TENANT, "acuity", str(row["id"]), encoded(row), digest(row)),
                        *(row["name"], last, *SAME[table].values()),
                    )
                    for row in found
                ],
            )
        listed = {client_key(row): row for row in get("/clients")}
        write("bookings_client", [rows.client(row, key, True) for key, row in listed.items()])
        for page in pages(get):
            keys = [client_key(row) for row in page]
            born = {
                key: row for key, row in zip(keys, page, strict=True) if key not in rows.clients
            }
            if born:
                write(
                    "bookings_client", [rows.client(row, key, False) for key, row in born.items()]
                )
            write(
                "bookings_appointment",
                [
                    rows.appointment(row, rows.clients[key])
                    for key, row in zip(keys, page, strict=True)
                ],
            )


def to_sqlite(path: str, base_url: str) -> None:
    sqlite3.register_adapter(uuid.UUID, lambda value: value.hex)
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        database.execute("PRAGMA cache_size=-32768")
        database.execute("PRAGMA wal_autocheckpoint=10000")

        def write(table: str, rows: list[tuple[Any, ...]]) -> None:
            places = ", ".join("?" * len(rows[0]))
            database.executemany(f"INSERT INTO {table} ({columns(table)}) VALUES ({places})", rows)
            database.commit()

        run(base_url, write)


def to_postgres(url: str, base_url: str) -> None:
    with psycopg.connect(url, autocommit=True) as database:

        def write(table: str, rows: list[tuple[Any, ...]]) -> None:
            into = f"COPY {table} ({columns(table)}) FROM STDIN"
            with database.cursor() as cursor, cursor.copy(into) as copy:
                for row in rows:
                    copy.write_row(row)

        run(base_url, write)


if __name__ == "__main__":
    source, target = sys.argv[1:3]
    if target.startswith("sqlite:///"):
        to_sqlite(target.removeprefix("sqlite:///"), source)
    else:
        to_postgres(target, source)
