"""manage.py acuity_report: revenue by month and processor, by date of service."""

import json
import re
import uuid
from typing import Any

from django.core.management.base import CommandParser

from bookings.models import Tenant
from bookings.reports import revenue
from integrations.acuity.errors import ConfigurationError
from integrations.management import terminal
from integrations.management.refusals import AcuityCommand, within


class Command(AcuityCommand):
    help = "Revenue by month and processor, by date of service, as Acuity's own report has it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", default="")
        period = parser.add_mutually_exclusive_group()
        period.add_argument("--month", default="", help="YYYY-MM")
        period.add_argument("--year", type=within(1, 9999), metavar="YYYY")
        parser.add_argument("--json", action="store_true")

    def handle(self, **options: Any) -> None:
        if options["month"] and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", options["month"]):
            raise ConfigurationError(f"--month must be like 2025-10, not {options['month']!r}.")
        report = revenue(self._tenant(options["tenant"]), options["month"], options["year"])
        if options["json"]:
            self.stdout.write(json.dumps(report))
        else:
            terminal.revenue(report)

    def _tenant(self, value: str) -> Tenant:
        tenants = Tenant.objects.all()
        if value:
            try:
                tenants = tenants.filter(pk=uuid.UUID(value))
            except ValueError:
                raise ConfigurationError(f"{value!r} is not a tenant's UUID.") from None
        found = list(tenants[:2])
        if not found:
            raise ConfigurationError("There is no such tenant; run acuity_import first.")
        if len(found) > 1:
            raise ConfigurationError("There are several tenants: name one with --tenant.")
        return found[0]
