"""manage.py acuity_verify: compare a finished run with the source once more."""

import json
import sys
from typing import Any

from django.core.management.base import CommandParser

from integrations.acuity.runs import control, listing
from integrations.management import embedded, following, terminal
from integrations.management.refusals import (
    COMPLETED,
    FAILED,
    INTERRUPTED,
    OF_THE_KEY,
    REFUSED,
    AcuityCommand,
    NotReached,
)
from integrations.models import ImportRun


class Command(AcuityCommand):
    help = "Compare source and database by month; exit status 1 on a gap."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run")
        parser.add_argument("--json", action="store_true")

    def handle(self, **options: Any) -> None:
        run = listing.find(options["run"])
        embedded.reach()
        control.verify(run, send=False, by="command")
        with embedded.worker():
            control.enqueue(run)
            rested = following.follow(run)
        if rested is None or rested.status == "paused":
            sentence = f"Paused. Resume with: {following.resume(run)}"
            raise NotReached(sentence, "interrupted", INTERRUPTED, run.pk)
        if rested.error_class:
            status = REFUSED if rested.error_class in OF_THE_KEY else FAILED
            sentence = f"Not proven again, the last proof stands: {rested.reason}"
            raise NotReached(sentence, "not_proven", status, run.pk)
        self.report(rested, options["json"])
        sys.exit(COMPLETED if rested.verified else FAILED)

    def report(self, run: ImportRun, as_json: bool) -> None:
        if not as_json:
            terminal.coverage(run.coverage)
            for gap in run.gaps:
                self.stdout.write(f"GAP {gap['reason']}")
            return
        facts = {
            "run": str(run.pk),
            "verified": run.verified,
            "months": run.coverage,
            "gaps": run.gaps,
            "differences": run.differences,
        }
        self.stdout.write(json.dumps(facts))
