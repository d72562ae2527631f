"""An export of everything: is it whole, and what memory does it take? `python -m tests.benchmarks.exports`.

Against one of a hundred bookings, which is what the process takes anyway. What is written is read by
DuckDB: rows and cents by month as the database has them, and no row that leads to none.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb

from tests.benchmarks.__main__ import ROOT, Databases, Ran, run

FEW = 100
FORMATS = ("csv", "parquet")
COUNTED = """
    SELECT strftime(a.service_date, '%Y-%m'), count(*), sum(a.price::DECIMAL(12, 2) * 100)::BIGINT
    FROM {appointments} a GROUP BY 1
"""
PAID = """
    SELECT strftime(a.service_date, '%Y-%m'), count(*), sum(p.amount::DECIMAL(12, 2) * 100)::BIGINT
    FROM {payments} p JOIN {appointments} a ON a.id = p.appointment_id GROUP BY 1
"""
Months = dict[str, tuple[int, int]]


def filled(database: str, rows: int) -> tuple[Months, Months]:
    """By month of service, in a process of its own: bookings with their prices, payments."""
    command = [sys.executable, "-m", "tests.benchmarks.exports", "--fill", str(rows)]
    env = os.environ | {"DATABASE_URL": database, "REDIS_URL": ""}
    made = subprocess.run(command, cwd=ROOT, env=env, text=True, capture_output=True, check=True)
    bookings, payments = json.loads(made.stdout.splitlines()[-1])
    return _months(bookings), _months(payments)


def _months(rows: Any) -> Months:
    return {month: (int(n), int(cents)) for month, n, cents in rows}


def fill(rows: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from tests.benchmarks import lists

    call_command("migrate", verbosity=0)
    lists.fill(rows)
    lists.imported()
    found = []
    for table, amount in (("appointment", "price"), ("payment", "amount")):
        month = "substr(CAST(service_date AS text), 1, 7)"
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {month}, count(*), CAST(sum({amount} * 100) AS bigint)"
                f" FROM bookings_{table} GROUP BY 1"
            )
            found.append(cursor.fetchall())
    print(json.dumps(found, default=int))


def export(database: str, folder: Path, kind: str) -> Ran:
    return run(
        sys.executable,
        "manage.py",
        "acuity_export",
        str(folder),
        "--format",
        kind,
        DATABASE_URL=database,
        REDIS_URL="",
    )


def whole(folder: Path, bookings: Months, payments: Months) -> None:
    package = json.loads((folder / "datapackage.json").read_text())
    table = {file["name"]: f"'{folder / file['path']}'" for file in package["resources"]}
    for asked, right in ((COUNTED, bookings), (PAID, payments)):
        assert _months(duckdb.sql(asked.format(**table)).fetchall()) == right
    for file in package["resources"]:
        for link in file["schema"].get("foreignKeys", []):
            other = table[link["reference"]["resource"] or file["name"]]
            pairs = zip(link["fields"], link["reference"]["fields"], strict=True)
            on = " AND ".join(f"a.{mine} = b.{theirs}" for mine, theirs in pairs)
            lost = duckdb.sql(
                f"SELECT count(*) FROM {table[file['name']]} a ANTI JOIN {other} b ON {on}"
                f" WHERE a.{link['fields'][0]} IS NOT NULL"
            )
            assert lost.fetchall() == [(0,)], (file["name"], link)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bookings", type=int, default=200_000)
    parser.add_argument("--fill", type=int)
    options = parser.parse_args()
    if options.fill:
        return fill(options.fill)
    with tempfile.TemporaryDirectory() as folder:
        databases = Databases(folder)
        for kind in ("sqlite", "postgres"):
            print(f"\n{options.bookings:,} bookings and payments from {kind}; + = above {FEW}")
            idle: dict[str, float] = {}
            for rows in (FEW, options.bookings):
                database = getattr(databases, kind)()
                right = filled(database, rows)
                for form in FORMATS:
                    out = Path(folder) / f"{kind}-{rows}-{form}"
                    ran = export(database, out, form)
                    whole(out, *right)
                    idle.setdefault(form, ran.megabytes)
                    if rows != FEW:
                        size = sum(file.stat().st_size for file in out.iterdir()) / 2**20
                        more = ran.megabytes - idle[form]
                        print(
                            f"  {form:<10}{ran.seconds:7.1f} s{ran.cpu:7.1f} s{size:8.0f} MB"
                            f"   memory {ran.megabytes:4.0f} MB, + {more:3.0f} MB",
                            flush=True,
                        )
    return None


if __name__ == "__main__":
    main()
