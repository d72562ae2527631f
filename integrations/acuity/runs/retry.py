"""Can what was rejected be stored now, after a fix? Each resource says how."""

from django.utils import timezone

from integrations import audit
from integrations.acuity.accounts.connection import account_client
from integrations.acuity.errors import NotFound
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.base import Context
from integrations.acuity.resources.scope import Position, Scope
from integrations.acuity.source.fetching import Fetcher
from integrations.models import ImportRun, RejectedRecord


def retry(run: ImportRun, source: Fetcher | None = None) -> tuple[int, int]:
    """(taken in, still rejected) of the run's rejected records. Raises an `AcuityError`.

    `source` asks, and is closed at the end.
    """
    waiting = RejectedRecord.objects.filter(run=run, resolved_at=None)
    before = waiting.count()
    source = source or Fetcher(account_client(run.account), lambda: None)
    context = Context.of(Scope.of(run), source, Position(limit=run.page_limit))
    try:
        for record in list(waiting.order_by("pk")):
            _again(context, record)
    finally:
        source.close()
    left = waiting.count()
    audit.write("tried rejects again", run=run, note=f"{before - left} taken in, {left} left")
    return before - left, left


def _again(context: Context, record: RejectedRecord) -> None:
    """Store the record if it can be read now; its row is settled by whoever stores it."""
    try:
        RESOURCES[record.resource].read_one(context, record)
    except NotFound:
        RejectedRecord.objects.filter(pk=record.pk).update(resolved_at=timezone.now())
