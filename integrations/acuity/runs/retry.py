"""Can what was rejected be stored now, after a fix? Bookings are read anew, clients as they were kept."""

from typing import Any

from django.utils import timezone

from integrations.acuity.accounts.connection import account_client
from integrations.acuity.errors import AcuityError, Gone
from integrations.acuity.resources import appointments, clients, payments
from integrations.acuity.resources.base import Context
from integrations.acuity.source.fetching import Fetcher
from integrations.models import ImportRun, ImportStep, RejectedRecord


def retry(run: ImportRun) -> tuple[int, int]:
    """(taken in, still rejected) of the run's rejected records. Raises an `AcuityError`."""
    waiting = RejectedRecord.objects.filter(run=run, resolved_at=None)
    before = waiting.count()
    source = Fetcher(account_client(run.account), lambda: None)
    context = Context(run, ImportStep(run=run), source)
    try:
        for record in list(waiting.order_by("pk")):
            _again(context, record)
    finally:
        source.close()
    left = waiting.count()
    return before - left, left


def _again(context: Context, record: RejectedRecord) -> None:
    """Store the record if it can be read now; its row is settled by whoever stores it."""
    gone = False
    if record.resource == "clients":
        gone = clients.save_clients(context, [[record.payload]]).rejected == 0
    else:
        current = _read(context, record)
        gone = current is None or isinstance(current, Gone)
        if not isinstance(current, AcuityError | None):
            _store(context, record, current)
    if gone:
        RejectedRecord.objects.filter(pk=record.pk).update(resolved_at=timezone.now())


def _read(context: Context, record: RejectedRecord) -> Any:
    """As `Fetcher.each` has it."""
    path = f"/appointments/{record.external_id}"
    (current,) = context.source.each(
        [path if record.resource == "appointments" else f"{path}/payments"]
    )
    return current


def _store(context: Context, record: RejectedRecord, current: Any) -> None:
    if record.resource == "appointments":
        appointments.save_appointments(context, [current])
        return
    stored = payments.in_window(context).filter(external_id=record.external_id)
    payments.save_payments(context, [(appointment, current) for appointment in stored])
