"""manage.py acuity_accounts: which accounts are there, and how old is the last proof of each?"""

import json
from typing import Any

from django.core.management.base import CommandParser

from integrations.acuity.runs import listing
from integrations.acuity.sync import freshness
from integrations.management import terminal
from integrations.management.refusals import AcuityCommand
from integrations.models import AcuityAccount


class Command(AcuityCommand):
    help = "List the accounts with their last run and last proof; never a key."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, **options: Any) -> None:
        found = listing.accounts()
        if options["json"]:
            rows = AcuityAccount.objects.in_bulk([one["account"] for one in found])
            found = [one | freshness.of(rows[one["account"]]).as_json() for one in found]
            self.stdout.write(json.dumps({"accounts": found}))
        else:
            terminal.listing(found, "There is no account yet.")
