"""manage.py acuity_obligations: what is still owed on certificates and bookings to come."""

import json
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import CommandParser
from django.utils import timezone

from bookings.reports import obligations
from integrations.acuity.errors import ConfigurationError
from integrations.management import tenants, terminal
from integrations.management.refusals import AcuityCommand


class Command(AcuityCommand):
    help = "Unused certificates, deposits and payments on bookings to come, money on canceled ones."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", default="")
        parser.add_argument(
            "--as-of",
            default="",
            metavar="DAY",
            help="what lies after it is to come; default: today",
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, **options: Any) -> None:
        tenant = tenants.find(options["tenant"])
        today = timezone.now().astimezone(ZoneInfo(tenant.timezone)).date()
        report = obligations(tenant, _day(options["as_of"]) if options["as_of"] else today)
        if options["json"]:
            self.stdout.write(json.dumps(report))
        else:
            terminal.obligations(report)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(f"--as-of must be a day like 2025-10-31, not {text!r}.") from None
