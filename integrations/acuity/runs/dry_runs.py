"""A dry run as work of its own: a worker does it, its row keeps how far it is and what came out."""

import secrets
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db.models import Q, QuerySet
from django.utils import timezone

from integrations.acuity.accounts.connection import account_client
from integrations.acuity.errors import AcuityError, ConfigurationError
from integrations.acuity.runs import messages, preview
from integrations.acuity.runs.options import Options
from integrations.acuity.runs.preview import Rehearsal
from integrations.acuity.source.fetching import Fetcher
from integrations.models import AcuityAccount, DryRun

# So long it is its worker's, who renews that while Acuity takes its time.
HELD = timedelta(seconds=30)
# A message that came to nothing in this time is sent again.
OVERDUE = timedelta(seconds=60)
# Seconds between two looks whether it was stopped, and between two notes of how far it is.
LOOK = 1.0
UNFORESEEN = "Something unexpected stopped this: the server's log says where."


class NotMine(Exception):
    """It was stopped, or another worker has it by now."""


def begin(account: AcuityAccount, options: Options, *, send: bool = True) -> DryRun:
    """A new one, queued. Raises ConfigurationError on bad options."""
    options.check()
    kept = msgspec.to_builtins(options)
    row = DryRun.objects.create(account=account, options=kept, due_at=timezone.now() + OVERDUE)
    if send:
        messages.send_dry_run(str(row.pk))
    return row


def options(row: DryRun) -> Options:
    """With what `control.start` begins the import that it has tried."""
    return msgspec.convert(row.options, Options, strict=False)


def found(row: DryRun) -> Rehearsal:
    """What came out of it; nothing as long as it is not done."""
    return Rehearsal.of(row.result)


def stop(row: DryRun) -> None:
    """Whoever works on it ends at its next look."""
    rows = DryRun.objects.filter(pk=row.pk, status__in=DryRun.ACTIVE)
    rows.update(status=DryRun.Status.STOPPED, finished_at=timezone.now(), token="")


def overdue(now: datetime | None = None) -> list[str]:
    """Those that nobody works on and that are to be sent again."""
    now = now or timezone.now()
    late = DryRun.objects.filter(status__in=DryRun.ACTIVE, due_at__lte=now)
    found = [str(key) for key in late.values_list("pk", flat=True)]
    # One message in this time, not one for each sweep.
    late.filter(pk__in=found).update(due_at=now + OVERDUE)
    return found


def perform(key: str) -> str:
    """Do it, if it still waits to be done; the row has the result, or why there is none."""
    row = _take(key)
    if row is None:
        return "another worker has it, or it is over"
    try:
        result = _work(row)
    except NotMine:
        return "stopped, or another worker was first"
    except (AcuityError, ConfigurationError) as error:
        _end(row, DryRun.Status.FAILED, reason=str(error))
        return f"failed: {type(error).__name__}"
    except Exception:
        _end(row, DryRun.Status.FAILED, reason=UNFORESEEN)
        raise
    _end(row, DryRun.Status.DONE, result=result.as_json())
    return "done"


def _take(key: str) -> DryRun | None:
    now, token = timezone.now(), secrets.token_hex(8)
    waiting = DryRun.objects.filter(pk=key, status__in=DryRun.ACTIVE)
    free = waiting.filter(Q(token="") | Q(due_at__lte=now))
    free.update(status=DryRun.Status.RUNNING, token=token, due_at=now + HELD, progress={})
    return waiting.filter(token=token).select_related("account__tenant").first()


def _mine(row: DryRun) -> QuerySet[DryRun]:
    return DryRun.objects.filter(pk=row.pk, token=row.token, status=DryRun.Status.RUNNING)


def _work(row: DryRun) -> Rehearsal:
    renew = _renewer(row)
    source = Fetcher(account_client(row.account), renew, every=LOOK)

    def tell(resource: str, read: int) -> None:
        row.progress[resource] = read
        renew()

    return preview.dry_run(row.account, options(row), source, tell)


def _renewer(row: DryRun) -> Callable[[], None]:
    """Notes how far it is and that somebody works on it. Raises NotMine if nobody is to any more."""
    looked = 0.0

    def renew() -> None:
        nonlocal looked
        if time.monotonic() - looked < LOOK:
            return
        looked = time.monotonic()
        if not _mine(row).update(due_at=timezone.now() + HELD, progress=row.progress):
            raise NotMine

    return renew


def _end(row: DryRun, status: str, **fields: Any) -> None:
    _mine(row).update(
        status=status, progress=row.progress, finished_at=timezone.now(), token="", **fields
    )
