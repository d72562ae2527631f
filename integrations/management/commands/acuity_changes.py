"""manage.py acuity_changes: what has changed at the business, in names and money?"""

import json
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import CommandParser

from bookings.models import Tenant
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.runs import listing
from integrations.acuity.sync import changes
from integrations.management import tenants
from integrations.management.refusals import AcuityCommand
from integrations.models import ImportRun


class Command(AcuityCommand):
    help = "What was seen to change since a run began, or since a day: closed months first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", default="", metavar="RUN|DAY", help="default: the last run")
        parser.add_argument("--tenant", default="")
        parser.add_argument("--json", action="store_true")

    def handle(self, **options: Any) -> None:
        tenant, since = _asked(options["since"], options["tenant"])
        found = changes.of(tenant, since)
        if options["json"]:
            self.stdout.write(json.dumps(found.as_json()))
            return
        for sentence in found.closed_words(tenant.currency):
            self.stdout.write(f"CLOSED MONTH {sentence}")
        for line in found.lines:
            self.stdout.write(f"{line.kind:<9} {line.text}")
        if not found.lines:
            self.stdout.write("Nothing has changed.")


def _asked(since: str, tenant_id: str) -> tuple[Tenant, datetime]:
    """Whose changes, and since when: the beginning of a run, or of a day in the business's zone."""
    try:
        day = date.fromisoformat(since) if since else None
    except ValueError:
        run = listing.find(since)
        return run.account.tenant, run.created_at
    tenant = tenants.find(tenant_id)
    if day:
        return tenant, datetime.combine(day, time(), ZoneInfo(tenant.timezone))
    last = ImportRun.objects.filter(account__tenant=tenant, status__startswith="completed")
    newest = last.order_by("-created_at").first()
    if newest is None:
        raise ConfigurationError("Nothing was imported yet, so nothing can have changed.")
    return tenant, newest.created_at
