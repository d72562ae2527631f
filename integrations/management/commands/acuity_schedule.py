"""manage.py acuity_schedule: when is an account looked at by itself?"""

import json
from argparse import ArgumentTypeError
from datetime import datetime, time
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from integrations.acuity.accounts import find
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.sync import plans
from integrations.management import terminal
from integrations.management.refusals import AcuityCommand, within
from integrations.models import Plan

MOST_NIGHTS, MOST_LISTS = 366, 1_000_000


def hours(value: str) -> tuple[time | None, time | None]:
    """A type of argument: two times of day."""
    try:
        begins, ends = (datetime.strptime(one, "%H:%M").time() for one in value.split("-"))  # noqa: DTZ007 - a time of day
    except ValueError:
        raise ArgumentTypeError(f"must be like 22:00-06:00, not {value!r}") from None
    return begins, ends


def hours_or_none(value: str) -> tuple[time | None, time | None]:
    return (None, None) if value == "none" else hours(value)


class Command(AcuityCommand):
    help = "Show the plans, or set one: an hourly pass, a nightly audit, both, or nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", default="", help="ID of the account")
        parser.add_argument("--tenant", default="", help="or the UUID of its tenant")
        parser.add_argument("--off", action="store_true", help="nothing by itself")
        parser.add_argument("--hourly", action="store_true", help="the listings, each hour")
        parser.add_argument("--nightly", action="store_true", help="old payment lists, and a proof")
        parser.add_argument("--night", type=hours, metavar="HH:MM-HH:MM", help="for the audit")
        parser.add_argument(
            "--quiet", type=hours_or_none, metavar="HH:MM-HH:MM|none", help="nothing begins then"
        )
        parser.add_argument(
            "--nights", type=within(1, MOST_NIGHTS), help="every payment list within so many"
        )
        parser.add_argument(
            "--allowance",
            type=within(1, MOST_LISTS, "auto"),
            default=0,
            metavar="N|auto",
            help="payment lists a night, at most",
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, **options: Any) -> None:
        columns = wanted(options)
        named = options["account"] or options["tenant"]
        if columns or named:
            account = find.account(options["account"], options["tenant"])
            if columns:
                plans.set_plan(account, **columns)
            rows = Plan.objects.filter(account=account)
        else:
            rows = Plan.objects.all()
        found = [line(plan) for plan in rows.select_related("account__tenant").order_by("account")]
        if options["json"]:
            self.stdout.write(json.dumps({"plans": found}))
        else:
            terminal.listing(found, "There is no plan yet.")


def wanted(options: dict[str, Any]) -> dict[str, Any]:
    """The columns of the plan that are to be set."""
    columns: dict[str, Any] = {}
    if options["off"] and (options["hourly"] or options["nightly"]):
        raise ConfigurationError("Either --off, or --hourly, --nightly or both.")
    if options["off"] or options["hourly"] or options["nightly"]:
        columns = {name: options[name] and not options["off"] for name in ("hourly", "nightly")}
    for name in ("night", "quiet"):
        if options[name] is not None:
            columns[f"{name}_from"], columns[f"{name}_to"] = options[name]
    if options["nights"] is not None:
        columns["nights"] = options["nights"]
    if options["allowance"] != 0:
        columns["allowance"] = options["allowance"]
    return columns


def line(plan: Plan) -> dict[str, Any]:
    following, cost = plans.following(plan, timezone.now()), plans.cost(plan)
    return {
        "account": plan.account_id,
        "tenant": str(plan.account.tenant_id),
        "name": str(plan.account),
        "timezone": plan.account.timezone,
        "hourly": plan.hourly,
        "nightly": plan.nightly,
        "night": plans.span(plan.night_from, plan.night_to),
        "quiet": plans.span(plan.quiet_from, plan.quiet_to),
        "nights": plan.nights,
        "allowance": plan.allowance,
        "lists_a_night": cost.a_night,
        "lists": cost.lists,
        "all_within_nights": cost.nights,
        "next": following.isoformat() if following else None,
    }
