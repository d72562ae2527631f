"""manage.py acuity_import: bring a whole Acuity account into the database, and prove it."""

import contextlib
import json
import sys
import uuid
from datetime import date
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandParser
from django.db import OperationalError

from integrations.acuity import errors, events
from integrations.acuity.accounts import find
from integrations.acuity.accounts.connection import account_client
from integrations.acuity.resources import OPTIONS, RESOURCES
from integrations.acuity.runs import control, preview, results, retry
from integrations.acuity.source.client import check_base_url
from integrations.management import embedded, following, terminal
from integrations.models import AcuityAccount, ImportRun

COMPLETED, FAILED, BAD_ARGUMENTS, INTERRUPTED, REFUSED = range(5)


class Command(BaseCommand):
    help = f"Import {', '.join(RESOURCES)} from Acuity, resumably, and verify the result."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", default="", help="ID of an Acuity account")
        parser.add_argument("--tenant", default="", help="UUID of a tenant with one account")
        parser.add_argument("--min-date", default="", help="first day, YYYY-MM-DD")
        parser.add_argument("--max-date", default="", help="last day, YYYY-MM-DD")
        parser.add_argument(
            "--page-limit", type=_limit, default=None, metavar="N", help="1 to 1000; default: auto"
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
        try:
            status = self.run(options)
        except (errors.ConfigurationError, control.ActiveRun) as error:
            status = self.refuse(error, BAD_ARGUMENTS)
        except (errors.CredentialsRefused, errors.PlanWithoutApi) as error:
            status = self.refuse(error, REFUSED)
        except (errors.AcuityError, OperationalError) as error:
            status = self.refuse(error, FAILED)
        sys.exit(status)

    def refuse(self, error: Exception, status: int) -> int:
        """Nothing was started: one sentence, and the summary that every import ends with."""
        self.stderr.write(str(error).strip().replace("\n", " "))
        events.log(
            "acuity_import_summary",
            status="not started",
            error=type(error).__name__,
            **results.in_log(dict.fromkeys(RESOURCES, 0)),
            skipped=0,
        )
        return status

    def run(self, options: dict[str, Any]) -> int:
        call_command("migrate", verbosity=0, interactive=False)
        if options["retry_rejected"]:
            return self.retry_rejected(_run(options["retry_rejected"]), options["json"])
        with contextlib.ExitStack() as stack:
            run = self.begin(options, stack)
            if run is None:
                return COMPLETED
            if options["detach"]:
                if embedded.needed():
                    raise errors.ConfigurationError(
                        "--detach needs a broker: set REDIS_URL and start a worker."
                    )
                self.stdout.write(
                    json.dumps({"run": str(run.pk)}) if options["json"] else str(run.pk)
                )
                return COMPLETED
            return self.follow(run, options)

    def begin(self, options: dict[str, Any], stack: contextlib.ExitStack) -> ImportRun | None:
        if options["resume"]:
            run = _run(options["resume"])
            stack.enter_context(embedded.worker())
            if run.status in ("completed", "completed_with_gaps", "cancelled"):
                raise errors.ConfigurationError(f"Run {run.pk} is {run.status}: nothing to resume.")
            control.resume(run)
            return run
        low, high = _day(options["min_date"], "--min-date"), _day(options["max_date"], "--max-date")
        account = self.account(options, stack)
        wanted: dict[str, Any] = {
            "min_date": low,
            "max_date": high,
            "page_limit": options["page_limit"],
            "only": tuple(name.strip() for name in options["only"].split(",") if name.strip()),
            **{f"{option}_mode": options[option] for option in OPTIONS},
        }
        control.check(**wanted)
        if options["dry_run"]:
            self.dry_run(account, wanted, options["json"])
            return None
        # A wrong key or address is said at once, before there is a run.
        account_client(account).get("/me")
        run = control.start(
            account,
            verify=not options["no_verify"],
            accept_removals=options["accept_removals"],
            send=False,
            **wanted,
        )
        stack.enter_context(
            embedded.worker() if not options["detach"] else contextlib.nullcontext()
        )
        control.enqueue(run)
        return run

    def account(self, options: dict[str, Any], stack: contextlib.ExitStack) -> AcuityAccount:
        if not options["sandbox"]:
            account = find.account(
                options["account"], options["tenant"], save=not options["dry_run"]
            )
            check_base_url(account.base_url or settings.ACUITY_BASE_URL)
            return account
        from integrations.acuity.sandbox import Sandbox, SandboxOptions, make_account

        box = stack.enter_context(Sandbox(make_account(), SandboxOptions(rps=0)))
        settings.ACUITY_REQUESTS_PER_SECOND = 0
        return find.ensure(
            box.options.user_id,
            box.options.api_key,
            box.base_url,
            name="Sandbox",
            save=not options["dry_run"],
        )

    def retry_rejected(self, run: ImportRun, as_json: bool) -> int:
        taken, left = retry.retry(run)
        if as_json:
            self.stdout.write(json.dumps({"run": str(run.pk), "taken": taken, "rejected": left}))
        else:
            self.stdout.write(f"{taken} records were taken in, {left} are still rejected.")
        return FAILED if left else COMPLETED

    def dry_run(self, account: AcuityAccount, wanted: dict[str, Any], as_json: bool) -> None:
        answer = preview.dry_run(account, **wanted)
        if as_json:
            self.stdout.write(json.dumps(answer))
        else:
            terminal.dry_run(answer)

    def follow(self, run: ImportRun, options: dict[str, Any]) -> int:
        rested = following.follow(run)
        if rested is None:
            self.stderr.write(f"Left. Resume with: {following.resume(run)}")
            return INTERRUPTED
        return self.report(rested, options)

    def report(self, run: ImportRun, options: dict[str, Any]) -> int:
        result = results.result(run)
        if options["json"]:
            self.stdout.write(json.dumps(result))
        else:
            terminal.summary(result, run.reason)
            terminal.coverage(run.coverage)
        if run.status == "completed":
            return COMPLETED
        if run.status in ("paused", "cancelled"):
            self.stderr.write(f"Resume with: {following.resume(run)}")
            return INTERRUPTED
        if run.reason:
            self.stderr.write(run.reason)
        if run.error_class in ("CredentialsRefused", "PlanWithoutApi"):
            return REFUSED
        return FAILED


def _limit(value: str) -> int | None:
    return None if value == "auto" else int(value)


def _day(value: str, name: str) -> date | None:
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        raise errors.ConfigurationError(
            f"{name} must be a day like 2025-10-31, not {value!r}."
        ) from None


def _run(value: str) -> ImportRun:
    with contextlib.suppress(ValueError):
        if run := ImportRun.objects.select_related("account").filter(pk=uuid.UUID(value)).first():
            return run
    raise errors.ConfigurationError(f"There is no run {value}; the admin lists the runs.")
