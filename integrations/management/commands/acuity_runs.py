"""manage.py acuity_runs: which runs are there; and pause or cancel one, wherever it is worked on."""

import json
from typing import Any

from django.core.management.base import CommandParser

from integrations.acuity.accounts import find
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.runs import control, listing, results, states
from integrations.acuity.sync import freshness
from integrations.management import terminal
from integrations.management.refusals import AcuityCommand
from integrations.models import ImportRun


class Command(AcuityCommand):
    help = "List runs, newest first, or show, pause or cancel one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", nargs="?", default="", help="ID of one run")
        parser.add_argument("--active", action="store_true", help="only those not yet at their end")
        parser.add_argument("--account", default="", help="only those of this account's ID")
        steer = parser.add_mutually_exclusive_group()
        steer.add_argument("--pause", action="store_true", help="after the current page")
        steer.add_argument("--cancel", action="store_true", help="for good; what came in stays")
        parser.add_argument("--json", action="store_true")

    def handle(self, **options: Any) -> None:
        if options["run"]:
            if options["active"] or options["account"]:
                raise ConfigurationError(
                    "--active and --account choose from the list: leave them out to name a run."
                )
            self.one(listing.find(options["run"]), options)
            return
        if options["pause"] or options["cancel"]:
            raise ConfigurationError("Name the run that is to be paused or cancelled.")
        account = find.account(options["account"]) if options["account"] else None
        found = listing.runs(account, active=options["active"])
        if options["json"]:
            self.stdout.write(json.dumps({"runs": found}))
        else:
            terminal.listing(found, "There are no such runs.")

    def one(self, run: ImportRun, options: dict[str, Any]) -> None:
        for what in ("pause", "cancel"):
            if options[what]:
                control.steer(run, what, by="command")
        run.refresh_from_db()
        result = results.result(run)
        if options["json"]:
            fresh = freshness.of(run.account).as_json()
            self.stdout.write(json.dumps(result.as_json() | {"fresh": fresh}))
        elif options["pause"] or options["cancel"]:
            self.stdout.write(f"Run {run.pk} {states.said(run.status)}.")
        else:
            terminal.summary(result, run.reason)
            terminal.coverage(run.coverage)
