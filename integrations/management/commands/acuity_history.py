"""manage.py acuity_history: what was known on a day, and what has changed since."""

import json
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import CommandParser
from django.utils import timezone

from bookings import history
from bookings.models import Change, Tenant
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.sync import changes
from integrations.management import tenants
from integrations.management.refusals import AcuityCommand

NO_MONTH = "9999"


class Command(AcuityCommand):
    help = "What was known at a time, or what has changed since: one JSON object a line."

    def add_arguments(self, parser: CommandParser) -> None:
        when = parser.add_mutually_exclusive_group(required=True)
        when.add_argument("--as-of", default="", metavar="WHEN", help="a day (its end), or a time")
        when.add_argument("--since", default="", metavar="WHEN")
        parser.add_argument("--resource", default="", help="appointments,payments; default: all")
        parser.add_argument("--id", default="", help="Acuity's IDs, with commas")
        parser.add_argument("--tenant", default="")
        parser.add_argument("--json", action="store_true", help="the default, and the only form")

    def handle(self, **options: Any) -> None:
        for line in self.lines(options):
            self.stdout.write(json.dumps(line))

    def lines(self, options: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Raises ConfigurationError before the first of them."""
        tenant = tenants.find(options["tenant"])
        resources = _resources(options["resource"])
        ids = [key.strip() for key in options["id"].split(",") if key.strip()]
        at = _when(options["as_of"] or options["since"], tenant)
        if options["as_of"]:
            return _as_of(tenant, at, resources, ids)
        return _since(tenant, at, resources, ids)


def _as_of(
    tenant: Tenant, at: datetime, resources: list[str], ids: list[str]
) -> Iterator[dict[str, Any]]:
    for resource in resources:
        for key, row in history.as_of(tenant, at, resource, ids):
            yield {"resource": resource, "id": key, "row": row}


def _since(
    tenant: Tenant, at: datetime, resources: list[str], ids: list[str]
) -> Iterator[dict[str, Any]]:
    """The changes, those of closed months' bookings and payments first, then the months."""
    now = timezone.now()
    before = changes.first_open_month(tenant)
    months = history.closed_months(tenant, at, now, before)
    found = history.since(tenant, at, resources, ids)
    late = []
    for change in found.iterator():
        line = {
            "resource": change.resource,
            "id": change.external_id,
            "seen_at": history.plain(change.seen_at),
            "run": str(change.run) if change.run else None,
            "by": change.by,
            "changed": change.changed,
        }
        if _month(change) < before:
            yield line
        else:
            late.append(line)
    yield from late
    yield {"closed_months": months}


def _month(change: Change) -> str:
    """The month of service that the change belongs to: the earlier one, where that changed; a later
    one than any for what belongs to none."""
    days: list[str] | None = change.changed.get("service_date")
    if days:
        return min(days)[:7]
    model = history.TABLES[change.resource]
    if "service_date" not in history.columns(model):
        return NO_MONTH
    rows = model._default_manager.filter(pk=change.row)
    found = rows.values_list("service_date", flat=True).first()
    return f"{found:%Y-%m}" if found else NO_MONTH


def _resources(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()] or list(history.TABLES)
    if unknown := [name for name in names if name not in history.TABLES]:
        raise ConfigurationError(
            f"No history of {', '.join(unknown)}: choose from {', '.join(history.TABLES)}."
        )
    return names


def _when(text: str, tenant: Tenant) -> datetime:
    """An instant; a day is its end in the business's zone."""
    zone = ZoneInfo(tenant.timezone)
    try:
        if len(text) == 10:
            return datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), zone)
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f"{text!r} is neither a day like 2025-10-31 nor a time like 2025-10-31T12:00:00Z."
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=zone)
