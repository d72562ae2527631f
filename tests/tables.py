"""What is in the database, in a form in which two imports can be compared?"""

import json
import sqlite3
from pathlib import Path
from typing import Any

QUERIES = {
    "clients": "SELECT external_id, first_name, last_name, email, phone, listed, raw FROM bookings_client",
    "appointments": (
        "SELECT a.external_id, c.external_id, starts_at, ends_at, service_date, price, a.paid,"
        " amount_paid, canceled, no_show, removed_at IS NULL, payments_fetched_for, payments_fetched,"
        " a.content_hash FROM bookings_appointment a JOIN bookings_client c ON c.id = client_id"
    ),
    "payments": (
        "SELECT a.external_id, p.external_id, processor, amount, paid_at, p.service_date,"
        " p.removed_at IS NULL FROM bookings_payment p"
        " JOIN bookings_appointment a ON a.id = appointment_id"
    ),
    "calendars": "SELECT external_id, name, timezone FROM bookings_calendar",
    "types": "SELECT external_id, name, duration, active FROM bookings_appointmenttype",
}


def dump(path: Path) -> dict[str, list[Any]]:
    """Every table of a SQLite file without primary keys and times of writing, sorted."""
    with sqlite3.connect(path) as database:
        return {
            name: sorted(json.dumps(row, default=str) for row in database.execute(query))
            for name, query in QUERIES.items()
        }


def events(path: Path) -> int:
    """How many completion events there are."""
    with sqlite3.connect(path) as database:
        return int(
            database.execute("SELECT count(*) FROM integrations_completionevent").fetchone()[0]
        )
