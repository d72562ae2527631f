"""manage.py acuity_prune: delete page logs, webhook requests and the like that are old enough."""

import json
from typing import Any

from django.core.management.base import CommandParser

from integrations.management.refusals import AcuityCommand
from integrations.privacy import retention


class Command(AcuityCommand):
    help = "Delete what is older than the ACUITY_KEEP_… settings say; runs and proofs stay."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count, and delete nothing")
        parser.add_argument("--json", action="store_true")

    def handle(self, **options: Any) -> None:
        found = retention.count() if options["dry_run"] else retention.prune()
        if options["json"]:
            self.stdout.write(json.dumps(found))
            return
        said = "Would be deleted" if options["dry_run"] else "Deleted"
        counts = ", ".join(f"{n:,} {name}" for name, n in found.items())
        self.stdout.write(f"{said}: {counts or 'nothing, every ACUITY_KEEP_… is 0'}.")
