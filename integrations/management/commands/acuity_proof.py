"""manage.py acuity_proof: write a run's proof to a file, or hold such a file against the database."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.db import Error as DatabaseError

from bookings.amounts import written
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.proof import file
from integrations.acuity.proof.digests import Month
from integrations.acuity.runs import listing
from integrations.console import proof_page
from integrations.management.refusals import AcuityCommand

SAME, DIFFERENT, REFUSED = range(3)


class Command(AcuityCommand):
    help = (
        "Write the proof of a run to standard output, or compare such a file with the database:"
        " exit status 1 if a month differs. Acuity is not asked."
    )
    # That it cannot be read has a status of its own here: 1 says that a month differs.
    needs_database = False

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("run", nargs="?", help="ID of a run")
        what.add_argument("--check", default="", metavar="FILE", help="what acuity_proof RUN wrote")
        parser.add_argument("--html", action="store_true", help="a page to print instead of JSON")

    def handle(self, **options: Any) -> None:
        try:
            status = self._check(options["check"]) if options["check"] else self._write(options)
        except ConfigurationError as error:
            status = self._refuse(str(error))
        except DatabaseError as error:
            status = self._refuse(f"The database cannot be read: {error}.")
        sys.exit(status)

    def _refuse(self, sentence: str) -> int:
        self.stderr.write(sentence)
        return REFUSED

    def _write(self, options: dict[str, Any]) -> int:
        run = listing.find(options["run"])
        proof = file.of(run)
        text = proof_page.page(run, proof) if options["html"] else file.encode(proof).decode()
        self.stdout.write(text, ending="")
        return SAME

    def _check(self, name: str) -> int:
        try:
            proof = file.decode(Path(name).read_bytes())
        except OSError as error:
            return self._refuse(f"{name} cannot be read: {error.strerror}.")
        when = f"{proof.proven_at:%Y-%m-%d %H:%M} UTC"
        self.stdout.write(f"{proof.business}, run {proof.run}, proven {when}")
        found = file.differences(proof)
        for each in found:
            self.stdout.write(f"{each.month} {each.resource}: {_said(each, proof.currency)}")
        if found:
            return DIFFERENT
        months = sum(map(len, proof.resources.values()))
        self.stdout.write(
            f"Stored as it was proven: {', '.join(proof.resources)}, {months} digests."
            " A digest covers what `lines` in the file names, and no other column."
        )
        return SAME


def _said(each: file.Difference, currency: str) -> str:
    had, has = (_sum(month, currency) for month in (each.proven, each.stored))
    return f"{had} when proven, {has} now" if had != has else f"{had}, as when proven, but changed"


def _sum(month: Month, currency: str) -> str:
    money = f" with {written(month.cents, month.places)} {currency}" if month.cents else ""
    return f"{month.count:,}{money}"
