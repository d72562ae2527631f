"""How is one page window worked through? Page after page under a lease, until its time is over."""

import contextlib
import gc
import sys
import time
from collections.abc import Iterator

from django.db import Error as DatabaseError
from django.db import transaction

from integrations.acuity import errors
from integrations.acuity.accounts.connection import account_client
from integrations.acuity.resources.base import Context
from integrations.acuity.resources.scope import Scope
from integrations.acuity.runs import control, leases, lines, outages, troubles, words
from integrations.acuity.runs.outcome import Outcome
from integrations.acuity.runs.page import Stale, process_page
from integrations.acuity.runs.states import said
from integrations.acuity.runs.tuning import Tuning, set_limit, sized
from integrations.acuity.source.fetching import Fetcher
from integrations.acuity.store.bulk import relax_durability
from integrations.models import AcuityAccount, ImportRun, ImportStep

# A window takes no further page after this, so that deploys and other tenants need not wait.
WINDOW_SECONDS = 12.0
# On a line slower than this (seconds an answer) turns are longer in proportion, LONGEST times at most:
# before each new one the line runs empty.
USUAL_LATENCY, LONGEST = 0.15, 8
# While another run waits for a worker, turns are this short.
TURN_SECONDS = 1.0
RENEW_SECONDS = 5.0
# Pages may take less than a tenth of this; then not every one of them looks whether it is to stop.
STATUS_CHECK_SECONDS = 0.25
# So often its calls are added to the metrics, which are looked at a few times a minute.
RECORD_SECONDS = 5.0
# A thread that was waiting for the database gets Python back after this: the usual 5 ms are longer
# than most statements.
SWITCH_SECONDS = 0.0001
# Answers are trees, which need no search for cycles: looking for them seldom saves a seventh.
CYCLES = 100_000
STALE = "nothing to do: another message was first"


def run_window(run_id: str, resource: str, version: int | None) -> Outcome:
    """Work on `resource` for WINDOW_SECONDS, on a slow line for longer, page by page, from the stored checkpoint.

    `version` is the step's version the message expects; None takes the step as it is.
    """
    run = ImportRun.objects.select_related("account__tenant").get(pk=run_id)
    if run.status not in ImportRun.WORKING:
        control.settle(run.pk)
        return Outcome("stop", f"nothing to do: the run {said(run.status)}")
    step = control.current_step(run.pk)
    if step is None:
        return Outcome("done", "nothing to do: every step is done")
    if step.resource != resource:
        done = run.steps.filter(resource=resource, status="done").exists()
        return Outcome(
            "stop",
            f"nothing to do: {resource} is done"
            if done
            else f"too early: {step.resource} comes first",
        )
    step.run = run
    token = leases.claim(step, step.version if version is None else version)
    if not token:
        return Outcome("stop", STALE)
    step.refresh_from_db()
    try:
        lines.started(run, step)
        if reason := troubles.exhausted(step):
            leases.release(step.pk, token)
            control.fail(run.pk, reason, "stuck")
            return Outcome("stop", f"failed: {reason}")
        return Window(run, step, token).work()
    except Stale:
        return Outcome("stop", STALE)
    except (errors.KeyUnreadable, errors.ConfigurationError) as error:
        # Whom to ask, and with what, is known before anything is asked.
        control.fail(run.pk, str(error), type(error).__name__)
        return Outcome("stop", f"failed: {error}")
    finally:
        # A lease that is not given back counts as a death.
        outages.outlast(lambda: leases.release(step.pk, token))
        outages.outlast(lambda: control.settle(run.pk))


@contextlib.contextmanager
def busy_interpreter() -> Iterator[None]:
    """Settings of the interpreter for as long as it does nothing else."""
    thresholds, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.set_threshold(CYCLES, *thresholds[1:])
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        sys.setswitchinterval(interval)


def turn(latency: float) -> float:
    """Seconds of a turn on a line whose answers take `latency` seconds."""
    return WINDOW_SECONDS * min(LONGEST, max(1.0, latency / USUAL_LATENCY))


class Window:
    """One turn of one step, under a lease that it renews while it waits."""

    def __init__(self, run: ImportRun, step: ImportStep, token: str) -> None:
        self.run, self.step, self.token = run, step, token
        self.client = account_client(run.account, run)
        self.source = Fetcher(self.client, self.heartbeat)
        self.context = Context.of(Scope.of(run), self.source)
        self._renewed = self._looked = self._recorded = time.monotonic()

    def heartbeat(self) -> None:
        """Renew the lease now and then. Raises Stale if somebody else has it."""
        if time.monotonic() - self._renewed < RENEW_SECONDS:
            return
        if not leases.renew(self.step.pk, self.token):
            raise Stale
        self._renewed = time.monotonic()

    def work(self) -> Outcome:
        try:
            with busy_interpreter():
                return self._pages()
        except errors.AcuityError as error:
            return self._handle(error)
        except DatabaseError as error:
            if outages.wait():
                self._back()
            return self._handle(errors.DatabaseTrouble(type(error).__name__))
        finally:
            self.source.close()
            self.context.catalog.forget()
            with contextlib.suppress(DatabaseError):
                self._record()

    def _record(self) -> None:
        """Add its calls to the metrics. All workers add to the same few rows: nobody waits there for
        another's disk."""
        with transaction.atomic():
            relax_durability()
            self.client.calls.record()

    def _back(self) -> None:
        """After an outage: keep the lease, or say that its loss was no death."""
        if not leases.renew(self.step.pk, self.token):
            leases.excuse(self.step.pk)

    def _handle(self, error: errors.AcuityError) -> Outcome:
        return outages.outlast(
            lambda: troubles.handle_failure(self.context, self.run, self.step, self.token, error)
        )

    def _pages(self) -> Outcome:
        start, others = time.monotonic(), False
        step, before, differing = self.step, words.counters(self.step), 0

        def came() -> str:
            return words.of_window(before, step, differing)

        while True:
            until = start + (0.0 if others else turn(self.source.latency()))
            self.context.prefetch = time.monotonic() < until
            began, offset = time.monotonic(), step.offset
            page = process_page(self.context, self.run, step, self.token)
            differing += page.differing
            self._tune(step, step.offset - offset, time.monotonic() - began, page.done)
            if page.done:
                return Outcome("done", came(), step.version, step.offset)
            self._renewed = now = time.monotonic()
            if now - self._looked > STATUS_CHECK_SECONDS:
                self._looked = now
                if now - self._recorded > RECORD_SECONDS:
                    self._recorded = now
                    self._record()
                self.run = ImportRun.objects.select_related("account__tenant").get(pk=self.run.pk)
                self.context.scope = Scope.of(self.run)
                if self.run.status not in ImportRun.WORKING:
                    return Outcome("stop", f"{came()}; the run {said(self.run.status)}")
                if start + TURN_SECONDS < now < until and control.others_wait(self.run.pk):
                    others, until = True, start
            if now > until and not self.source.under_way:
                return Outcome("more", came(), step.version, step.offset)

    def _tune(self, step: ImportStep, count: int, seconds: float, done: bool) -> None:
        """Let the page limit follow what this page showed."""
        run = self.run
        if not run.auto_page_limit or not sized(step):
            return
        tuning = Tuning.at(run.page_limit, run.tuning)
        if count >= run.page_limit:
            tuning = tuning.observe(count, seconds)
            set_limit(run, tuning)
        if done and tuning.best_limit:
            AcuityAccount.objects.filter(pk=run.account_id).update(best_page_limit=run.page_limit)
