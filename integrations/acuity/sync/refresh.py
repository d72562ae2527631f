"""How does one booking follow Acuity between imports? It is read again when a webhook names it.

Acuity's deliveries carry no data, no time and no number, so a replay cannot be told from a second
genuine change. It need not be: all that a delivery can cause is a read of one booking, and while
that read is queued every further delivery for the booking is part of it. The request's row goes in
the transaction that stores the booking, and only if nobody has asked since the read began; so
neither a killed worker nor a lost message can lose a change, and a late answer replaces no later one.

A booking that is denied is asked for a second time, a minute later: two looks decide that it is gone.
"""

import secrets
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import Error as DatabaseError
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from bookings.models import Appointment
from integrations.acuity import errors
from integrations.acuity.accounts.connection import account_client
from integrations.acuity.reading.listing import decode_one
from integrations.acuity.resources import OPTIONS
from integrations.acuity.resources.account import Account
from integrations.acuity.resources.appointments import missing
from integrations.acuity.resources.appointments import save as appointments
from integrations.acuity.resources.appointments.walk import list_days
from integrations.acuity.resources.base import Context, in_window
from integrations.acuity.resources.payments import save as payments
from integrations.acuity.resources.scope import Scope
from integrations.acuity.runs import messages, outages
from integrations.acuity.source.fetching import Fetcher
from integrations.models import AcuityAccount, RefreshRequest

# So long a request is its reader's, who renews that while Acuity takes its time.
HELD = timedelta(seconds=20)
# A message that came to nothing in this time is sent again.
OVERDUE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=10)
BUSY, OVERTAKEN = "another worker reads it", "another worker was first"
# One booking is read whole: of each option the choice that leaves nothing out, its last.
WIDEST = {option: choices[-1] for option, choices in OPTIONS.items()}
SECOND_LOOK = "not found: a second look decides if it is gone"
THE_ACCOUNT = Account()


class Answer(NamedTuple):
    """What Acuity says of a booking and its payments; no row if it denies it."""

    row: Any = None
    paid: payments.Answers = []
    # Whether the listing of its days shows what its own address denies.
    listed: bool = False


class Overtaken(Exception):
    """Another worker has the request by now; nothing was written."""


def request(account: AcuityAccount, external_id: str) -> bool:
    """Remember that this booking changed. True if nobody had asked for it yet."""
    wanted = _wanted(account.pk, external_id)
    while not wanted.update(asked=F("asked") + 1):
        # It may be stored, and its row gone, between one statement and the next.
        _, first = wanted.get_or_create(
            account=account,
            external_id=external_id,
            defaults={"due_at": timezone.now() + OVERDUE},
        )
        if first:
            return True
    return False


def perform(account_id: int, external_id: str) -> str:
    """Read the booking, its client and its payments again, if that is still wanted."""
    wanted = _wanted(account_id, external_id)
    taken = _take(wanted)
    if taken is None:
        return BUSY if wanted.exists() else "not wanted any more"
    try:
        return _read(taken)
    except Overtaken:
        return OVERTAKEN
    except (errors.AcuityError, errors.ConfigurationError) as error:
        return _postpone(taken, error)
    except DatabaseError as error:
        return _postpone(taken, errors.DatabaseTrouble(type(error).__name__))


def overdue(now: datetime | None = None) -> list[tuple[int, str]]:
    """Requests that nobody is reading and that are to be sent again: (account, booking)."""
    now = now or timezone.now()
    late = list(RefreshRequest.objects.filter(due_at__lte=now))
    # One message in this time, not one for each sweep. A reader who lives has renewed his hold: who
    # has not is dead, and would otherwise hold it for as long as it is sent again.
    RefreshRequest.objects.filter(pk__in=[row.pk for row in late], due_at__lte=now).update(
        due_at=now + OVERDUE, token=""
    )
    return [(row.account_id, row.external_id) for row in late]


def _wanted(account_id: int, external_id: str) -> QuerySet[RefreshRequest]:
    return RefreshRequest.objects.filter(account_id=account_id, external_id=external_id)


