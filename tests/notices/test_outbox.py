"""Is what is told in order, and told to everybody, whatever one receiver or one account does?"""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.utils import timezone

from bookings.models import Appointment, Client, Tenant
from integrations.models import AcuityAccount, ImportRun, NoticeChannel, NoticeMessage, Plan
from integrations.notices import causes, sending, watch

pytestmark = pytest.mark.django_db
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.fixture
def studio() -> AcuityAccount:
    tenant = Tenant.objects.create(name="Example Studio")
    NoticeChannel.objects.create(tenant=tenant, address="owner@example.com")
    return AcuityAccount.objects.create(tenant=tenant, user_id="1", api_key="k", name="Studio")


def fails(account: AcuityAccount) -> ImportRun:
    return ImportRun.objects.create(account=account, status="failed", reason="Acuity was away.")


def watched(since: datetime, minutes: range) -> None:
    for minute in minutes:
        watch.look(since + minute * MINUTE)


def test_that_it_is_over_is_not_told_before_that_it_began(
    studio: AcuityAccount, settings: Any, mailoutbox: Any
) -> None:
    backend, now, failed = settings.EMAIL_BACKEND, timezone.now(), fails(studio)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    watched(now, range(40))
    failed.delete()
    watched(now, range(40, 42))
    assert NoticeMessage.objects.filter(sent_at=None).count() == 2

    settings.EMAIL_BACKEND = backend
    watched(now, range(42, 200))

    assert [letter.subject for letter in mailoutbox] == [
        "Studio: an import failed",
        "Studio: over: an import failed",
    ]


def test_what_could_not_be_sent_at_all_keeps_back_no_recovery(
    studio: AcuityAccount, mailoutbox: Any
) -> None:
    failed = fails(studio)
    watch._compare(studio, timezone.now())
    NoticeMessage.objects.update(attempts=watch.TRIES)
    failed.delete()

    watch.look()

    assert [letter.subject for letter in mailoutbox] == ["Studio: over: an import failed"]


def test_a_run_that_paused_by_itself_is_told_for_it_keeps_the_plan_waiting(
    studio: AcuityAccount, mailoutbox: Any
) -> None:
    run = ImportRun.objects.filter(pk=ImportRun.objects.create(account=studio, status="paused").pk)
    watch.look()
    assert mailoutbox == [], "whoever paused it knows"

    run.update(error_class="TooManyRejects", reason="12 of 20 were rejected: look, then resume.")
    watch.look()
    watch.look()
    run.update(error_class="", reason="", status="running", resumed=1)
    watch.look()

    assert [letter.subject for letter in mailoutbox] == [
        "Studio: an import stopped and waits for somebody",
        "Studio: over: an import stopped and waits for somebody",
    ]
    assert "12 of 20 were rejected" in mailoutbox[0].body


def test_the_list_of_channels_says_what_is_not_taken(
    studio: AcuityAccount, settings: Any, client: Browser
) -> None:
    client.force_login(User.objects.create_superuser("owner"))
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    fails(studio)
    watch.look()

    shown = client.get("/admin/integrations/noticechannel/").content.decode()

    assert "1: ConnectionRefusedError" in shown


def test_a_failed_run_that_goes_on_is_not_over_yet(studio: AcuityAccount, mailoutbox: Any) -> None:
    failed = ImportRun.objects.filter(pk=fails(studio).pk)
    for status in ("failed", "running", "failed", "running", "completed"):
        failed.update(status=status, resumed=1)
        watch.look()

    assert [letter.subject for letter in mailoutbox] == [
        "Studio: an import failed",
        "Studio: over: an import failed",
    ]


def test_one_accounts_trouble_keeps_nothing_from_the_others(
    studio: AcuityAccount, mailoutbox: Any, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    elsewhere = Tenant.objects.create(name="Elsewhere", timezone="Mars/Base")
    odd = AcuityAccount.objects.create(tenant=elsewhere, user_id="0", api_key="k")
    broken = AcuityAccount.objects.create(tenant=elsewhere, user_id="2", api_key="k")
    AcuityAccount.objects.filter(pk=studio.pk).update(name="Studio\nBcc: ann@example.com")
    fails(studio)
    of = causes.causes

    def sometimes(account: AcuityAccount, now: datetime) -> dict[str, str]:
        if account == broken:
            raise KeyError("timezone")
        return of(account, now)

    monkeypatch.setattr(watch, "causes", sometimes)

    watch.look()

    assert [letter.subject for letter in mailoutbox] == [
        "Studio Bcc: ann@example.com: an import failed"
    ]
    assert f"account={broken.pk} error=KeyError" in caplog.text
    assert f"account={odd.pk}" not in caplog.text


def test_nothing_goes_to_a_channel_that_is_off_and_bad_addresses_are_trouble(
    studio: AcuityAccount, mailoutbox: Any
) -> None:
    off = NoticeChannel.objects.create(tenant=studio.tenant, address="off@example.com")
    bad = NoticeChannel.objects.create(tenant=studio.tenant, address="a\nb@example.com")
    fails(studio)
    watch._compare(studio, timezone.now())
    NoticeChannel.objects.filter(pk=off.pk).update(active=False)

    assert watch.deliver() == 1

    assert [letter.to for letter in mailoutbox] == [["owner@example.com"]]
    assert NoticeMessage.objects.get(channel=bad).trouble


def test_a_chat_is_sent_no_commands(studio: AcuityAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    posted: list[bytes] = []

    def post(session: Any, url: str, body: bytes, **_: Any) -> Any:
        posted.append(body)
        return type("Answer", (), {"ok": True, "is_redirect": False})()

    monkeypatch.setattr("requests.Session.post", post)
    channel = NoticeChannel(tenant=studio.tenant, kind="slack", address="https://example.com")

    sending.send(channel, "Ann & Co", "<!channel> was canceled")

    assert b"*Ann &amp; Co*" in posted[0] and b"&lt;!channel&gt; was canceled" in posted[0]


def test_a_booking_of_today_puts_no_audit_behind(studio: AcuityAccount) -> None:
    now = timezone.now()
    plan = Plan.objects.create(account=studio)
    Plan.objects.filter(pk=plan.pk).update(created_at=now - 30 * DAY)
    client = Client.objects.create(tenant=studio.tenant, external_id="c")
    booking = Appointment.objects.create(
        tenant=studio.tenant,
        external_id="1",
        client=client,
        starts_at=now,
        ends_at=now,
        price=0,
        amount_paid=0,
        service_date=now.date(),
    )
    assert causes.causes(studio, now) == {}
    assert "behind" in causes.causes(studio, now + 9 * DAY)

    Appointment.objects.filter(pk=booking.pk).update(payments_read_at=now)
    assert causes.causes(studio, now + 7 * DAY) == {}
    assert "behind" in causes.causes(studio, now + 9 * DAY)
