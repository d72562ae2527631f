"""A database of the released layout: migrated, its half-done run goes on and ends as a new import does."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from integrations.acuity.sandbox import Sandbox
from tests.commands.test_commands import credentials, manage, query
from tests.tables import dump

pytestmark = [pytest.mark.slow, pytest.mark.sandbox(clients=12, appointments=40, months=2)]
RELEASED = Path(__file__).parent / "released.sql"
RUN = "48ca41cc-5f8e-42a8-93b7-aaf15dfdf153"
# What the account's key was encrypted with.
SECRETS = {"SECRET_KEY": "released", "ACUITY_ENCRYPTION_KEYS": "released"}


def layout(folder: Path) -> dict[str, set[Any]]:
    """Columns and indexes by table, in whatever order they were made."""
    found: dict[str, set[Any]] = {}
    for (table,) in query(folder, "SELECT name FROM sqlite_master WHERE type = 'table'"):
        columns = query(folder, f"SELECT name, type, \"notnull\" FROM pragma_table_info('{table}')")
        found[table] = {*columns, *query(folder, f"SELECT name FROM pragma_index_list('{table}')")}
    return found


def test_a_half_done_run_is_migrated_resumed_and_ends_like_a_fresh_import(
    tmp_path: Path, box: Sandbox
) -> None:
    old, fresh = tmp_path / "old", tmp_path / "fresh"
    old.mkdir()
    fresh.mkdir()
    with sqlite3.connect(old / "db.sqlite3") as database:
        database.executescript(RELEASED.read_text().replace("SANDBOX", box.base_url))
    assert query(old, "SELECT count(*) FROM bookings_appointment") == [(20,)]

    migrated = manage(old, "migrate", **SECRETS)
    resumed = manage(old, "acuity_import", "--resume", RUN, "--json", **SECRETS)
    imported = manage(fresh, "acuity_import", "--json", **credentials(box))

    assert migrated.returncode == 0, migrated.stderr
    assert resumed.returncode == 0, resumed.stderr
    assert imported.returncode == 0, imported.stderr
    result = json.loads(resumed.stdout)
    assert (result["run"], result["status"], result["verified"]) == (RUN, "completed", True)
    assert dump(old / "db.sqlite3") == dump(fresh / "db.sqlite3")
    assert layout(old) == layout(fresh)
