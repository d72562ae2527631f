"""Can what was rejected be stored now, after a fix? Each resource says how.

A worker tries what somebody asked for; the rows keep how far it is. It is safe to try one twice.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from integrations import audit
from integrations.acuity.accounts.connection import account_client
from integrations.acuity.errors import AcuityError, ConfigurationError, NotFound
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.base import Context
from integrations.acuity.resources.scope import Position, Scope
from integrations.acuity.runs import messages
from integrations.acuity.runs.dry_runs import LOOK, UNFORESEEN
from integrations.acuity.source.fetching import Fetcher
from integrations.models import ImportRun, RejectedRecord

# So long a record is its worker's, who renews that while Acuity takes its time.
HELD = timedelta(seconds=30)
# A record that nobody took in this time is sent again.
OVERDUE = timedelta(seconds=60)


class Tried(msgspec.Struct, frozen=True):
    """How far the last trying is, in records: `wanted` of them, of which `waiting` are to be tried,
    and of the others `taken` in. `asked` says when, None for never; `trouble`, what ended it early."""

    asked: datetime | None = None
    wanted: int = 0
    waiting: int = 0
    taken: int = 0
    trouble: str = ""

    @property
    def done(self) -> int:
        return self.wanted - self.waiting

    @property
    def left(self) -> int:
        return self.done - self.taken


def retry(run: ImportRun) -> tuple[int, int]:
    """(taken in, still rejected) of the run's rejected records, now. Raises an `AcuityError`."""
    waiting = RejectedRecord.objects.filter(run=run, resolved_at=None)
    before = waiting.count()
    source = Fetcher(account_client(run.account), lambda: None)
    context = _context(run, source)
    try:
        for record in list(waiting.order_by("pk")):
            _again(context, record)
    finally:
        source.close()
    left = waiting.count()
    audit.write("tried rejects again", run=run, note=f"{before - left} taken in, {left} left")
    return before - left, left


def ask(run: ImportRun, record: RejectedRecord | None = None) -> int:
    """How many of the run's rejected records, or whether this one, a worker is to try again now."""
    rows = RejectedRecord.objects.filter(run=run, resolved_at=None)
    if record:
        rows = rows.filter(pk=record.pk)
    now = timezone.now()
    asked = rows.update(retry_asked=now, retry_due=now, retry_trouble="")
    if asked:
        audit.write(
            "tried rejects again", run=run, note=f"{asked} rejected record{'s' * (asked > 1)}"
        )
        messages.send_retry(str(run.pk))
    return asked


def tried(run: ImportRun) -> Tried:
    """The last trying of the run's records, whether of all or of one."""
    last = run.rejects.aggregate(at=Max("retry_asked"))["at"]
    if last is None:
        return Tried()
    rows = run.rejects.filter(retry_asked=last)
    sums = rows.aggregate(
        wanted=Count("pk"),
        waiting=Count("pk", filter=Q(retry_due__isnull=False)),
        taken=Count("pk", filter=Q(retry_due=None, resolved_at__isnull=False)),
        trouble=Max("retry_trouble"),
    )
    return Tried(asked=last, **sums)


def overdue(now: datetime | None = None) -> list[str]:
    """The runs with records that nobody has taken in time: to be sent again, each once a minute."""
    now = now or timezone.now()
    late = RejectedRecord.objects.filter(retry_due__lte=now - OVERDUE)
    found = [str(key) for key in late.values_list("run", flat=True).order_by("run").distinct()]
    late.update(retry_due=now)
    return found


def perform(key: str) -> str:
    """Try what waits of this run, one record after the other."""
    run = ImportRun.objects.select_related("account__tenant").get(pk=key)
    held: list[int] = []
    try:
        source = Fetcher(account_client(run.account), _renewer(held), every=LOOK)
        context = _context(run, source)
        try:
            while record := _take(run):
                held[:] = [record.pk]
                _again(context, record)
                RejectedRecord.objects.filter(pk=record.pk).update(retry_due=None)
        finally:
            source.close()
    except (AcuityError, ConfigurationError) as error:
        _waiting(run).update(retry_due=None, retry_trouble=str(error))
        return f"failed: {type(error).__name__}"
    except Exception:
        _waiting(run).update(retry_due=None, retry_trouble=UNFORESEEN)
        raise
    now = tried(run)
    return f"{now.taken} taken in, {now.left} left"


def _context(run: ImportRun, source: Fetcher) -> Context:
    return Context.of(Scope.of(run), source, Position(limit=run.page_limit))


def _waiting(run: ImportRun) -> QuerySet[RejectedRecord]:
    return RejectedRecord.objects.filter(run=run, retry_due__isnull=False)


def _take(run: ImportRun) -> RejectedRecord | None:
    """The next that nobody has, held from now on."""
    while record := _waiting(run).filter(retry_due__lte=timezone.now()).order_by("pk").first():
        free = RejectedRecord.objects.filter(pk=record.pk, retry_due=record.retry_due)
        if free.update(retry_due=timezone.now() + HELD):
            return record
    return None


def _renewer(held: list[int]) -> Callable[[], None]:
    looked = time.monotonic()

    def renew() -> None:
        nonlocal looked
        if time.monotonic() - looked >= LOOK:
            looked = time.monotonic()
            rows = RejectedRecord.objects.filter(pk__in=held, retry_due__isnull=False)
            rows.update(retry_due=timezone.now() + HELD)

    return renew


def _again(context: Context, record: RejectedRecord) -> None:
    """Store the record if it can be read now; its row is settled by whoever stores it."""
    try:
        RESOURCES[record.resource].read_one(context, record)
    except NotFound:
        RejectedRecord.objects.filter(pk=record.pk).update(resolved_at=timezone.now())
