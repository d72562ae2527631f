"""Is everybody told once of each cause, and once more when it is over? A real mail server and receiver."""

import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.utils import timezone

from bookings.models import Appointment
from integrations.acuity.sandbox import Sandbox
from integrations.models import AcuityAccount, ImportRun, NoticeChannel, NoticeMessage, Plan
from integrations.notices import watch
from tests.conftest import import_all, prove_again

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.money]
DAY = timedelta(days=1)


class Mailbox:
    def __init__(self) -> None:
        self.letters: list[str] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.letters.append(envelope.content.decode())
        return "250 OK"


@pytest.fixture
def mailbox(settings: Any) -> Iterator[list[str]]:
    box = Mailbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = port
    yield box.letters
    server.stop()


class Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.came.append((body, self.headers.get("X-Signature", "")))  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def hook(settings: Any) -> Iterator[Any]:
    settings.ACUITY_ALLOW_PRIVATE_ADDRESSES = True
    server: Any = HTTPServer(("127.0.0.1", 0), Hook)
    server.came, server.status = [], 200
    server.url = f"http://127.0.0.1:{server.server_port}/in"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def told(account: AcuityAccount, mailbox: list[str], hook: Any) -> AcuityAccount:
    """An account whose people are told by mail, signed webhook and chat."""
    tenant = account.tenant
    NoticeChannel.objects.create(tenant=tenant, kind="mail", address="owner@example.com")
    NoticeChannel.objects.create(tenant=tenant, kind="webhook", address=hook.url, secret="s3")
    NoticeChannel.objects.create(tenant=tenant, kind="slack", address=hook.url)
    return account


def subjects(hook: Any) -> list[str]:
    return [json.loads(body)["subject"] for body, signed in hook.came if signed]


@pytest.mark.long
def test_a_refused_key_is_told_once_and_its_recovery(
    box: Sandbox, told: AcuityAccount, mailbox: list[str], hook: Any
) -> None:
    box.options.plan_ok = False
    import_all(box)

    for _ in range(3):
        watch.look()

    assert len(mailbox) == 1 and "the key is refused" in mailbox[0]
    assert len(subjects(hook)) == 1
    (signed,) = [(body, given) for body, given in hook.came if given]
    assert signed[1] == "sha256=" + hmac.new(b"s3", signed[0], hashlib.sha256).hexdigest()
    (chat,) = [json.loads(body) for body, given in hook.came if not given]
    assert chat["text"].startswith("*")

    box.options.plan_ok = True
    import_all(box)
    watch.look()
    watch.look()

    assert len(mailbox) == 2 and "over: the key is refused" in mailbox[1]
    assert len(hook.came) == 4


@pytest.mark.long
def test_failed_gaps_and_an_audit_behind_each_are_told_and_recover(
    box: Sandbox, told: AcuityAccount, mailbox: list[str], hook: Any
) -> None:
    run = import_all(box)
    ImportRun.objects.filter(pk=run.pk).update(
        gaps=[{"kind": "listing", "reason": "A day was cut."}], status="completed_with_gaps"
    )
    failed = ImportRun.objects.create(account=told, status="failed", reason="Acuity was away.")
    plan = Plan.objects.create(account=told)
    Plan.objects.filter(pk=plan.pk).update(created_at=timezone.now() - 30 * DAY)
    Appointment.objects.update(first_seen=timezone.now() - 30 * DAY)

    watch.look()
    watch.look()

    assert sorted(one.partition(": ")[2] for one in subjects(hook)) == [
        "an import failed",
        "something is missing or unproven",
        "the audit of payments is behind",
    ]
    failed.delete()
    plan.delete()
    ImportRun.objects.filter(pk=run.pk).update(gaps=[], status="completed")
    prove_again(run)
    watch.look()
    assert len(subjects(hook)) == len(mailbox) == 6
    assert sum("over: " in one for one in subjects(hook)) == 3


@pytest.mark.long
def test_a_closed_month_that_changed_is_told_once(
    box: Sandbox, told: AcuityAccount, hook: Any
) -> None:
    import_all(box)
    box.account.add_appointment(datetime(2026, 5, 4, 9))
    import_all(box)

    watch.look()
    watch.look()

    assert [one.partition(": ")[2] for one in subjects(hook)] == ["a closed month changed"]


def test_what_was_not_taken_is_sent_again(box: Sandbox, told: AcuityAccount, hook: Any) -> None:
    ImportRun.objects.create(account=told, status="failed", reason="Acuity was away.")
    hook.status = 500
    now = timezone.now()
    watch.look(now)
    watch.look(now)
    assert len(subjects(hook)) == 1
    assert NoticeMessage.objects.filter(sent_at=None, trouble="status 500").count() == 2

    hook.status = 200
    watch.deliver(now + timedelta(minutes=2))

    assert not NoticeMessage.objects.filter(sent_at=None).exists()


@pytest.mark.long
def test_a_digest_comes_once_a_week_with_the_proof(
    box: Sandbox, told: AcuityAccount, mailbox: list[str]
) -> None:
    NoticeChannel.objects.filter(kind="mail").update(digest=True)
    import_all(box)
    monday = datetime(2026, 6, 15, 20, tzinfo=UTC)

    for hours in range(0, 6 * 24, 6):
        watch.look(monday + timedelta(hours=hours))
    assert len([one for one in mailbox if "the week" in one]) == 1
    assert "Last proof" in mailbox[0]

    watch.look(monday + 8 * DAY)
    assert len([one for one in mailbox if "the week" in one]) == 2


def test_a_test_is_sent_from_the_admin(
    told: AcuityAccount, mailbox: list[str], client: Browser
) -> None:
    client.force_login(User.objects.create_superuser("owner"))
    chosen = NoticeChannel.objects.filter(kind="mail").values_list("pk", flat=True)

    client.post(
        "/admin/integrations/noticechannel/",
        {"action": "send_test", "_selected_action": list(chosen)},
    )

    assert len(mailbox) == 1 and "This is how you will be told" in mailbox[0]
