"""The one place that knows how an import is started and worked through."""

import signal
import time
from typing import Any

from django.db import connection
from django.utils import timezone

# The source refuses an import that asks too long; this stops one that no longer asks, by the clock.
MOST_SECONDS = 900
MOST_WAITS = 200


class Endless(BaseException):
    """The import took too long. No `except Exception` on the way stops it."""


def run_import(base_url: str, user_id: str, api_key: str, **options: Any) -> dict[str, Any]:
    """One import, worked through in this thread; the object that `--json` prints.

    `status` is "endless" where it doesn't come to an end, and "crashed: …" where it raises. With
    `patient=True` pauses are waited for; else what would be asked in a minute is asked now. `tenant`
    puts the account under a tenant that has another one already.
    """
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, MOST_SECONDS)
    try:
        return work_through(base_url, user_id, api_key, options)
    except Endless:
        signal.setitimer(signal.ITIMER_REAL, 0)
        let_go()
        return unfinished(user_id, "endless")
    except Exception as failure:
        let_go()
        return unfinished(user_id, f"crashed: {type(failure).__name__}: {failure}")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def stop(*args: Any) -> None:
    raise Endless


def let_go() -> None:
    """Whatever transaction the import was in the middle of is undone."""
    if connection.connection is not None:
        connection.connection.rollback()
    connection.close()


def work_through(
    base_url: str, user_id: str, api_key: str, options: dict[str, Any]
) -> dict[str, Any]:
    from integrations.acuity.accounts import find
    from integrations.acuity.runs import control, window
    from integrations.acuity.runs.results import result
    from integrations.acuity.source.throttle import shared_throttle
    from tests.conftest import chosen

    patient, tenant = options.pop("patient", False), options.pop("tenant", None)
    shared_throttle.cache_clear()
    account = find.ensure(user_id, api_key, base_url)
    if account.base_url != base_url:
        account.base_url = base_url
        account.save()
    if tenant:
        account.tenant_id = tenant
        account.save()
    # One that was left paused must not stand in the way.
    for left in account.runs.filter(status__in=UNFINISHED):
        control.cancel(left)
    run = control.start(account, chosen(**options), send=False)
    waits = 0
    while step := control.current_step(run.pk):
        outcome = window.run_window(str(run.pk), step.resource, step.version)
        run.refresh_from_db()
        if outcome.kind == "stop":
            if run.status not in GOING_ON or not wait(run, patient):
                break
            waits += 1
        if waits > MOST_WAITS:
            raise Endless
    control.finish(run.pk)
    run.refresh_from_db()
    return result(run).as_json() | {"reason": run.reason}


GOING_ON = ("queued", "running", "verifying")
UNFINISHED = (*GOING_ON, "pausing", "paused", "cancelling")


def wait(run: Any, patient: bool) -> bool:
    """Until the run's step may go on; False where it waits for nothing."""
    from integrations.acuity.source.throttle import shared_throttle

    step = run.steps.exclude(not_before=None).first()
    if not step:
        return False
    if patient:
        time.sleep(max(0.0, step.not_before.timestamp() - time.time()))
    else:
        # As if that time had passed.
        skipped = step.not_before - timezone.now()
        since = step.failing_since and step.failing_since - skipped
        run.steps.filter(pk=step.pk).update(not_before=None, failing_since=since)
        shared_throttle.cache_clear()
    return True


def unfinished(user_id: str, status: str) -> dict[str, Any]:
    """What stands in the database of an import that came to no end."""
    from integrations.models import AcuityAccount

    account = AcuityAccount.objects.filter(user_id=user_id).first()
    if account:
        # The next import of this account must not meet a run that nobody works on.
        account.runs.filter(status__in=UNFINISHED).update(status="failed", reason=status)
    return {
        "status": status,
        "tenant": str(account.tenant_id) if account else "",
        "verified": False,
        "gaps": [],
        "differences": [],
        "scope": {},
        "reason": status,
    }
