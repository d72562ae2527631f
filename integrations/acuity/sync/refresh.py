"""How does one booking follow Acuity between imports? It is read again when a webhook names it.

Acuity's deliveries carry no data, no time and no number, so a replay cannot be told from a second
genuine change. It need not be: all that a delivery can cause is one read of one booking, and while
that read is queued every further delivery for the booking is part of it. The request's row is
deleted *before* the booking is read, so a change that arrives during the read is read again.

A booking that is denied is asked for a second time, a minute later: two looks decide that it is gone.
"""

from datetime import timedelta

from django.utils import timezone

from integrations.acuity import errors
from integrations.acuity.accounts.connection import account_client
from integrations.acuity.resources.account import Account
from integrations.acuity.resources.appointments import missing
from integrations.acuity.resources.appointments import save as appointments
from integrations.acuity.resources.appointments.walk import list_days
from integrations.acuity.resources.base import Context, in_window
from integrations.acuity.resources.payments import save as payments
from integrations.acuity.resources.scope import Scope
from integrations.acuity.source.fetching import Fetcher
from integrations.models import AcuityAccount, RefreshRequest

OVERDUE = missing.APART
THE_ACCOUNT = Account()


def request(account: AcuityAccount, external_id: str) -> bool:
    """Remember that this booking changed. True if nobody had asked for it yet."""
    _, asked = RefreshRequest.objects.get_or_create(account=account, external_id=external_id)
    return asked


def perform(account_id: int, external_id: str) -> str:
    """Read the booking, its client and its payments again, if that is still wanted."""
    wanted = RefreshRequest.objects.filter(account_id=account_id, external_id=external_id)
    if not wanted.delete()[0]:
        return "not wanted any more"
    account = AcuityAccount.objects.select_related("tenant").get(pk=account_id)
    # Rejects belong to a run: the account's last one, or none yet and then none is kept.
    last = account.runs.order_by("-created_at").first()
    scope = Scope(account, run=last.pk if last else None, choices={"payments": "all"})
    source = Fetcher(account_client(account), lambda: None)
    try:
        context = Context.of(scope, source)
        context.by = "webhook"
        if not account.source_id:
            # Rows belong to whom /me names.
            THE_ACCOUNT.save(context, THE_ACCOUNT.fetch(context))
        return _read(context, external_id)
    except errors.AcuityError as error:
        if error.transient:
            request(account, external_id)
        # Whatever it is, it says nothing about whether the booking exists.
        return str(error)
    finally:
        source.close()


def _read(context: Context, external_id: str) -> str:
    try:
        row = context.source.get(f"/appointments/{external_id}")
    except errors.NotFound:
        return _denied(context, external_id)
    counts = appointments.save_appointments(context, [row])
    stored = in_window(context).filter(external_id=external_id)
    missing.remember(stored, ())
    payments.save_payments(context, payments.fetch_payments(context, list(stored)))
    return f"{counts.created} created, {counts.updated} updated, {counts.rejected} rejected"


def _denied(context: Context, external_id: str) -> str:
    """Its own address is one witness that a booking is gone; the listing of its days is the other."""
    rows = in_window(context).filter(external_id=external_id)
    booking = rows.first()
    if booking is None:
        return "not known here, nor at the source"
    around = [booking.service_date + timedelta(days=days) for days in (-1, 1)]
    if any(row.key == external_id for row in list_days(context, *around)):
        missing.remember(rows, ())
        return "listed, but not found by its ID"
    if missing.denied_before(rows):
        appointments.remove(context, rows)
        return "gone at the source"
    missing.remember(rows, [booking.pk])
    request(context.account, external_id)
    return "not found: a second look decides if it is gone"


def overdue() -> list[tuple[int, str]]:
    """Requests whose message was lost: (account, booking)."""
    late = RefreshRequest.objects.filter(requested_at__lt=timezone.now() - OVERDUE)
    return list(late.values_list("account_id", "external_id"))
