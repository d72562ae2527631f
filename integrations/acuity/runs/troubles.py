"""What becomes of a step in trouble? It waits, asks for less, or its run fails, resumable."""

from datetime import timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone
from msgspec.structs import replace

from integrations.acuity import errors
from integrations.acuity.resources.base import Context
from integrations.acuity.runs import control, leases, lines
from integrations.acuity.runs.outcome import Outcome
from integrations.acuity.runs.tuning import SMALLEST, Tuning, set_limit, sized
from integrations.acuity.source.client import SMALL_PAGE
from integrations.models import ImportRun, ImportStep

MAX_ATTEMPTS = 5
MAX_DEATHS = 3
RETRY_FOR = timedelta(minutes=30)


def exhausted(step: ImportStep) -> str:
    """Why the step is not tried again, in a sentence; "" if it is."""
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


def handle_failure(
    context: Context, run: ImportRun, step: ImportStep, token: str, error: errors.AcuityError
) -> Outcome:
    """Transient: wait and go on, for up to RETRY_FOR. Anything else fails the run, resumable."""
    now, spent = timezone.now(), context.source.client.tally
    fields: dict[str, Any] = {
        "requests": F("requests") + spent.requests,
        "retries": F("retries") + spent.retries,
        "throttled": F("throttled") + spent.throttled,
    }
    # Nothing is concluded from the exception: the row says how long there was no progress.
    since = ImportStep.objects.values_list("failing_since", flat=True).get(pk=step.pk) or now
    if not error.transient or now - since > RETRY_FOR:
        leases.release(step.pk, token, **fields)
        control.fail(run.pk, str(error), type(error).__name__)
        return Outcome("stop", f"failed: {error}")
    if _ask_for_less(run, step, error) and isinstance(error, errors.TimedOut):
        leases.release(step.pk, token, **fields, failing_since=since, attempts=0)
        return Outcome("more", f"smaller pages: {error}", step.version, step.offset)
    pause = min(5 * 2 ** min(int((now - since).total_seconds() // 10), 5), 60)
    if error.retry_after:
        pause = max(pause, min(int(error.retry_after) + 1, 3600))
    leases.release(
        step.pk,
        token,
        **fields,
        failing_since=since,
        not_before=now + timedelta(seconds=pause),
        waiting_for=str(error),
        # Waiting is not a lost attempt.
        attempts=0,
    )
    lines.waiting(run, pause, error)
    return Outcome("stop", f"waiting {pause} s: {error}")


def _ask_for_less(run: ImportRun, step: ImportStep, error: errors.AcuityError) -> bool:
    """After a time-out or a 5xx: True if a smaller page is left to try."""
    if not isinstance(error, errors.ServerTrouble):
        return False
    tuning = Tuning.at(run.page_limit, run.tuning)
    if sized(step) and run.auto_page_limit and run.page_limit > SMALLEST:
        set_limit(run, tuning.failed())
        return True
    less = max(tuning.listing // 2, SMALL_PAGE)
    if step.resource == "verify" and less < tuning.listing and isinstance(error, errors.TimedOut):
        run.tuning = replace(tuning, listing=less).column
        ImportRun.objects.filter(pk=run.pk).update(tuning=run.tuning)
        return True
    return False


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
