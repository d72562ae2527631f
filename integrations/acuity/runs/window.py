"""How is one page window worked through? Page after page under a lease, until its time is over."""

import contextlib
import gc
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import Error as DatabaseError
from django.db import close_old_connections
from django.db.models import F
from django.utils import timezone

from integrations.acuity import errors, events
from integrations.acuity.accounts.connection import account_client
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.base import Context
from integrations.acuity.runs import control, leases
from integrations.acuity.runs.page import Stale, process_page
from integrations.acuity.runs.tuning import SMALLEST, Tuning
from integrations.acuity.source.client import SMALL_PAGE
from integrations.acuity.source.fetching import Fetcher
from integrations.models import AcuityAccount, ImportRun, ImportStep

# A window takes no further page after this, so that deploys and other tenants need not wait.
WINDOW_SECONDS = 12.0
# While another run waits for a worker, turns are this short.
TURN_SECONDS = 1.0
RENEW_SECONDS = 5.0
# Pages may take less than a tenth of this; then not every one of them looks whether it is to stop.
LOOK_SECONDS = 0.25
# A thread that was waiting for the database gets Python back after this: the usual 5 ms are longer
# than most statements.
SWITCH_SECONDS = 0.0001
# Answers are trees, which need no search for cycles: looking for them seldom saves a seventh.
CYCLES = 100_000
MAX_ATTEMPTS = 5
MAX_DEATHS = 3
PATIENCE = timedelta(minutes=30)


@dataclass(frozen=True)
class Outcome:
    """`more`: send the next window · `done`: the chain goes on · `stop`: the chain ends here."""

    kind: str
    text: str
    version: int = 0
    offset: int = 0


def run_window(run_id: str, resource: str, version: int | None) -> Outcome:
    """Work on `resource` for up to WINDOW_SECONDS, page by page, from the stored checkpoint.

    `version` is the step's version the message expects; None takes the step as it is.
    """
    run = ImportRun.objects.select_related("account__tenant").get(pk=run_id)
    if run.status not in ImportRun.WORKING:
        control.settle(run.pk)
        return Outcome("stop", f"run is {run.status}")
    step = control.current_step(run.pk)
    if step is None:
        return Outcome("done", "nothing left")
    if step.resource != resource:
        done = run.steps.filter(resource=resource, status="done").exists()
        return Outcome("stop", "step is done" if done else f"{step.resource} comes first")
    token = leases.claim(step, step.version if version is None else version)
    if not token:
        return Outcome("stop", "stale message")
    step.refresh_from_db()
    try:
        if reason := _hopeless(step):
            leases.release(step.pk, token)
            control.fail(run.pk, reason, "stuck")
            return Outcome("stop", f"failed: {reason}")
        _announce(run, step)
        return Window(run, step, token).work()
    except Stale:
        return Outcome("stop", "stale message")
    except (errors.KeyUnreadable, errors.ConfigurationError) as error:
        # Whom to ask, and with what, is known before anything is asked.
        control.fail(run.pk, str(error), type(error).__name__)
        return Outcome("stop", f"failed: {error}")
    finally:
        leases.release(step.pk, token)
        control.settle(run.pk)


def _hopeless(step: ImportStep) -> str:
    if step.deaths >= MAX_DEATHS:
        return (
            f"The {step.resource} step lost its process {step.deaths} times at offset {step.offset}:"
            " probably memory; try a smaller page limit, then resume."
        )
    if step.attempts > MAX_ATTEMPTS:
        return (
            f"The {step.resource} step stopped {MAX_ATTEMPTS} times without progress"
            f" at offset {step.offset}: {step.waiting_for or 'see the log'}"
        )
    return ""


def _announce(run: ImportRun, step: ImportStep) -> None:
    if step.position == 0 and step.version == 0:
        events.log(
            "acuity_import_started",
            tenant=run.account.tenant_id,
            run=run.pk,
            min_date=run.min_date,
            max_date=run.max_date,
            cursor=step.cursor,
            page_limit=run.page_limit,
            payments=run.payments_mode,
        )


@contextlib.contextmanager
def _in_earnest() -> Iterator[None]:
    """Settings of the interpreter for as long as it does nothing else."""
    thresholds, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.set_threshold(CYCLES, *thresholds[1:])
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        sys.setswitchinterval(interval)


