"""Does Acuity tell us of changes? Registered, checked, renewed and removed through its own API.

What a webhook did not tell, the next pass finds: while webhooks are registered, whatever a pass has
to write was missed.
"""

from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.db.models import F, Sum
from django.utils import timezone

from integrations import audit
from integrations.acuity.accounts import briefly
from integrations.acuity.errors import AcuityError, ConfigurationError, NotFound
from integrations.acuity.source.client import AcuityClient
from integrations.acuity.sync import freshness
from integrations.models import AcuityAccount, ImportRun, WebhookDay, Webhooks

# `order.completed` is not ours: orders are no part of a pass.
EVENTS = [f"appointment.{name}" for name in ("scheduled", "rescheduled", "canceled", "changed")]
PORTS = {None, 80, 443}
WEEK = timedelta(days=7)


class Missed(NamedTuple):
    """Changes of a week: those that no webhook told, of all."""

    missed: int
    changes: int

    @property
    def words(self) -> str:
        return f"webhooks missed: {self.missed:,} of {self.changes:,} this week"


def register(account: AcuityAccount, target: str) -> Webhooks:
    """Have Acuity tell `target` of bookings. Raises an `AcuityError` or ConfigurationError."""
    address = urlsplit(target)
    if address.scheme not in ("http", "https") or address.port not in PORTS:
        raise ConfigurationError(
            "Acuity sends webhooks to ports 443 and 80 alone: open this page under its public address."
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


def check(account: AcuityAccount) -> int:
    """Register anew what Acuity no longer has; how many that were. Raises an `AcuityError`."""
    known = Webhooks.objects.get(account=account)
    client = briefly.client(account)
    try:
        active = {row.get("event") for row in _ours(client, known.target)}
        lost = [event for event in EVENTS if event not in active]
        for event in lost:
            briefly.soon(
                partial(client.send, "POST", "/webhooks", event=event, target=known.target)
            )
    finally:
        client.close()
    now = timezone.now()
    known.checked_at, known.trouble = now, ""
    known.since = now if lost or known.since is None else known.since
    known.save()
    return len(lost)


def renew(account: AcuityAccount) -> None:
    """`check`, where webhooks are wanted; what went wrong is kept for people to read."""
    if not Webhooks.objects.filter(account=account).exists():
        return
    try:
        check(account)
    except (AcuityError, ConfigurationError) as error:
        Webhooks.objects.filter(account=account).update(trouble=str(error))


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
        for row in _ours(client, target, active=False):
            try:
                briefly.soon(partial(client.send, "DELETE", f"/webhooks/{int(row['id'])}"))
            except NotFound:
                continue
    finally:
        client.close()


def _ours(client: AcuityClient, target: str, *, active: bool = True) -> list[dict[str, Any]]:
    """Those with this target; Acuity stops sending to one that failed for days."""
    rows = briefly.soon(partial(client.get, "/webhooks"))
    ours = [row for row in rows if isinstance(row, dict) and row.get("target") == target]
    return [row for row in ours if not active or row.get("status", "active") == "active"]


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
