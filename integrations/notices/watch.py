"""Who is told what, once? A notice is a row while its cause lasts; a message, a row until it is sent."""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import Error as DatabaseError
from django.db import transaction
from django.db.models import F, Max, Q, QuerySet
from django.dispatch import receiver
from django.template.loader import render_to_string
from django.utils import timezone

from bookings import zones
from integrations.acuity.errors import AcuityError
from integrations.acuity.events import AcuityImportCompleted, acuity_import_completed
from integrations.acuity.proof.headline import headline
from integrations.acuity.runs.states import PROVABLE
from integrations.acuity.sync import changes, freshness, webhooks
from integrations.logs import place
from integrations.models import AcuityAccount, ImportRun, Notice, NoticeChannel, NoticeMessage
from integrations.notices import sending
from integrations.notices.causes import TITLES, causes

logger = logging.getLogger("acuity")
# A message that is not taken is tried again after 1, 2, 4 … minutes, about two days in all.
TRIES = 12
# What a run that goes on has not ended yet: it may fail again.
ENDED_BY_A_RUN = {"failed", "key"}
WEEK = timedelta(days=7)
# The digest of a week is sent on Monday at this hour of the business's day.
DIGEST_HOUR = 8


def look(now: datetime | None = None) -> int:
    """Tell of what began and what is over; how many messages were sent."""
    now = now or timezone.now()
    for account in AcuityAccount.objects.select_related("tenant"):
        try:
            _compare(account, now)
            _digest(account, now)
        except DatabaseError:
            raise
        except Exception as error:
            # One account's trouble keeps nothing from the others.
            logger.error("acuity_notices_failed account=%s error=%s", account.pk, place(error))
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
    again = account.runs.filter(status__in=ImportRun.ACTIVE, resumed__gt=0).exists()
    for cause in known.keys() - found.keys() - (ENDED_BY_A_RUN if again else set()):
        notice = known[cause]
        notice.recovered_at = now
        notice.save()
        # Before it is over it has to have begun: what still waits is sent with it.
        _messages(notice, "opened").filter(sent_at=None).update(not_before=None)
        _tell(notice, "recovered", f"{account}: over: {TITLES[cause]}")


@receiver(acuity_import_completed, dispatch_uid="acuity_notices")
def closed_months(event: AcuityImportCompleted, **_: Any) -> None:
    """Told once; nothing recovers from it. Also what webhooks, failed runs and people brought since
    the business's last completed run."""
    run = ImportRun.objects.select_related("account__tenant").get(pk=event.run_id)
    tenant, until = run.account.tenant, run.finished_at or timezone.now()
    done = ImportRun.objects.filter(status__in=PROVABLE, finished_at__lt=until)
    if not done.filter(account=run.account).exists():
        return
    told = done.filter(account__tenant=tenant).aggregate(at=Max("finished_at"))["at"]
    sentences = changes.closed_only(tenant, told, until).closed_words(tenant.currency)
    if sentences:
        notice = Notice.objects.create(
            account=run.account,
            cause="closed",
            text="\n".join(sentences),
            recovered_at=timezone.now(),
        )
        _tell(notice, "opened", f"{run.account}: {TITLES['closed']}")


def _messages(notice: Notice, how: str) -> QuerySet[NoticeMessage]:
    return NoticeMessage.objects.filter(key=_key(notice.pk, how))


def _key(notice: int | str, how: str) -> str:
    return f"{notice}:{how}"


def _tell(notice: Notice, how: str, subject: str) -> None:
    text = render_to_string(f"integrations/notices/{how}.txt", {"notice": notice})
    _queue(notice.account, _key(notice.pk, how), subject, text)


def _queue(account: AcuityAccount, key: str, subject: str, text: str, **only: Any) -> None:
    channels = NoticeChannel.objects.filter(tenant=account.tenant_id, active=True, **only)
    line = " ".join(subject.split())[:200]
    NoticeMessage.objects.bulk_create(
        (NoticeMessage(channel=c, key=key, subject=line, text=text) for c in channels),
        ignore_conflicts=True,
    )


def _digest(account: AcuityAccount, now: datetime) -> None:
    local = now.astimezone(zones.of(account.tenant))
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
    waiting = NoticeMessage.objects.filter(sent_at=None, attempts__lt=TRIES, channel__active=True)
    due = waiting.select_related("channel").filter(Q(not_before=None) | Q(not_before__lte=now))
    sent = 0
    for message in due.order_by("pk"):
        notice, _, how = message.key.partition(":")
        begun = waiting.filter(channel=message.channel_id, key=_key(notice, "opened"))
        if how == "recovered" and begun.exists():
            continue
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
