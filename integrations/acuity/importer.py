"""How is one page window worked through? Fetch, then one transaction of rows and checkpoint."""

import time
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import close_old_connections, transaction
from django.db.models import F
from django.utils import timezone

from integrations.acuity import errors, events, runs
from integrations.acuity.client import AcuityClient, Tally
from integrations.acuity.fetching import Fetcher
from integrations.acuity.resources import STEPS
from integrations.acuity.resources.base import Context, Fetched
from integrations.acuity.sink import Counts
from integrations.acuity.throttle import Pace, default_throttle
from integrations.models import AcuityAccount, ImportRun, ImportStep, PageFetch

# A window takes no further page after this, so that deploys and other tenants need not wait.
WINDOW_SECONDS = 12.0
RENEW_SECONDS = 5.0
MAX_ATTEMPTS = 5
MAX_DEATHS = 3
PATIENCE = timedelta(minutes=30)
MOST_REJECTS = 0.2
FEW_REJECTS = 5


class Stale(Exception):
    """The step moved on without us; nothing was written."""


@dataclass(frozen=True)
class Outcome:
    """`more`: send the next window · `done`: the chain goes on · `stop`: the chain ends here."""

    kind: str
    text: str
    version: int = 0
    offset: int = 0


def account_client(account: AcuityAccount, run: ImportRun | None = None) -> AcuityClient:
    own = run.requests_per_second if run else None
    return AcuityClient(
        account.base_url or settings.ACUITY_BASE_URL,
        account.user_id,
        account.api_key,
        default_throttle(),
        timeout=(settings.ACUITY_CONNECT_TIMEOUT, settings.ACUITY_READ_TIMEOUT),
        pace=Pace(str(run.pk), 1 / own) if run and own else None,
    )


def run_window(run_id: str, resource: str, version: int | None) -> Outcome:
    """Work on `resource` for up to WINDOW_SECONDS, page by page, from the stored checkpoint.

    `version` is the step's version the message expects; None takes the step as it is.
    """
    run = ImportRun.objects.select_related("account__tenant").get(pk=run_id)
    if run.status not in ImportRun.WORKING:
        runs.settle(run.pk)
        return Outcome("stop", f"run is {run.status}")
    step = runs.current_step(run.pk)
    if step is None:
        return Outcome("done", "nothing left")
    if step.resource != resource:
        done = run.steps.filter(resource=resource, status="done").exists()
        return Outcome("stop", "step is done" if done else f"{step.resource} comes first")
    token = runs.claim(step, step.version if version is None else version)
    if not token:
        return Outcome("stop", "stale message")
    step.refresh_from_db()
    try:
        if reason := _hopeless(step):
            runs.release(step.pk, token)
            runs.fail(run.pk, reason, "stuck")
            return Outcome("stop", f"failed: {reason}")
        _announce(run, step)
        return Window(run, step, token).work()
    except Stale:
        return Outcome("stop", "stale message")
    finally:
        runs.release(step.pk, token)
        runs.settle(run.pk)


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
            "acuity_import_started", tenant=run.account.tenant_id, run=run.pk,
            min_date=run.min_date, max_date=run.max_date, cursor=step.cursor,
            page_limit=run.page_limit, payments=run.payments_mode,
        )  # fmt: skip


