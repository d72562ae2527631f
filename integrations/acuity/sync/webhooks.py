"""Does Acuity tell us of changes? Registered, checked, renewed and removed through its own API.

What a webhook did not tell, the next pass finds: while webhooks are registered, whatever a pass has
to write was missed.
"""

import contextlib
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.db.models import F, Sum
from django.utils import timezone

from integrations import audit
from integrations.acuity.accounts import briefly, keys
from integrations.acuity.errors import AcuityError, BadAnswer, ConfigurationError, NotFound
from integrations.acuity.source.client import AcuityClient
from integrations.acuity.sync import freshness
from integrations.models import AcuityAccount, ImportRun, WebhookDay, Webhooks

# `order.completed` is not ours: orders are no part of a pass.
EVENTS = [f"appointment.{name}" for name in ("scheduled", "rescheduled", "canceled", "changed")]
PORTS = {None, 80, 443}
# Acuity has so many of an account, whoever registered them.
MOST = 25
WEEK = timedelta(days=7)


class NotRegistered(AcuityError):
    """Acuity has 25 webhooks of this account, and takes no more: remove some there."""

    of_one_record = False


class Missed(NamedTuple):
    """Changes of a week: those that no webhook told, of all."""

    missed: int
    changes: int

    @property
    def words(self) -> str:
        return f"webhooks missed: {self.missed:,} of {self.changes:,} this week"


def register(account: AcuityAccount, target: str) -> Webhooks:
    """Have Acuity tell `target` of bookings. Raises an `AcuityError` or ConfigurationError."""
    if not _is_sent_to(target):
        raise ConfigurationError(
            "Acuity sends webhooks to ports 443 and 80 alone: open this page under its public address."
        )
    if not keys.signing(account):
        raise ConfigurationError(
            "There is no key to check who sent a webhook: enter the account's API key."
        )
    known, _ = Webhooks.objects.get_or_create(account=account, defaults={"target": target})
    if known.target != target:
        _sweep(account, known.target)
        known.target, known.since = target, None
        known.save()
    check(account)
    audit.write("registered webhooks", tenant=account.tenant_id, note=f"Account {account.user_id}")
    known.refresh_from_db()
    return known


def _is_sent_to(target: str) -> bool:
    try:
        address = urlsplit(target)
        return address.scheme in ("http", "https") and address.port in PORTS
    except ValueError:
        return False


def check(account: AcuityAccount) -> int:
    """Register anew what Acuity no longer has; how many that were. Raises an `AcuityError`, or a
    ConfigurationError, and keeps what it says for people to read."""
    known = Webhooks.objects.get(account=account)
    try:
        lost = _register_lost(account, known.target)
    except (AcuityError, ConfigurationError) as error:
        Webhooks.objects.filter(pk=known.pk).update(trouble=str(error))
        raise
    now = timezone.now()
    known.checked_at, known.trouble = now, ""
    known.since = now if lost or known.since is None else known.since
    known.save()
    return lost


def _register_lost(account: AcuityAccount, target: str) -> int:
    """Of each event one that is active; those that Acuity gave up, and second ones, take its room."""
    client = briefly.client(account)
    try:
        active: set[str] = set()
        rows = _listed(client)
        for row in _ours(rows, target):
            event = row.get("event")
            if event not in EVENTS:
                continue
            if row.get("status", "active") == "active" and event not in active:
                active.add(event)
            else:
                _delete(client, row)
                rows.remove(row)
        lost = [event for event in EVENTS if event not in active]
        for n, event in enumerate(lost):
            if len(rows) + n >= MOST:
                raise NotRegistered
            briefly.soon(partial(client.send, "POST", "/webhooks", event=event, target=target))
    finally:
        client.close()
    return len(lost)


def _delete(client: AcuityClient, row: dict[str, Any]) -> None:
    with contextlib.suppress(NotFound):
        briefly.soon(partial(client.send, "DELETE", f"/webhooks/{row['id']}"))


def renew(account: AcuityAccount) -> None:
    """`check`, where webhooks are wanted."""
    if Webhooks.objects.filter(account=account).exists():
        with contextlib.suppress(AcuityError, ConfigurationError):
            check(account)


def remove(account: AcuityAccount) -> bool:
    """Want no webhooks any more. False if Acuity did not confirm that it forgot them."""
    known = Webhooks.objects.filter(account=account).first()
    if known is None:
        return True
    try:
        _sweep(account, known.target)
    except (AcuityError, ConfigurationError):
        return False
    finally:
        known.delete()
        note = f"Account {account.user_id}"
        audit.write("removed webhooks", tenant=account.tenant_id, note=note)
    return True


def _sweep(account: AcuityAccount, target: str) -> None:
    client = briefly.client(account)
    try:
        for row in _ours(_listed(client), target):
            _delete(client, row)
    finally:
        client.close()


def _listed(client: AcuityClient) -> list[dict[str, Any]]:
    """All of the account's, also those that Acuity has stopped, after days of failing, to send to."""
    rows = briefly.soon(partial(client.get, "/webhooks"))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadAnswer("no list of webhooks")
    return [row for row in rows if str(row.get("id", "")).isdecimal()]


def _ours(rows: list[dict[str, Any]], target: str) -> list[dict[str, Any]]:
    return [row for row in rows if row.get("target") == target]


def received(account: AcuityAccount) -> None:
    """A webhook asked for a booking to be read."""
    _count(account, "received", 1)


def count_missed(run: ImportRun) -> int:
    """How many changes the run found that a webhook should have told; counted for their day."""
    known = Webhooks.objects.filter(account=run.account_id).exclude(since=None).first()
    before = (
        freshness.listings(run.account_id)
        .filter(run__created_at__lt=run.created_at)
        .order_by("-run__created_at")
        .values_list("run__created_at", flat=True)
        .first()
    )
    # What changed before both, the run before may have been too early for, and the webhooks, too.
    if known is None or known.since is None or before is None or before < known.since:
        return 0
    step = freshness.listings(run.account_id).filter(run=run).first()
    missed = step.created + step.updated if step else 0
    if missed:
        _count(run.account, "missed", missed)
    return missed


def _count(account: AcuityAccount, what: str, n: int) -> None:
    day, _ = WebhookDay.objects.get_or_create(account=account, day=timezone.now().date())
    WebhookDay.objects.filter(pk=day.pk).update(**{what: F(what) + n})


def this_week(account: AcuityAccount, now: datetime | None = None) -> Missed:
    since = ((now or timezone.now()) - WEEK).date()
    days = WebhookDay.objects.filter(account=account, day__gt=since)
    sums = days.aggregate(received=Sum("received"), missed=Sum("missed"))
    missed = sums["missed"] or 0
    return Missed(missed, missed + (sums["received"] or 0))