class Window:
    """One turn of one step, under a lease that it renews while it waits."""

    def __init__(self, run: ImportRun, step: ImportStep, token: str) -> None:
        self.run, self.step, self.token = run, step, token
        self.client = account_client(run.account, run)
        self.source = Fetcher(self.client, self.heartbeat)
        self.context = Context(run, step, self.source)
        self._renewed = self._looked = time.monotonic()

    def heartbeat(self) -> None:
        """Renew the lease now and then. Raises Stale if somebody else has it."""
        if time.monotonic() - self._renewed < RENEW_SECONDS:
            return
        if not leases.renew(self.step.pk, self.token):
            raise Stale
        self._renewed = time.monotonic()

    def work(self) -> Outcome:
        try:
            with _in_earnest():
                return self._pages()
        except errors.AcuityError as error:
            return self._trouble(error)
        except DatabaseError as error:
            close_old_connections()
            return self._trouble(errors.DatabaseTrouble(type(error).__name__))
        finally:
            self.source.close()
            self.context.forget()
            with contextlib.suppress(DatabaseError):
                self.client.calls.record()

    def _pages(self) -> Outcome:
        start = time.monotonic()
        until = start + WINDOW_SECONDS
        first, step, before = self.step.offset, self.step, counters(self.step)
        while True:
            self.context.ahead = time.monotonic() < until
            began = time.monotonic()
            done = process_page(self.context, self.token)
            before_page = step.offset
            step.refresh_from_db()
            self._tune(step, step.offset - before_page, time.monotonic() - began, done)
            of = f" of {step.total:,}" if step.total else ""
            words = f"{step.resource} {first:,}–{step.offset:,}{of}{_counted(before, step)}"
            if done:
                return Outcome("done", words, step.version, step.offset)
            self._renewed = now = time.monotonic()
            if now - self._looked > LOOK_SECONDS:
                self._looked = now
                self.client.calls.record()
                self.run = ImportRun.objects.select_related("account__tenant").get(pk=self.run.pk)
                self.context.run = self.run
                if self.run.status not in ImportRun.WORKING:
                    return Outcome("stop", f"{words}; run is {self.run.status}")
                if start + TURN_SECONDS < now < until and control.others_wait(self.run.pk):
                    until = start
            if now > until and not self.source.under_way:
                return Outcome("more", words, step.version, step.offset)

    def _tune(self, step: ImportStep, count: int, seconds: float, done: bool) -> None:
        """Let the page limit follow what this page showed."""
        run = self.run
        if not run.auto_page_limit or not _sized(step):
            return
        tuning = Tuning.of(run.tuning, run.page_limit)
        if count >= run.page_limit:
            self._limit(tuning.observe(count, seconds), tuning)
        if done and tuning.best_limit:
            AcuityAccount.objects.filter(pk=run.account_id).update(best_page_limit=run.page_limit)

    def _limit(self, limit: int, tuning: Tuning) -> None:
        self.run.page_limit, self.run.tuning = limit, self.run.tuning | tuning.facts()
        ImportRun.objects.filter(pk=self.run.pk, auto_page_limit=True).update(
            page_limit=limit, tuning=self.run.tuning
        )

    def _smaller(self, error: errors.AcuityError) -> bool:
        """After a time-out or a 5xx: True if a smaller page is left to try."""
        run, step = self.run, self.step
        if not isinstance(error, errors.ServerTrouble):
            return False
        if _sized(step) and run.auto_page_limit and run.page_limit > SMALLEST:
            tuning = Tuning.of(run.tuning, run.page_limit)
            self._limit(tuning.failed(), tuning)
            return True
        listing = self.context.listing
        if (
            step.resource == "verify"
            and listing > SMALL_PAGE
            and isinstance(error, errors.TimedOut)
        ):
            run.tuning = run.tuning | {"listing": max(listing // 2, SMALL_PAGE)}
            ImportRun.objects.filter(pk=run.pk).update(tuning=run.tuning)
            return True
        return False

    def _trouble(self, error: errors.AcuityError) -> Outcome:
        """Transient: wait and go on, for up to PATIENCE. Anything else fails the run, resumable."""
        now, spent = timezone.now(), self.client.tally
        fields: dict[str, Any] = {
            "requests": F("requests") + spent.requests,
            "retries": F("retries") + spent.retries,
            "throttled": F("throttled") + spent.throttled,
        }
        # Nothing is concluded from the exception: the row says how long there was no progress.
        since = (
            ImportStep.objects.values_list("failing_since", flat=True).get(pk=self.step.pk) or now
        )
        if not error.transient or now - since > PATIENCE:
            leases.release(self.step.pk, self.token, **fields)
            control.fail(self.run.pk, str(error), type(error).__name__)
            return Outcome("stop", f"failed: {error}")
        if self._smaller(error) and isinstance(error, errors.TimedOut):
            leases.release(self.step.pk, self.token, **fields, failing_since=since, attempts=0)
            return Outcome("more", f"smaller pages: {error}", self.step.version, self.step.offset)
        pause = min(5 * 2 ** min(int((now - since).total_seconds() // 10), 5), 60)
        if error.retry_after:
            pause = max(pause, min(int(error.retry_after) + 1, 3600))
        leases.release(
            self.step.pk,
            self.token,
            **fields,
            failing_since=since,
            not_before=now + timedelta(seconds=pause),
            waiting_for=str(error),
            # Waiting is not a lost attempt.
            attempts=0,
        )
        events.log(
            "acuity_import_waiting", run=self.run.pk, seconds=pause, error=type(error).__name__
        )
        return Outcome("stop", f"waiting {pause} s: {error}")


def counters(step: ImportStep) -> dict[str, int]:
    return {name: getattr(step, name) for name in ("created", "updated", "unchanged", "rejected")}


def _counted(before: dict[str, int], step: ImportStep) -> str:
    return "".join(
        f", {n - before[name]} {name}" for name, n in counters(step).items() if n != before[name]
    )


def crashed(run_id: str, error: BaseException) -> None:
    """An error that nobody foresaw: try again a few times, then fail with its name."""
    step = control.current_step(run_id)
    if step is None:
        return
    name = error.kind if isinstance(error, errors.Unforeseen) else type(error).__name__
    if step.attempts >= MAX_ATTEMPTS:
        control.fail(run_id, f"{name} in the {step.resource} step; the log has the details.", name)
        return
    ImportStep.objects.filter(pk=step.pk, version=step.version, lease_token="").update(
        not_before=timezone.now() + timedelta(seconds=5 * 2**step.attempts),
        waiting_for=f"an error in the importer ({name})",
    )


def _sized(step: ImportStep) -> bool:
    """Whether the step's pages have a size, which the page limit sets."""
    return step.resource in RESOURCES and RESOURCES[step.resource].sized