class Window:
    """One turn of one step, under a lease that it renews while it waits."""

    def __init__(self, run: ImportRun, step: ImportStep, token: str) -> None:
        self.run, self.step, self.token = run, step, token
        self.client = account_client(run.account, run)
        self.source = Fetcher(self.client, self.heartbeat)
        self._renewed = time.monotonic()

    def heartbeat(self) -> None:
        """Renew the lease now and then. Raises Stale if somebody else has it."""
        if time.monotonic() - self._renewed < RENEW_SECONDS:
            return
        if not runs.renew(self.step.pk, self.token):
            raise Stale
        self._renewed = time.monotonic()

    def work(self) -> Outcome:
        try:
            return self._pages()
        except errors.AcuityError as error:
            return self._trouble(error)
        except DatabaseError as error:
            close_old_connections()
            return self._trouble(errors.DatabaseTrouble(type(error).__name__))
        finally:
            self.source.close()

    def _pages(self) -> Outcome:
        until = time.monotonic() + WINDOW_SECONDS
        first, step, before = self.step.offset, self.step, counters(self.step)
        while True:
            ahead = time.monotonic() < until
            done = process_page(Context(self.run, self.step, self.source, ahead), self.token)
            step.refresh_from_db()
            of = f" of {step.total:,}" if step.total else ""
            words = f"{step.resource} {first:,}–{step.offset:,}{of}{_counted(before, step)}"
            if done:
                return Outcome("done", words, step.version, step.offset)
            self.run = ImportRun.objects.select_related("account__tenant").get(pk=self.run.pk)
            if self.run.status not in ImportRun.WORKING:
                return Outcome("stop", f"{words}; run is {self.run.status}")
            if time.monotonic() > until and not self.source.under_way:
                return Outcome("more", words, step.version, step.offset)
            self._renewed = time.monotonic()

    def _trouble(self, error: errors.AcuityError) -> Outcome:
        """Transient: wait and go on, for up to PATIENCE. Anything else fails the run, resumable."""
        now, spent = timezone.now(), self.client.tally
        fields: dict[str, Any] = {
            "requests": F("requests") + spent.requests,
            "retries": F("retries") + spent.retries,
            "throttled": F("throttled") + spent.throttled,
        }
        # Nothing is concluded from the exception: the row says how long there was no progress.
        since = ImportStep.objects.values_list("failing_since", flat=True).get(pk=self.step.pk) or now
        if not error.transient or now - since > PATIENCE:
            runs.release(self.step.pk, self.token, **fields)
            runs.fail(self.run.pk, str(error), type(error).__name__)
            return Outcome("stop", f"failed: {error}")
        pause = min(5 * 2 ** min(int((now - since).total_seconds() // 10), 5), 60)
        if isinstance(error, errors.RateLimited) and error.retry_after:
            pause = max(pause, min(int(error.retry_after) + 1, 3600))
        runs.release(
            self.step.pk, self.token, **fields,
            failing_since=since,
            not_before=now + timedelta(seconds=pause),
            waiting_for=str(error),
            # Waiting is not a lost attempt.
            attempts=0,
        )  # fmt: skip
        events.log("acuity_import_waiting", run=self.run.pk, seconds=pause, error=type(error).__name__)
        return Outcome("stop", f"waiting {pause} s: {error}")


def counters(step: ImportStep) -> dict[str, int]:
    return {name: getattr(step, name) for name in ("created", "updated", "unchanged", "rejected")}


def _counted(before: dict[str, int], step: ImportStep) -> str:
    return "".join(f", {n - before[name]} {name}" for name, n in counters(step).items() if n != before[name])


def crashed(run_id: str, error: BaseException) -> None:
    """An error that nobody foresaw: try again a few times, then fail with its name."""
    step = runs.current_step(run_id)
    if step is None:
        return
    name = type(error).__name__
    if step.attempts >= MAX_ATTEMPTS:
        runs.fail(run_id, f"{name} in the {step.resource} step; the log has the details.", name)
        return
    ImportStep.objects.filter(pk=step.pk, version=step.version, lease_token="").update(
        not_before=timezone.now() + timedelta(seconds=5 * 2**step.attempts),
        waiting_for=f"an error in the importer ({name})",
    )


def process_page(context: Context, token: str) -> bool:
    """One page. True if it was the step's last. Raises Stale if the step moved on meanwhile."""
    started = time.monotonic()
    run, step, client = context.run, context.step, context.source.client
    page = STEPS[step.resource].fetch(context)
    if not page.done and not page.size and page.cursor == step.cursor:
        raise errors.Stalled(f"{step.resource} at offset {step.offset}")
    spent, client.tally = client.tally, Tally()
    with transaction.atomic():
        _checkpoint(context, token, page, spent, started)
        counts = STEPS[step.resource].save(context, page)
        _count(context, page, counts)
        elapsed = int((time.monotonic() - started) * 1000)
        PageFetch.objects.create(
            run=run, resource=step.resource, offset=step.offset, limit=context.limit,
            count=page.size, requests=spent.requests, throttled=spent.throttled,
            elapsed_ms=elapsed, **asdict(counts),
        )  # fmt: skip
    _report(run, step, page.size, elapsed)
    _watch_rejects(run, step, page, counts)
    return page.done


def _watch_rejects(run: ImportRun, step: ImportStep, page: Fetched, counts: Counts) -> None:
    """So many bad records mean that the source changed, and that a person should look."""
    rejected, read = step.rejected + counts.rejected, step.offset + page.size
    if run.accept_rejects or rejected <= max(MOST_REJECTS * read, FEW_REJECTS):
        return
    reason = (
        f"{rejected} of {read} {step.resource} could not be read: the source has probably changed."
        " Look at the rejected records; resume to go on all the same."
    )
    runs.pause(run, reason, runs.TOO_MANY_REJECTS)


def _checkpoint(
    context: Context, token: str, page: Fetched, spent: Tally, started: float
) -> None:
    """The compare-and-swap comes first: it locks the row, so a rival waits and then finds it moved."""
    step, now = context.step, timezone.now()
    moved = ImportStep.objects.filter(pk=step.pk, version=step.version, lease_token=token).update(
        version=F("version") + 1,
        cursor=page.cursor,
        offset=F("offset") + page.size,
        total=page.total if page.total is not None else step.total,
        fetched=F("fetched") + (page.size if page.fetched is None else page.fetched),
        requests=F("requests") + spent.requests,
        retries=F("retries") + spent.retries,
        throttled=F("throttled") + spent.throttled,
        active_ms=F("active_ms") + int((time.monotonic() - started) * 1000),
        status="done" if page.done else "running",
        attempts=0,
        deaths=0,
        waiting_for="",
        failing_since=None,
        heartbeat_at=now,
        lease_until=now + runs.LEASE,
    )
    if not moved:
        raise Stale


def _count(context: Context, page: Fetched, counts: Counts) -> None:
    run = context.run
    ImportStep.objects.filter(pk=context.step.pk).update(
        created=F("created") + counts.created,
        updated=F("updated") + counts.updated,
        unchanged=F("unchanged") + counts.unchanged,
        rejected=F("rejected") + counts.rejected,
    )
    if page.gaps:
        run.gaps = [*run.gaps, *(gap for gap in page.gaps if gap not in run.gaps)]
        ImportRun.objects.filter(pk=run.pk).update(gaps=run.gaps)


def _report(run: ImportRun, step: ImportStep, count: int, elapsed: int) -> None:
    if step.resource not in ("clients", "appointments", "payments"):
        return
    events.log(
        f"acuity_{step.resource}_page", run=run.pk, offset=step.offset, count=count,
        elapsed_ms=elapsed,
    )  # fmt: skip
    name = "contacts" if step.resource == "clients" else step.resource
    every = 50 if name == "contacts" else 25
    if (step.offset + count) // every > step.offset // every:
        events.log(f"acuity_{name}_progress", run=run.pk, processed=step.offset + count)


def verify_again(run: ImportRun) -> None:
    """Verify a run that is over, outside its chain. Raises ActiveRun or an AcuityError."""
    if run.status in ImportRun.ACTIVE:
        raise runs.ActiveRun(run)
    step, _ = ImportStep.objects.get_or_create(
        run=run, resource="verify", defaults={"position": len(STEPS)}
    )
    ImportStep.objects.filter(pk=step.pk).update(
        status="running", cursor={}, offset=0, fetched=0, lease_token="verify"
    )
    source = Fetcher(account_client(run.account), lambda: None)
    try:
        done = False
        while not done:
            step.refresh_from_db()
            done = process_page(Context(run, step, source), "verify")
    finally:
        source.close()
        runs.release(step.pk, "verify", status="done")
    runs.conclude(run)
