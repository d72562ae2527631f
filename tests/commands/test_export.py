"""Does everything come out, so that other programs can read and join it?"""

import csv
import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from icalendar import Calendar

from bookings import exports
from bookings.models import (
    Answer,
    Appointment,
    Block,
    Certificate,
    Client,
    Label,
    OrderLine,
    Question,
    Tenant,
)
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.sandbox import Sandbox
from integrations.models import AcuityAccount, AuditEntry
from tests.conftest import import_all

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.sandbox(clients=12, appointments=60, months=2),
]


# What a file of the export holds, table by table.
KEPT: dict[str, Any] = {
    "clients": Client,
    "answers": Answer,
    "questions": Question,
    "labels": Label,
    "certificates": Certificate,
    "order_lines": OrderLine,
    "blocks": Block,
}


def export(directory: Path, *args: str, form: str = "csv") -> dict[str, Any]:
    call_command("acuity_export", str(directory), "--format", form, *args, stdout=StringIO())
    found: dict[str, Any] = json.loads((directory / "datapackage.json").read_text())
    return found


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def revenue(found: Iterator[tuple[str, str, Decimal]]) -> Counter[tuple[str, str]]:
    cents: Counter[tuple[str, str]] = Counter()
    for month, processor, amount in found:
        cents[month, processor] += int(amount * 100)
    return cents


def of_the_source(box: Sandbox) -> Counter[tuple[str, str]]:
    return revenue(
        (month, name, amount)
        for month, names in box.account.revenue().items()
        for name, (_, amount) in names.items()
    )


@pytest.mark.long
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_every_row_and_cent_comes_out_and_joins(box: Sandbox, tmp_path: Path, form: str) -> None:
    import_all(box)

    package = export(tmp_path / "out", form=form)

    files = {file["name"]: file for file in package["resources"]}
    table = {name: f"'{tmp_path}/out/{file['path']}'" for name, file in files.items()}
    for name, file in files.items():
        assert duckdb.sql(f"SELECT count(*) FROM {table[name]}").fetchall() == [(file["rows"],)]
        for link in file["schema"].get("foreignKeys", []):
            other = link["reference"]
            pairs = zip(link["fields"], other["fields"], strict=True)
            on = " AND ".join(f"a.{mine} = b.{theirs}" for mine, theirs in pairs)
            lost = duckdb.sql(
                f"SELECT count(*) FROM {table[name]} a WHERE a.{link['fields'][0]} IS NOT NULL"
                f" AND NOT EXISTS (SELECT 1 FROM {table[other['resource'] or name]} b WHERE {on})"
            )
            assert lost.fetchall() == [(0,)], (name, link)
        key = ", ".join(file["schema"]["primaryKey"])
        twice = f"SELECT {key} FROM {table[name]} GROUP BY {key} HAVING count(*) > 1"
        assert duckdb.sql(twice).fetchall() == []
    paid = duckdb.sql(
        "SELECT strftime(a.service_date, '%Y-%m'), p.processor, sum(p.amount::DECIMAL(12, 2))"
        f" FROM {table['payments']} p JOIN {table['appointments']} a ON a.id = p.appointment_id"
        " GROUP BY ALL"
    ).fetchall()
    assert revenue(iter(paid)) == of_the_source(box)
    for name, model in KEPT.items():
        assert files[name]["rows"] == model.objects.count() > 0, name
    starts = f"SELECT id::VARCHAR, epoch(starts_at::TIMESTAMPTZ) FROM {table['appointments']}"
    sent = {str(key): start.timestamp() for key, start in box.account.starts.items()}
    assert dict(duckdb.sql(starts).fetchall()) == sent
    assert files["appointments"]["rows"] == len(box.account)
    assert files["orders"]["rows"] == len(box.account.lists["orders"])
    assert files["refunds"]["rows"] == 0


@pytest.mark.long
def test_the_description_fits_the_files(box: Sandbox, tmp_path: Path) -> None:
    run = import_all(box)

    package = export(tmp_path / "out")

    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "datapackage.json",
        *(file["path"] for file in package["resources"]),
    }
    for file in package["resources"]:
        content = (tmp_path / "out" / file["path"]).read_bytes()
        assert file["bytes"] == len(content)
        assert file["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        header = content.decode().partition("\r\n")[0].split(",")
        fields = file["schema"]["fields"]
        assert [field["name"] for field in fields] == header
        assert [field["name"] for field in fields if not field["description"]] == []
    assert (package["run"], package["verified"]) == (str(run.pk), True)
    assert package["proof"].startswith("All 60 bookings")


# What Frictionless' Table Schema has of a type in a CSV file.
READS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "integer": int,
    "number": Decimal,
    "boolean": {"true": True, "false": False}.__getitem__,
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
    "array": lambda text: [*json.loads(text)],
    "object": lambda text: {**json.loads(text)},
}


