"""Server time of the admin's lists and pages, large against small: `python -m tests.benchmarks.lists`.

Beside it the processor time of the large one, the database server's with it: other work on the machine
makes an answer late, and hardly costs that.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import msgspec

from tests.benchmarks.__main__ import ROOT, Databases

TIMES = 5
# Thirteen years, however many rows.
MINUTES = 13 * 365 * 24 * 60
SERIES = {
    "sqlite": "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {n}) ",
    "postgresql": "WITH s AS (SELECT generate_series(1, {n}) AS n) ",
}
AT = {
    "sqlite": "datetime('2013-01-01', '+' || (n * {minutes} / {n}) || ' minutes')",
    "postgresql": "timestamp '2013-01-01' + (n * {minutes}.0 / {n}) * interval '1 minute'",
}
# A link to a row.
ROW = re.compile(rb"/bookings/\w+/\d+/change/")
TEXT = "'{{\"forms\": \"' || {pad} || '\"}}'"
PAD = {"sqlite": "hex(zeroblob(300))", "postgresql": "repeat(md5(n::text), 19)"}

PAGES = {
    "bookings, first": "appointment/",
    "bookings, middle": "appointment/?p={middle}",
    "bookings, last": "appointment/?p={last}",
    "bookings, found by ID": "appointment/?q=777",
    "bookings, found by client": "appointment/?q=last77 first77",
    "bookings, by a common word": "appointment/?q=first",
    "bookings, canceled": "appointment/?canceled__exact=1",
    "bookings, no-show": "appointment/?no_show__exact=1",
    "bookings, of a calendar": "appointment/?calendar__id__exact=1",
    "bookings, of a type, late": "appointment/?appointment_type__id__exact=1&p={late}",
    "bookings, of a month": "appointment/?service_date_from=2014-03-01&service_date_to=2014-03-31",
    "payments, first": "payment/",
    "payments, last": "payment/?p={last}",
    "payments, found": "payment/?q=777",
    "payments, of a processor": "payment/?processor=square",
    "payments, of a month": "payment/?service_date_from=2014-03-01&service_date_to=2014-03-31",
    "clients, first": "client/",
    "clients, last": "client/?p={last_client}",
    "clients, found": "client/?q=last77",
    "a client": "client/77/change/",
    "a booking": "appointment/777/change/",
    "a payment": "payment/777/change/",
    "revenue": "tenant/{tenant}/revenue/",
    "revenue, by payment": "tenant/{tenant}/revenue/?by=paid_at",
    "home": "../",
    "proof by month": "../integrations/importrun/proofs/",
    "a run": "../integrations/importrun/{run}/change/",
    "printable proof": "../integrations/importrun/{run}/proof/",
}
# Pages that lead to no row.
OTHERS = (
    "revenue",
    "revenue, by payment",
    "home",
    "proof by month",
    "a run",
    "a payment",
    "printable proof",
)


def fill(rows: int) -> None:
    """So many bookings and payments, a tenth as many clients, of one tenant."""
    from django.db import connection

    from bookings.models import AppointmentType, Calendar, Tenant

    tenant = Tenant.objects.create(name="Example Studio", id=uuid.UUID(int=1))
    for n in range(1, 6):
        Calendar.objects.create(pk=n, tenant=tenant, external_id=n, name=f"Calendar {n}")
        AppointmentType.objects.create(pk=n, tenant=tenant, external_id=n, name=f"Type {n}")
    vendor = connection.vendor
    key = tenant.pk.hex if vendor == "sqlite" else tenant.pk
    at, clients = AT[vendor].format(n=rows, minutes=MINUTES), rows // 10
    no, yes = ("0", "1") if vendor == "sqlite" else ("false", "true")
    text = (
        TEXT.format(pad=PAD[vendor])
        if vendor == "sqlite"
        else f"({TEXT.format(pad=PAD[vendor])})::jsonb"
    )
    chosen = f"CASE WHEN n % {{}} = 0 THEN {yes} ELSE {no} END".format
    inserts = {
        "client": (
            clients,
            "tenant_id, external_id, source, raw, content_hash, first_name, last_name, email, phone,"
            " notes, name_key, listed",
            f"'{key}', n, 'acuity', {text}, '', 'first' || n, 'last' || n,"
            f" 'c' || n || '@example.com', n, '', n, {yes}",
        ),
        "appointment": (
            rows,
            "tenant_id, external_id, source, raw, content_hash, fingerprint, client_id, calendar_id,"
            " appointment_type_id, starts_at, ends_at, timezone, service_date, price, paid,"
            " amount_paid, canceled, no_show, certificate, notes, forms, labels, payment_state,"
            " payments_fetched_for, payments_fetched, payments_fetched_sum",
            f"'{key}', n, 'acuity', {text}, '', '', 1 + n % {clients}, 1 + n % 5, 1 + n % 5, {at},"
            f" {at}, 'UTC', date({at}), 45, {chosen(2)}, 45, {chosen(12)}, {chosen(70)}, '', '',"
            " '[]', '[]', 'yes:45.00', '', 0, 0",
        ),
        "payment": (
            rows,
            "tenant_id, appointment_id, external_id, transaction_id, processor, amount, currency,"
            " paid_at, service_date",
            f"'{key}', n, 'p', 't' || n, CASE n % 3 WHEN 0 THEN 'cash' WHEN 1 THEN 'square'"
            f" ELSE 'stripe' END, 45, 'USD', {at}, date({at})",
        ),
    }
    with connection.cursor() as cursor:
        for table, (count, names, values) in inserts.items():
            more = rest(table, names, yes, no)
            names, values = ", ".join([names, *more]), ", ".join([values, *more.values()])
            series = SERIES[vendor].format(n=count)
            into = f"INSERT INTO bookings_{table} ({names})"
            body = f"SELECT {values} FROM s"
            cursor.execute(
                f"{series}{into} {body}" if vendor == "postgresql" else f"{into} {series}{body}"
            )
        # What the importer does as tables grow, and PostgreSQL by itself.
        cursor.execute("ANALYZE" if vendor == "sqlite" else "VACUUM ANALYZE")


def rest(table: str, names: str, yes: str, no: str) -> dict[str, str]:
    """The table's other columns that must have a value, with their defaults as SQL."""
    from django.apps import apps

    had, found = set(names.replace(" ", "").split(",")), {}
    for field in apps.get_model("bookings", table)._meta.concrete_fields:
        if field.null or field.primary_key or field.column in had:
            continue
        value = "CURRENT_TIMESTAMP" if "DateTime" in type(field).__name__ else field.get_default()
        if isinstance(value, bool):
            value = yes if value else no
        elif isinstance(value, dict | list):
            value = f"'{json.dumps(value)}'"
        elif isinstance(value, str) and value != "CURRENT_TIMESTAMP":
            value = f"'{value}'"
        found[field.column] = str(value)
    return found


