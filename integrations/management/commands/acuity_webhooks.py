"""manage.py acuity_webhooks: does Acuity tell us of changes?"""

import json
from typing import Any
from urllib.parse import urljoin

from django.core.management.base import CommandParser
from django.urls import reverse

from integrations.acuity.accounts import find
from integrations.acuity.errors import AcuityError
from integrations.acuity.sync import webhooks
from integrations.management import terminal
from integrations.management.refusals import AcuityCommand
from integrations.models import Webhooks


class Command(AcuityCommand):
    help = "Show which webhooks are registered; register, check or remove them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", default="", help="ID of the account")
        parser.add_argument("--tenant", default="", help="or the UUID of its tenant")
        deed = parser.add_mutually_exclusive_group()
        deed.add_argument(
            "--register",
            metavar="ADDRESS",
            help="where this is reached: https://importer.example.com",
        )
        deed.add_argument("--check", action="store_true", help="and register anew what is gone")
        deed.add_argument("--remove", action="store_true")
        parser.add_argument("--json", action="store_true")

    def handle(self, **options: Any) -> None:
        rows = Webhooks.objects.all()
        if any(options[name] for name in ("account", "tenant", "register", "check", "remove")):
            account = find.account(options["account"], options["tenant"])
            self.act(account, options)
            rows = rows.filter(account=account)
        found = [line(known) for known in rows.select_related("account").order_by("account")]
        if options["json"]:
            self.stdout.write(json.dumps({"webhooks": found}))
        else:
            terminal.listing(found, "No account has webhooks registered.")

    def act(self, account: Any, options: dict[str, Any]) -> None:
        if options["register"]:
            path = reverse("acuity_webhook", args=[account.pk])
            webhooks.register(account, urljoin(options["register"], path))
        elif options["check"] and Webhooks.objects.filter(account=account).exists():
            webhooks.check(account)
        elif options["remove"] and not webhooks.remove(account):
            raise AcuityError(
                "They are wanted no more, but Acuity did not confirm that: remove them there, too."
            )


def line(known: Webhooks) -> dict[str, Any]:
    week = webhooks.this_week(known.account)
    return {
        "account": known.account_id,
        "name": str(known.account),
        "target": known.target,
        "since": known.since.isoformat() if known.since else None,
        "checked_at": known.checked_at.isoformat() if known.checked_at else None,
        "trouble": known.trouble,
        "missed": week.missed,
        "changes": week.changes,
    }