@pytest.mark.long
def test_the_description_is_valid_frictionless(box: Sandbox, tmp_path: Path) -> None:
    import_all(box)
    number = next(iter(box.account.bookings))
    box.account.edit(number, price="96.00", notes='"Two",\nlines')
    import_all(box)

    package = export(tmp_path / "out")

    name = re.compile(r"[a-z0-9._/-]+")
    assert package["profile"] == "data-package" and name.fullmatch(package["name"])
    tables = {file["name"]: file for file in package["resources"]}
    assert len(tables) == len(package["resources"]) and all(map(name.fullmatch, tables))
    fields = {n: [f["name"] for f in file["schema"]["fields"]] for n, file in tables.items()}
    for table, file in tables.items():
        schema, own = file["schema"], fields[table]
        assert len({*own}) == len(own) and {*schema["primaryKey"]} <= {*own}, table
        for link in schema.get("foreignKeys", []):
            other = fields[link["reference"]["resource"] or table]
            assert {*link["fields"]} <= {*own} and {*link["reference"]["fields"]} <= {*other}
        kinds = {field["name"]: READS[field["type"]] for field in schema["fields"]}
        read = rows(tmp_path / "out" / file["path"])
        for row in read:
            for column, value in row.items():
                if value:
                    kinds[column](value)
        keys = [tuple(row[column] for column in schema["primaryKey"]) for row in read]
        assert all(all(key) for key in keys) and len({*keys}) == len(keys) == file["rows"], table


@pytest.mark.long
def test_no_secret_and_no_raw_record_comes_out(box: Sandbox, tmp_path: Path) -> None:
    import_all(box)

    export(tmp_path / "out")

    said = "".join(path.read_text() for path in (tmp_path / "out").iterdir())
    assert box.options.api_key not in said
    assert "confirmationPage" not in said
    assert '"firstName"' not in said


@pytest.mark.long
def test_without_people_nobody_is_named_and_everything_still_joins(
    box: Sandbox, tmp_path: Path
) -> None:
    import_all(box)
    number = next(iter(box.account.bookings))
    box.account.edit(number, notes="Prefers evenings", location="12 Elm Street, at the Zzyzx")
    certificate = box.account.lists["certificates"][0]
    certificate["name"] = "For dear Aunt Quimby"
    import_all(box)
    certificate["name"] = "For dear Uncle Quimby"
    import_all(box)

    export(tmp_path / "out", "--without-people")

    said = "".join(path.read_text() for path in (tmp_path / "out").iterdir()).casefold()
    people = list(Client.objects.all())
    assert not [c for c in people if c.last_name and c.last_name.casefold() in said]
    assert not [c for c in people if c.email and c.email.casefold() in said]
    assert not [word for word in ("prefers evenings", "zzyzx", "quimby") if word in said]
    assert not [a for a in Answer.objects.exclude(value="") if f",{a.value}\r\n" in said]
    clients = {row["id"]: row["email"] for row in rows(tmp_path / "out" / "clients.csv")}
    bookings = rows(tmp_path / "out" / "appointments.csv")
    assert {row["client_id"] for row in bookings} <= set(clients)
    # Of one export, equal stays equal; of another, it does not.
    export(tmp_path / "again", "--without-people")
    assert set(clients).isdisjoint(row["id"] for row in rows(tmp_path / "again" / "clients.csv"))


@pytest.mark.long
def test_for_spreadsheets_no_text_is_a_formula(box: Sandbox, tmp_path: Path) -> None:
    number = next(iter(box.account.bookings))
    box.account.edit(number, notes='=HYPERLINK("http://example.com")')
    import_all(box)

    export(tmp_path / "plain")
    export(tmp_path / "safe", "--for-spreadsheets")

    notes = [
        next(r["notes"] for r in rows(tmp_path / d / "appointments.csv") if r["id"] == str(number))
        for d in ("plain", "safe")
    ]
    assert notes == ['=HYPERLINK("http://example.com")', '\'=HYPERLINK("http://example.com")']


@pytest.mark.long
def test_since_a_day_only_what_is_new_or_changed_comes_out(box: Sandbox, tmp_path: Path) -> None:
    import_all(box)
    long_ago = timezone.now().replace(year=2020)
    for model in (Appointment, Client):
        model.objects.update(first_seen=long_ago)
    number = next(iter(box.account.bookings))
    box.account.edit(number, price="96.00")
    import_all(box)

    package = export(tmp_path / "out", "--since", "2021-01-01", "--only", "appointments,clients")

    assert [row["id"] for row in rows(tmp_path / "out" / "appointments.csv")] == [str(number)]
    assert rows(tmp_path / "out" / "clients.csv") == []
    assert package["since"].startswith("2021-01-01T00:00")
    assert not any("foreignKeys" in file["schema"] for file in package["resources"])


