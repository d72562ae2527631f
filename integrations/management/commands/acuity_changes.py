"""manage.py acuity_changes: what has changed at the business, in names and money?"""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandParser

from bookings import zones
from bookings.models import Tenant
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.runs import listing
from integrations.acuity.runs.states import PROVABLE
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
            self.stdout.write("No change was seen.")


def _asked(since: str, tenant_id: str) -> tuple[Tenant, datetime]:
    """Whose changes, and since when: the beginning of a run, or of a day in the business's zone."""
    if _is_uuid(since):
        run = listing.find(since)
        if tenant_id and str(run.account.tenant_id) != tenant_id.lower():
            raise ConfigurationError(
                f"Run {since} is not one of tenant {tenant_id}: name one of the two."
            )
        return run.account.tenant, run.created_at
    tenant = tenants.find(tenant_id)
    done = ImportRun.objects.filter(account__tenant=tenant, status__in=PROVABLE)
    newest = done.order_by("-created_at").first()
    if newest is None:
        raise ConfigurationError("Nothing was imported yet, so nothing can have changed.")
    return tenant, _day(since, tenant) if since else newest.created_at


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _day(text: str, tenant: Tenant) -> datetime:
    """Its beginning at the business, in UTC."""
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=zones.of(tenant))
        return day.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f"{text!r} is neither a run's ID nor a day like 2026-05-31; acuity_runs lists the runs."
        ) from None
