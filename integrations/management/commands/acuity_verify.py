"""manage.py acuity_verify: compare a finished run with the source once more."""

import json
import sys
import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from integrations import audit
from integrations.acuity import errors
from integrations.acuity.runs import control
from integrations.management import embedded, following, terminal
from integrations.management.terminal import whoami
from integrations.models import ImportRun


class Command(BaseCommand):
    help = "Compare source and database by month; exit status 1 on a gap."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run")
        parser.add_argument("--json", action="store_true")

    def handle(self, **options: Any) -> None:
        run = self._run(options["run"])
        try:
            with audit.acting("command", whoami()):
                control.verify(run, send=False)
        except (control.ActiveRun, errors.ConfigurationError) as error:
            self._refuse(str(error), 2)
        with embedded.worker():
            control.enqueue(run)
            rested = following.follow(run)
        if rested is None or rested.status == "paused":
            self._refuse(f"Paused. Resume with: {following.resume(run)}", 3)
            return
        run = rested
        if run.error_class:
            refused = run.error_class in ("CredentialsRefused", "PlanWithoutApi")
            self._refuse(
                f"Not proven again, the last proof stands: {run.reason}", 4 if refused else 1
            )
        if options["json"]:
            self.stdout.write(
                json.dumps(
                    {
                        "run": str(run.pk),
                        "verified": run.verified,
                        "months": run.coverage,
                        "gaps": run.gaps,
                        "differences": run.differences,
                    }
                )
            )
        else:
            terminal.coverage(run.coverage)
            for gap in run.gaps:
                self.stdout.write(f"GAP {gap['reason']}")
        sys.exit(0 if run.verified else 1)

    def _run(self, value: str) -> ImportRun:
        try:
            return ImportRun.objects.select_related("account__tenant").get(pk=uuid.UUID(value))
        except (ValueError, ImportRun.DoesNotExist):
            self._refuse(f"There is no run {value}; the admin lists the runs.", 2)
            raise AssertionError from None

    def _refuse(self, sentence: str, status: int) -> None:
        self.stderr.write(sentence)
        sys.exit(status)