@pytest.mark.long
def test_a_calendar_has_an_event_for_each_booking(box: Sandbox, tmp_path: Path) -> None:
    number = next(iter(box.account.bookings))
    box.account.edit(number, location="A long way, " * 20, notes="Not for calendars")
    import_all(box)
    gone = list(box.account.bookings)[-1]
    Appointment.objects.filter(external_id=gone).update(removed_at=timezone.now())

    export(tmp_path / "out", form="ics")

    content = (tmp_path / "out" / "bookings.ics").read_bytes()
    assert max(map(len, content.split(b"\r\n"))) <= 75
    assert b"Not for calendars" not in content
    found = {event["uid"]: event for event in Calendar.from_ical(content).walk("VEVENT")}
    assert len(found) == len(box.account) - 1 and f"{gone}@acuity" not in found
    for row in (row for row in box.account.appointments if row["id"] != gone):
        event = found[f"{row['id']}@acuity"]
        start = box.account.starts[row["id"]]
        assert event.start.timestamp() == start.timestamp()
        assert event.start.tzinfo is not None
        assert (event["status"] == "CANCELLED") == row["canceled"], row["id"]
        assert (event.end - event.start).total_seconds() == int(row["duration"]) * 60
        assert event["summary"] == f"{row['type']}: {row['firstName']} {row['lastName']}".strip()
    assert found[f"{number}@acuity"]["location"] == "A long way, " * 20


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--only", "sales"), "choose from calendars"),
        (("--since", "last week"), "must be a day like"),
        (("--format", "ics", "--only", "clients"), "bookings only"),
        (("--format", "parquet", "--for-spreadsheets"), "Only CSV"),
        (("--tenant", "1"), "not a tenant's UUID"),
        (("--account", "99"), "no Acuity account 99"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(
    box: Sandbox, tmp_path: Path, args: tuple[str, ...], words: str
) -> None:
    import_all(box, only=("labels",))

    with pytest.raises(ConfigurationError, match=words):
        call_command("acuity_export", str(tmp_path / "out"), "--format", "csv", *args)

    assert list(tmp_path.iterdir()) == []


def test_parquet_without_its_package_says_how_to_get_it(
    box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_all(box, only=("labels",))
    monkeypatch.setattr(exports, "find_spec", lambda name: None)

    with pytest.raises(ConfigurationError, match=r"pip install 'acuity-importer\[parquet\]'"):
        export(tmp_path / "out", form="parquet")


def test_a_directory_that_holds_files_is_left_alone(box: Sandbox, tmp_path: Path) -> None:
    import_all(box, only=("labels",))
    (tmp_path / "mine.txt").write_text("mine")

    with pytest.raises(ConfigurationError, match="holds something already"):
        export(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.long
def test_a_broken_export_leaves_nothing(
    box: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_all(box)
    monkeypatch.setattr(exports.csv, "text", lambda value: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        export(tmp_path / "out")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_an_export_is_in_the_trail(box: Sandbox, tmp_path: Path) -> None:
    import_all(box)

    export(tmp_path / "out")

    entry = AuditEntry.objects.get(deed="exported")
    assert (entry.actor, entry.tenant) == ("command", Tenant.objects.get())
    assert "csv" in entry.note and "23 files" in entry.note


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
def test_rows_written_meanwhile_are_not_in_it(box: Sandbox) -> None:
    import_all(box)
    before = Appointment.objects.count()

    with exports.snapshot():
        assert Appointment.objects.count() == before
        other = threading.Thread(target=forget_one)
        other.start()
        other.join(20)
        assert Appointment.objects.count() == before

    assert Appointment.objects.count() == before - 1


def forget_one() -> None:
    Appointment.objects.filter(pk=Appointment.objects.earliest("pk").pk).delete()
    connection.close()


@pytest.mark.long
def test_of_several_accounts_one_has_to_be_named(box: Sandbox, tmp_path: Path) -> None:
    import_all(box)
    tenant = Tenant.objects.get()
    mine = tenant.acuity_accounts.get()
    AcuityAccount.objects.create(tenant=tenant, user_id="2", api_key="k", source_id="other")
    Client.objects.create(tenant=tenant, external_id="zoe|other", source_account="other")

    with pytest.raises(ConfigurationError, match="--account"):
        export(tmp_path / "out")
    export(tmp_path / "mine", "--account", str(mine.pk))

    assert "zoe|other" not in (tmp_path / "mine" / "clients.csv").read_text()
    assert len(rows(tmp_path / "mine" / "appointments.csv")) == len(box.account)
