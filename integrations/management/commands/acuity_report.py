"""manage.py acuity_report: revenue by month and processor, by date of service."""

import json
import re
from typing import Any

from django.core.management.base import CommandParser

from bookings.reports import revenue
from integrations.acuity.errors import ConfigurationError
from integrations.management import tenants, terminal
from integrations.management.refusals import AcuityCommand, within


class Command(AcuityCommand):
    help = "Revenue by month and processor, by date of service; --json has it as Acuity's own report, too."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", default="")
        period = parser.add_mutually_exclusive_group()
        period.add_argument("--month", default="", help="YYYY-MM")
        period.add_argument("--year", type=within(1, 9999), metavar="YYYY")
        parser.add_argument("--json", action="store_true")

    def handle(self, **options: Any) -> None:
        if options["month"] and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", options["month"]):
            raise ConfigurationError(f"--month must be like 2025-10, not {options['month']!r}.")
        tenant = tenants.find(options["tenant"])
        report = revenue(tenant, options["month"], options["year"])
        if options["json"]:
            self.stdout.write(json.dumps(report))
        else:
            terminal.revenue(report)
