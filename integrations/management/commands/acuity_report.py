"""manage.py acuity_report: revenue by month and processor, by date of service."""

import json
import re
import sys
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandParser

from bookings.reports import revenue
from integrations.acuity.errors import ConfigurationError
from integrations.management import tenants, terminal


class Command(BaseCommand):
    help = "Revenue by month and processor, by date of service, as Acuity's own report has it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", default="")
        period = parser.add_mutually_exclusive_group()
        period.add_argument("--month", default="", help="YYYY-MM")
        period.add_argument("--year", type=int)
        parser.add_argument("--json", action="store_true")

    def handle(self, **options: Any) -> None:
        if options["month"] and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", options["month"]):
            self._refuse(f"--month must be like 2025-10, not {options['month']!r}.")
        try:
            tenant = tenants.find(options["tenant"])
        except ConfigurationError as error:
            self._refuse(str(error))
        report = revenue(tenant, options["month"], options["year"])
        if options["json"]:
            self.stdout.write(json.dumps(report))
        else:
            terminal.revenue(report)

    def _refuse(self, sentence: str) -> NoReturn:
        self.stderr.write(sentence)
        sys.exit(2)
