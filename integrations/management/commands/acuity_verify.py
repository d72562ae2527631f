"""manage.py acuity_verify: compare a finished run with the source once more."""

import json
import sys
import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from integrations.acuity import errors
from integrations.acuity.runs import control, window
from integrations.management import terminal
from integrations.models import ImportRun


class Command(BaseCommand):
    help = "Compare source and database by month; exit status 1 on a gap."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run")
        parser.add_argument("--json", action="store_true")

    def handle(self, **options: Any) -> None:
        run = self._run(options["run"])
        try:
            window.verify_again(run)
        except control.ActiveRun as error:
            self._refuse(str(error), 2)
        except (errors.CredentialsRefused, errors.PlanWithoutApi) as error:
            self._refuse(str(error), 4)
        except errors.AcuityError as error:
            self._refuse(str(error), 1)
        run.refresh_from_db()
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
