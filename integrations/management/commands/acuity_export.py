"""manage.py acuity_export: everything that a business has, in files that other programs read."""

from datetime import date, datetime, time
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import CommandParser

from bookings.exports import FORMATS, Export, Refused
from bookings.models import Tenant
from integrations import audit
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.runs import provenance
from integrations.management import tenants
from integrations.management.refusals import AcuityCommand


class Command(AcuityCommand):
    help = "Write everything into a new directory: a file for each table, and what they hold."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", metavar="DIR", type=Path, help="is made; must be new")
        parser.add_argument("--format", required=True, choices=FORMATS)
        who = parser.add_mutually_exclusive_group()
        who.add_argument("--account", default="", metavar="ID", help="see acuity_accounts")
        who.add_argument("--tenant", default="", metavar="UUID")
        parser.add_argument("--only", default="", metavar="TABLES", help="names, with commas")
        parser.add_argument(
            "--since",
            default="",
            metavar="DAY",
            help="only what is new or changed from that day on",
        )
        parser.add_argument(
            "--without-people",
            action="store_true",
            help="names, addresses, numbers, notes and answers as digests",
        )
        parser.add_argument(
            "--for-spreadsheets",
            action="store_true",
            help="' before what a spreadsheet would take for a formula",
        )

    def handle(self, **options: Any) -> None:
        tenant = tenants.find(options["tenant"], options["account"])
        account = tenants.account(tenant, options["account"])
        export = Export(
            tenant,
            options["format"],
            account.source_id if account else None,
            only=tuple(filter(None, map(str.strip, options["only"].split(",")))),
            since=_start(options["since"], tenant) if options["since"] else None,
            people=not options["without_people"],
            spreadsheet=options["for_spreadsheets"],
        )
        try:
            made = export.write(options["directory"], partial(provenance.of, account))
        except Refused as error:
            raise ConfigurationError(str(error)) from None
        rows = sum(file["rows"] for file in made["resources"])
        said = f"{rows:,} rows in {len(made['resources'])} files"
        audit.write("exported", tenant=tenant, note=f"{export.format}: {said}")
        proven = "verified" if made["verified"] else "not verified"
        self.stdout.write(f"{options['directory']}: {said}; the import is {proven}.")


def _start(text: str, tenant: Tenant) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time(), ZoneInfo(tenant.timezone))
    except ValueError:
        raise ConfigurationError(f"--since must be a day like 2025-10-31, not {text!r}.") from None