def _take(wanted: QuerySet[RefreshRequest]) -> RefreshRequest | None:
    """The request, held for HELD; None if there is none, or another worker reads it."""
    now, token = timezone.now(), secrets.token_hex(8)
    free = wanted.filter(Q(token="") | Q(due_at__lte=now))
    free.update(token=token, due_at=now + HELD, attempts=F("attempts") + 1)
    return wanted.filter(token=token).select_related("account__tenant").first()


def _held(taken: RefreshRequest) -> QuerySet[RefreshRequest]:
    return RefreshRequest.objects.filter(pk=taken.pk, token=taken.token)


def _read(taken: RefreshRequest) -> str:
    account, number = taken.account, taken.external_id
    # Rejects belong to a run: the account's last one, or none yet and then none is kept.
    last = account.runs.order_by("-created_at").first()
    scope = Scope(account, run=last.pk if last else None, choices=WIDEST)
    source = Fetcher(account_client(account), lambda: _renew(taken))
    try:
        context = Context.of(scope, source)
        context.by = "webhook"
        if not account.source_id:
            # Rows belong to whom /me names.
            THE_ACCOUNT.save(context, THE_ACCOUNT.fetch(context))
        answer = _ask(context, number)
    finally:
        source.close()
    with transaction.atomic():
        asked = _held(taken).select_for_update().values_list("asked", flat=True).first()
        if asked is None:
            raise Overtaken
        said = _store(context, number, answer)
        if said == SECOND_LOOK:
            _held(taken).update(token="", attempts=0, due_at=timezone.now() + missing.APART)
            return said
        if asked == taken.asked:
            _held(taken).delete()
            return said
        _held(taken).update(token="", attempts=0)
        transaction.on_commit(lambda: messages.send_refresh(account.pk, number))
    return f"{said}; asked for again meanwhile"


def _ask(context: Context, number: str) -> Answer:
    try:
        row = context.source.get(f"/appointments/{number}", decode_one)
        paid = payments.fetch_payments(context, [Appointment(external_id=number)])
        return Answer(row, paid)
    except errors.NotFound:
        # Its own address is one witness that a booking is gone; the listing of its days is the other.
        booking = in_window(context).filter(external_id=number).first()
        if booking is None:
            return Answer()
        around = [booking.service_date + timedelta(days=days) for days in (-1, 1)]
        return Answer(listed=any(row.key == number for row in list_days(context, *around)))


def _store(context: Context, number: str, answer: Answer) -> str:
    rows = in_window(context).filter(external_id=number)
    if answer.row is not None:
        counts = appointments.save_appointments(context, [answer.row])
        missing.remember(rows, ())
        paid = [(booking, given) for booking in rows for _, given in answer.paid]
        payments.save_payments(context, paid)
        said = f"{counts.created} created, {counts.updated} updated, {counts.rejected} rejected"
        return f"{said}, only other bytes" if counts.restated else said
    booking = rows.first()
    if booking is None:
        return "not known here, nor at the source"
    if answer.listed:
        missing.remember(rows, ())
        return "listed, but not found by its ID"
    if missing.denied_before(rows):
        appointments.remove(context, rows)
        return "gone at the source"
    missing.remember(rows, [booking.pk])
    return SECOND_LOOK


def _renew(taken: RefreshRequest) -> None:
    """Called while Acuity answers. Raises Overtaken if another worker has the request by now."""
    if not _held(taken).update(due_at=timezone.now() + HELD):
        raise Overtaken


def _postpone(taken: RefreshRequest, error: Exception) -> str:
    """Try again later, whatever the reason: a key, too, may be right again tomorrow."""
    pause = min(OVERDUE * 2 ** min(taken.attempts, 5), LONGEST_PAUSE)
    asked = timedelta(seconds=min(getattr(error, "retry_after", None) or 0, 3600))
    pause = max(pause, asked)
    outages.outlast(lambda: _held(taken).update(token="", due_at=timezone.now() + pause))
    return f"waiting {pause.total_seconds():.0f} s: {error}"
