"""manage.py acuity_import: bring a whole Acuity account into the database, and prove it."""

import contextlib
import json
import sys
from datetime import date
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from integrations.acuity import errors
from integrations.acuity.accounts import addresses, find
from integrations.acuity.accounts.connection import account_client
from integrations.acuity.resources import OPTIONS, RESOURCES
from integrations.acuity.resources.scope import Period
from integrations.acuity.runs import control, lines, listing, preview, results, retry
from integrations.acuity.runs.options import Options
from integrations.acuity.sync import freshness
from integrations.management import database, embedded, following, terminal
from integrations.management.refusals import (
    COMPLETED,
    FAILED,
    INTERRUPTED,
    OF_THE_KEY,
    REFUSED,
    AcuityCommand,
    NotReached,
    within,
)
from integrations.models import AcuityAccount, ImportRun


class Command(AcuityCommand):
    help = f"Import {', '.join(RESOURCES)} from Acuity, resumably, and verify the result."
    # Once there is a run.
    begun: ImportRun | None = None

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", default="", help="ID of an Acuity account")
        parser.add_argument("--tenant", default="", help="UUID of a tenant with one account")
        parser.add_argument("--min-date", default="", help="first day, YYYY-MM-DD")
        parser.add_argument("--max-date", default="", help="last day, YYYY-MM-DD")
        parser.add_argument(
            "--page-limit",
            type=within(1, 1000, also="auto"),
            default=None,
            metavar="N",
            help="1 to 1000; default: auto",
        )
        parser.add_argument("--only", default=",".join(RESOURCES))
        for option, choices in OPTIONS.items():
            parser.add_argument(f"--{option}", choices=choices, default=choices[0])
        parser.add_argument("--resume", default="", metavar="RUN")
        parser.add_argument(
            "--retry-rejected", default="", metavar="RUN", help="store what it can now"
        )
        parser.add_argument("--detach", action="store_true", help="print the run's ID and leave")
        parser.add_argument("--sandbox", action="store_true", help="import an invented account")
        parser.add_argument("--no-verify", action="store_true")
        parser.add_argument(
            "--accept-removals",
            action="store_true",
            help="mark as gone however many bookings Acuity no longer shows",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="write nothing, say what is there"
        )
        parser.add_argument(
            "--json", action="store_true", help="one JSON object on standard output"
        )

    def handle(self, **options: Any) -> None:
        sys.exit(self.run(options))

    def refuse(self, error: BaseException, *, as_json: bool) -> int:
        """Where nothing was started, the log gets the line that every import ends with, too."""
        status = super().refuse(error, as_json=as_json)
        if self.begun is None:
            lines.not_started(type(error).__name__)
        return status

    def run(self, options: dict[str, Any]) -> int:
        if options["detach"] and embedded.needed():
            raise errors.ConfigurationError(
                "--detach needs a broker: set REDIS_URL and start a worker."
            )
        database.prepare()
        if options["retry_rejected"]:
            return self.retry_rejected(listing.find(options["retry_rejected"]), options["json"])
        if not options["dry_run"]:
            embedded.reach()
        with contextlib.ExitStack() as stack:
            run = self.begin(options, stack)
            if run is None:
                return COMPLETED
            if options["detach"]:
                self.stdout.write(
                    json.dumps({"run": str(run.pk)}) if options["json"] else str(run.pk)
                )
                return COMPLETED
            return self.follow(run, options)

    def begin(self, options: dict[str, Any], stack: contextlib.ExitStack) -> ImportRun | None:
        if options["resume"]:
            run = listing.find(options["resume"])
            stack.enter_context(embedded.worker())
            control.steer(run, "resume", by="command")
            self.begun = run
            return run
        low, high = _day(options["min_date"], "--min-date"), _day(options["max_date"], "--max-date")
        account = self.account(options, stack)
        wanted = Options(
            Period(low, high),
            options["page_limit"],
            tuple(name.strip() for name in options["only"].split(",") if name.strip()),
            {option: options[option] for option in OPTIONS},
            verify=not options["no_verify"],
            accept_removals=options["accept_removals"],
        )
        wanted.check()
        if options["dry_run"]:
            self.dry_run(account, wanted, options["json"])
            return None
        # A wrong key or address is said at once, before there is a run.
        account_client(account).get("/me")
        find.store(account)
        self.begun = run = control.start(account, wanted, send=False, by="command")
        stack.enter_context(
            embedded.worker() if not options["detach"] else contextlib.nullcontext()
        )
        control.enqueue(run)
        return run

    def account(self, options: dict[str, Any], stack: contextlib.ExitStack) -> AcuityAccount:
        """The account meant; one that is new, or has a new key, is not stored yet."""
        if not options["sandbox"]:
            account = find.account(options["account"], options["tenant"], save=False)
            addresses.check(account)
            return account
        from integrations.acuity.sandbox import Sandbox, SandboxOptions, make_account

        box = stack.enter_context(Sandbox(make_account(), SandboxOptions(rps=0)))
        settings.ACUITY_REQUESTS_PER_SECOND = 0
        settings.ACUITY_ALLOW_PRIVATE_ADDRESSES = True
        return find.ensure(
            box.options.user_id,
            box.options.api_key,
            box.base_url,
            name="Sandbox",
            save=False,
        )

    def retry_rejected(self, run: ImportRun, as_json: bool) -> int:
        taken, left = retry.retry(run)
        if as_json:
            self.stdout.write(json.dumps({"run": str(run.pk), "taken": taken, "rejected": left}))
        else:
            self.stdout.write(f"{taken} records were taken in, {left} are still rejected.")
        return FAILED if left else COMPLETED

    def dry_run(self, account: AcuityAccount, wanted: Options, as_json: bool) -> None:
        answer = preview.dry_run(account, wanted)
        if as_json:
            self.stdout.write(json.dumps(answer.as_json()))
        else:
            terminal.dry_run(answer)

    def follow(self, run: ImportRun, options: dict[str, Any]) -> int:
        rested = following.follow(run)
        if rested is None:
            sentence = f"Left. Resume with: {following.resume(run)}"
            raise NotReached(sentence, "interrupted", INTERRUPTED, run.pk)
        return self.report(rested, options)

    def report(self, run: ImportRun, options: dict[str, Any]) -> int:
        result = results.result(run)
        if options["json"]:
            fresh = freshness.of(run.account).as_json()
            self.stdout.write(json.dumps(result.as_json() | {"fresh": fresh}))
        else:
            terminal.summary(result, run.reason)
            terminal.coverage(run.coverage)
        if run.status == "completed":
            return COMPLETED
        if run.status == "cancelled":
            self.stderr.write(
                f"Run {run.pk} was cancelled: what was imported stays; start a new import."
            )
            return FAILED
        if run.status == "paused":
            self.stderr.write(f"Resume with: {following.resume(run)}")
            return INTERRUPTED
        if run.reason:
            self.stderr.write(run.reason)
        if run.error_class in OF_THE_KEY:
            return REFUSED
        return FAILED


def _day(value: str, name: str) -> date | None:
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        raise errors.ConfigurationError(
            f"{name} must be a day like 2025-10-31, not {value!r}."
        ) from None
