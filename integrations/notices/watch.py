"""Who is told what, once? A notice is a row while its cause lasts; a message, a row until it is sent."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F, Q
from django.dispatch import receiver
from django.template.loader import render_to_string
from django.utils import timezone

from integrations.acuity.errors import AcuityError
from integrations.acuity.events import AcuityImportCompleted, acuity_import_completed
from integrations.acuity.proof.headline import headline
from integrations.acuity.runs.states import PROVABLE
from integrations.acuity.sync import changes, freshness, webhooks
from integrations.models import AcuityAccount, ImportRun, Notice, NoticeChannel, NoticeMessage
from integrations.notices import sending
from integrations.notices.causes import TITLES, causes

# A message that is not taken is tried again after 1, 2, 4 … minutes, about two days in all.
TRIES = 12
WEEK = timedelta(days=7)
# The digest of a week is sent on Monday at this hour of the business's day.
DIGEST_HOUR = 8


def look(now: datetime | None = None) -> int:
    """Tell of what began and what is over; how many messages were sent."""
    now = now or timezone.now()
    for account in AcuityAccount.objects.select_related("tenant"):
        _compare(account, now)
        _digest(account, now)
    return deliver(now)


@transaction.atomic
def _compare(account: AcuityAccount, now: datetime) -> None:
    # Two who look at the same time would both tell.
    AcuityAccount.objects.select_for_update().get(pk=account.pk)
    found = causes(account, now)
    known = {n.cause: n for n in Notice.objects.filter(account=account, recovered_at=None)}
    for cause in found.keys() - known.keys():
        notice = Notice.objects.create(account=account, cause=cause, text=found[cause])
        _tell(notice, "opened", f"{account}: {TITLES[cause]}")
    for cause in known.keys() - found.keys():
        notice = known[cause]
        notice.recovered_at = now
        notice.save()
        _tell(notice, "recovered", f"{account}: over: {TITLES[cause]}")


@receiver(acuity_import_completed, dispatch_uid="acuity_notices")
def closed_months(event: AcuityImportCompleted, **_: Any) -> None:
    """Told once a run; nothing recovers from it."""
    run = ImportRun.objects.select_related("account__tenant").get(pk=event.run_id)
    earlier = run.account.runs.filter(status__in=PROVABLE, created_at__lt=run.created_at)
    if not earlier.exists():
        return
    tenant, until = run.account.tenant, run.finished_at or timezone.now()
    sentences = changes.closed_only(tenant, run.created_at, until).closed_words(tenant.currency)
    if sentences:
        notice = Notice.objects.create(
            account=run.account,
            cause="closed",
            text="\n".join(sentences),
            recovered_at=timezone.now(),
        )
        _tell(notice, "opened", f"{run.account}: {TITLES['closed']}")


def _tell(notice: Notice, how: str, subject: str) -> None:
    text = render_to_string(f"integrations/notices/{how}.txt", {"notice": notice})
    _queue(notice.account, f"{notice.pk}:{how}", subject, text)


def _queue(account: AcuityAccount, key: str, subject: str, text: str, **only: Any) -> None:
    channels = NoticeChannel.objects.filter(tenant=account.tenant_id, active=True, **only)
    NoticeMessage.objects.bulk_create(
        (NoticeMessage(channel=c, key=key, subject=subject[:200], text=text) for c in channels),
        ignore_conflicts=True,
    )


def _digest(account: AcuityAccount, now: datetime) -> None:
    local = now.astimezone(ZoneInfo(account.tenant.timezone))
    year, week, day = local.isocalendar()
    wanted = NoticeChannel.objects.filter(tenant=account.tenant_id, active=True, digest=True)
    key = f"digest:{account.pk}:{year}-{week}"
    if (day == 1 and local.hour < DIGEST_HOUR) or not wanted.exists():
        return
    if NoticeMessage.objects.filter(channel__in=wanted, key=key).exists():
        return
    run = account.runs.exclude(verified_at=None).order_by("-verified_at").first()
    if run is None:
        return
    found = changes.of(account.tenant, now - WEEK, now)
    facts = {
        "account": account,
        "fresh": freshness.of(account).words(account.timezone),
        "proof": headline(run.scope, run.verified),
        "proven_at": run.verified_at,
        "changes": len(found.lines),
        "closed": found.closed_words(account.tenant.currency),
        "missed": webhooks.this_week(account, now),
        "open": Notice.objects.filter(account=account, recovered_at=None),
    }
    text = render_to_string("integrations/notices/digest.txt", facts)
    _queue(account, key, f"{account}: the week", text, digest=True)


def deliver(now: datetime | None = None) -> int:
    """Send what is due to be sent; how many messages were taken."""
    now = now or timezone.now()
    due = NoticeMessage.objects.select_related("channel").filter(sent_at=None, attempts__lt=TRIES)
    sent = 0
    for message in due.filter(Q(not_before=None) | Q(not_before__lte=now)).order_by("pk"):
        claimed = NoticeMessage.objects.filter(pk=message.pk, attempts=message.attempts)
        pause = timedelta(minutes=2**message.attempts)
        if not claimed.update(attempts=F("attempts") + 1, not_before=now + pause):
            continue
        row = NoticeMessage.objects.filter(pk=message.pk)
        try:
            sending.send(message.channel, message.subject, message.text)
        except (sending.NotSent, AcuityError) as error:
            row.update(trouble=str(error))
            continue
        row.update(sent_at=now, trouble="")
        sent += 1
    return sent
