"""manage.py acuity_reconcile: hold a file of the vendor's or a processor's against the database."""

import json
import re
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from bookings.amounts import written
from integrations import audit
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.reconcile import reconcile
from integrations.acuity.reconcile.files import KINDS
from integrations.management import tenants
from integrations.management.refusals import FAILED, AcuityCommand

SHOWN = 20


class Command(AcuityCommand):
    help = "Compare a file of Acuity's, Stripe's or Square's with what is stored; exit status 1 if they differ."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--kind", default="", choices=["", *KINDS], help="default: by header")
        parser.add_argument("--month", default="", metavar="YYYY-MM")
        parser.add_argument("--account", default="", metavar="ID")
        parser.add_argument("--tenant", default="", metavar="UUID")
        parser.add_argument("--apply", action="store_true", help="store refunds of the file")
        parser.add_argument("--json", action="store_true")

    def handle(self, **options: Any) -> None:
        if options["month"] and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", options["month"]):
            raise ConfigurationError(f"--month must be like 2025-10, not {options['month']!r}.")
        tenant = tenants.find(options["tenant"], options["account"])
        account = tenants.account(tenant, options["account"])
        if account is None:
            raise ConfigurationError("The tenant has no Acuity account; run acuity_import first.")
        result = reconcile(
            options["file"], account, options["kind"], options["month"], apply=options["apply"]
        )
        if options["apply"]:
            audit.write("applied refunds", tenant=tenant, note=result.kind)
        if options["json"]:
            self.stdout.write(json.dumps(result.as_json()))
        else:
            self._say(result.as_json())
        if not result.agrees:
            sys.exit(FAILED)

    def _say(self, found: dict[str, Any]) -> None:
        write = self.stdout.write
        write(
            f"{found['kind']}: {found['rows']:,} rows, {found['matched']:,} matched,"
            f" {found['likely']:,} likely."
        )
        for name in ("only_in_file", "only_in_database"):
            if keys := found[name]:
                more = " …" if len(keys) > SHOWN else ""
                write(f"{name.replace('_', ' ').capitalize()}: {', '.join(keys[:SHOWN])}{more}")
        for each in found["differs"]:
            write(
                f"{each['id']}: {each['column']} is {each['file']!r} in the file,"
                f" {each['database']!r} in the database"
            )
        places = found.get("places", 2)
        for month, processors in found["months"].items():
            for name, sums in processors.items():
                said = (
                    f"{whose} {n:,} with {written(c, places)}" for whose, (n, c) in sums.items()
                )
                write(f"{month} {name}: {', '.join(said)}")
        if found["not_compared"]:
            write(f"Not compared: {'; '.join(found['not_compared'])}.")
