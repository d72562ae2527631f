"""How is one page window worked through? Fetch, then one transaction of rows and checkpoint."""

import time
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from integrations.acuity import errors, events, runs
from integrations.acuity.client import AcuityClient
from integrations.acuity.resources import STEPS
from integrations.acuity.resources.base import Context
from integrations.acuity.throttle import default_throttle
from integrations.models import AcuityAccount, ImportRun, ImportStep, PageFetch

WINDOW_SECONDS = 10.0
MAX_ATTEMPTS = 5
PATIENCE = timedelta(minutes=30)


class Stale(Exception):
    """The step moved on without us; nothing was written."""


@dataclass(frozen=True)
class Outcome:
    """`more`: send the next window · `done`: the chain goes on · `stop`: the chain ends here."""

    kind: str
    text: str
    version: int = 0
    offset: int = 0


def account_client(account: AcuityAccount) -> AcuityClient:
    return AcuityClient(
        account.base_url or settings.ACUITY_BASE_URL,
        account.user_id,
        account.api_key,
        default_throttle(),
        timeout=(settings.ACUITY_CONNECT_TIMEOUT, settings.ACUITY_READ_TIMEOUT),
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
    expected = step.version if version is None else version
    if step.attempts >= MAX_ATTEMPTS:
        runs.fail(run.pk, f"{resource} stopped {step.attempts} times without progress.", "stuck")
        return Outcome("stop", "failed: no progress")
    token = runs.claim(step, expected)
    if not token:
        return Outcome("stop", "stale message")
    if resource == "account" and step.version == 0:
        events.log(
            "acuity_import_started", tenant=run.account.tenant_id, run=run.pk,
            min_date=run.min_date, max_date=run.max_date, cursor=step.cursor,
            page_limit=run.page_limit, payments=run.payments_mode,
        )  # fmt: skip
    client = account_client(run.account)
    client.while_waiting = None
    try:
        return _pages(run, step, token, client)
    except Stale:
        return Outcome("stop", "stale message")
    except errors.AcuityError as error:
        return _trouble(run, step, token, error, client)
    finally:
        runs.release(step.pk, token)
        runs.settle(run.pk)


def _pages(run: ImportRun, step: ImportStep, token: str, client: AcuityClient) -> Outcome:
    until = time.monotonic() + WINDOW_SECONDS
    first = None
    while True:
        step = ImportStep.objects.get(pk=step.pk)
        first = step.offset if first is None else first
        done = _page(run, step, token, client)
        of = f" of {step.total:,}" if step.total else ""
        words = f"{step.resource} {first:,}–{step.offset:,}{of}"
        if done:
            return Outcome("done", words, step.version, step.offset)
        status = ImportRun.objects.values_list("status", flat=True).get(pk=run.pk)
        if status not in ImportRun.WORKING:
            return Outcome("stop", f"{words}; run is {status}")
        if time.monotonic() > until:
            return Outcome("more", words, step.version, step.offset)
        runs.renew(step.pk, token)


def _page(run: ImportRun, step: ImportStep, token: str, client: AcuityClient) -> bool:
    """One page. True if it was the step's last. Raises Stale if the step moved on meanwhile."""
    started = time.monotonic()
    context = Context(run, step, client)
    resource = STEPS[step.resource]
    page = resource.fetch(context)
    spent = client.tally
    now = timezone.now()
    with transaction.atomic():
        # The compare-and-swap comes first: it locks the row, so a rival waits and then finds it moved.
        moved = ImportStep.objects.filter(
            pk=step.pk, version=step.version, lease_token=token
        ).update(
            version=F("version") + 1,
            cursor=page.cursor,
            offset=F("offset") + page.size,
            total=page.total if page.total is not None else step.total,
            fetched=F("fetched") + (page.size if page.fetched is None else page.fetched),
            requests=F("requests") + spent.requests,
            retries=F("retries") + spent.retries,
            throttled=F("throttled") + spent.throttled,
            status="done" if page.done else "running",
            attempts=0,
            failing_since=None,
            heartbeat_at=now,
            lease_until=now + runs.LEASE,
        )
        if not moved:
            raise Stale
        counts = resource.save(context, page)
        ImportStep.objects.filter(pk=step.pk).update(
            created=F("created") + counts.created,
            updated=F("updated") + counts.updated,
            unchanged=F("unchanged") + counts.unchanged,
            rejected=F("rejected") + counts.rejected,
        )
        if page.gaps:
            run.gaps = [*run.gaps, *(gap for gap in page.gaps if gap not in run.gaps)]
            ImportRun.objects.filter(pk=run.pk).update(gaps=run.gaps)
        elapsed = int((time.monotonic() - started) * 1000)
        PageFetch.objects.create(
            run=run, resource=step.resource, offset=step.offset, limit=context.limit,
            count=page.size, requests=spent.requests, throttled=spent.throttled,
            elapsed_ms=elapsed, **asdict(counts),
        )  # fmt: skip
    client.tally = type(spent)()
    _report(run, step, page.size, elapsed)
    step.refresh_from_db()
    return page.done


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


def _trouble(
    run: ImportRun, step: ImportStep, token: str, error: errors.AcuityError, client: AcuityClient
) -> Outcome:
    """Transient: wait and go on, for up to PATIENCE. Anything else fails the run, resumable."""
    now = timezone.now()
    spent: dict[str, Any] = {
        "requests": F("requests") + client.tally.requests,
        "retries": F("retries") + client.tally.retries,
        "throttled": F("throttled") + client.tally.throttled,
    }
    since = ImportStep.objects.values_list("failing_since", flat=True).get(pk=step.pk) or now
    if not error.transient or now - since > PATIENCE:
        runs.release(step.pk, token, **spent)
        runs.fail(run.pk, str(error), type(error).__name__)
        return Outcome("stop", f"failed: {error}")
    step.refresh_from_db()
    pause = min(5 * 2 ** min(int((now - since).total_seconds() // 10), 5), 60)
    if isinstance(error, errors.RateLimited) and error.retry_after:
        pause = max(pause, min(int(error.retry_after) + 1, 3600))
    # Waiting is not a lost attempt.
    runs.release(
        step.pk, token, **spent,
        failing_since=since,
        not_before=now + timedelta(seconds=pause),
        waiting_for=str(error),
        attempts=0,
    )  # fmt: skip
    return Outcome("stop", f"waiting {pause} s: {error}")


def verify_again(run: ImportRun) -> None:
    """Verify a run that is over, outside its chain. Raises ActiveRun or an AcuityError."""
    if run.status in ImportRun.ACTIVE:
        raise runs.ActiveRun(run)
    step, _ = ImportStep.objects.get_or_create(
        run=run, resource="verify", defaults={"position": len(STEPS)}
    )
    ImportRun.objects.filter(pk=run.pk).update(gaps=[])
    run.gaps = []
    ImportStep.objects.filter(pk=step.pk).update(
        status="running", cursor={}, offset=0, fetched=0, lease_token="verify"
    )
    client = account_client(run.account)
    try:
        done = False
        while not done:
            step.refresh_from_db()
            done = _page(run, step, "verify", client)
    finally:
        runs.release(step.pk, "verify", status="done")