def imported() -> Any:
    """The key of a finished run that has all of them, thirteen years by month."""
    from django.utils import timezone

    from bookings.models import Tenant
    from integrations.acuity.proof.digests import Month
    from integrations.models import AcuityAccount, ImportRun, ImportStep

    account = AcuityAccount.objects.create(tenant=Tenant.objects.get(), user_id="1", api_key="k")
    months = {f"{2013 + n // 12}-{n % 12 + 1:02}": [900, 900] for n in range(13 * 12)}
    now = timezone.now()
    parts = {"cash": 13_500, "square": 13_500, "stripe": 13_500}
    kept = {name: Month(900, 40_500, "0" * 64, parts=parts) for name in months}
    run = ImportRun.objects.create(
        account=account,
        status="completed",
        coverage=months,
        digests=msgspec.to_builtins({"appointments": kept, "payments": kept}),
        finished_at=now,
        verified_at=now,
    )
    for n, name in enumerate(("clients", "appointments", "payments", "verify")):
        ImportStep.objects.create(run=run, position=n, resource=name, status="done")
    return run.pk


def measure(database: str, rows: int) -> None:
    """In a process of its own, because Django knows one database: prints name, median and least
    processor time in ms."""
    os.environ |= {"DATABASE_URL": database, "REDIS_URL": "", "ALLOWED_HOSTS": "testserver"}
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import Client

    call_command("migrate", verbosity=0)
    fill(rows)
    run = imported()
    browser = Client()
    browser.force_login(User.objects.create_superuser("bench"))
    places: dict[str, Any] = {"run": run, "tenant": uuid.UUID(int=1)}
    places |= {"last": rows // 50, "middle": rows // 100, "last_client": rows // 500}
    places["late"] = min(rows // 250, 150)
    for name, page in PAGES.items():
        url = os.path.normpath(f"/admin/bookings/{page.format(**places)}".partition("?")[0]) + "/"
        url += "?" * ("?" in page) + page.format(**places).partition("?")[2]
        taken, used = [], []
        for _ in range(TIMES + 1):
            began, before = time.perf_counter(), spent()
            answer = browser.get(url)
            used.append((spent() - before) * 1000)
            taken.append((time.perf_counter() - began) * 1000)
            assert answer.status_code == 200, url
            assert name in OTHERS or ROW.search(answer.content), url
        print(f"{name}\t{statistics.median(taken[1:])}\t{min(used[1:])}", flush=True)


def spent() -> float:
    """Seconds of a processor, by this process and by the database's that serves it."""
    from django.db import connection

    if connection.vendor == "sqlite":
        return time.process_time()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        server = Path(f"/proc/{cursor.fetchone()[0]}/schedstat").read_text().split()[0]
    return time.process_time() + int(server) / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=1_000_000)
    parser.add_argument("--only", choices=["sqlite", "postgres"])
    parser.add_argument("--measure", nargs=2, metavar=("DATABASE", "ROWS"))
    options = parser.parse_args()
    if options.measure:
        measure(options.measure[0], int(options.measure[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        databases = Databases(folder)
        for kind in ("sqlite", "postgres"):
            if options.only in (None, kind):
                table(databases, kind, options.small, options.large)


def table(databases: Databases, kind: str, small: int, large: int) -> None:
    found = []
    for rows in (small, large):
        command = [sys.executable, "-m", "tests.benchmarks.lists", "--measure"]
        ran = subprocess.run(
            [*command, getattr(databases, kind)(), str(rows)],
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            check=True,
        )
        lines = [line.split("\t") for line in ran.stdout.splitlines()]
        found.append({name: (float(ms), float(used)) for name, ms, used in lines})
    print(f"\n{kind:<30}{small:>12,}{large:>14,}{'':9}processor     load {os.getloadavg()[0]:.1f}")
    few, many = found
    for name in PAGES:
        (first, _), (second, used) = few[name], many[name]
        print(
            f"  {name:<28}{first:>9.0f} ms{second:>11.0f} ms{second / first:8.2f} ×{used:9.0f} ms"
        )


if __name__ == "__main__":
    main()
