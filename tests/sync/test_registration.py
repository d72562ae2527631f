"""Are webhooks registered, kept and removed at the source, and those missed counted?"""

import json
from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client as Browser

from integrations.acuity.errors import BadAnswer, ConfigurationError
from integrations.acuity.runs import control
from integrations.acuity.runs.options import Options
from integrations.acuity.sandbox import Sandbox
from integrations.acuity.sandbox.hooks import MOST
from integrations.acuity.sync import webhooks
from integrations.api.webhook import signature
from integrations.models import AcuityAccount
from integrations.privacy import deleting
from tests.conftest import import_all, run_to_end
from tests.web.test_api import deliver, sign

pytestmark = pytest.mark.django_db(transaction=True)
TARGET = "https://importer.example.com/integrations/booking/acuity/webhook/1"


def events(box: Sandbox) -> list[str]:
    return sorted(row["event"] for row in box.hooks.rows if row["target"] == TARGET)


def test_registered_renewed_behind_our_back_and_removed(
    box: Sandbox, account: AcuityAccount
) -> None:
    box.hooks.answer("POST", "", b'{"event": "order.completed", "target": "https://example.com"}')

    webhooks.register(account, TARGET)
    assert events(box) == sorted(webhooks.EVENTS)

    box.hooks.rows = [row for row in box.hooks.rows if row["event"] != "appointment.changed"]
    assert webhooks.check(account) == 1
    assert webhooks.check(account) == 0
    assert events(box) == sorted(webhooks.EVENTS)

    assert webhooks.remove(account)
    assert [row["target"] for row in box.hooks.rows] == ["https://example.com"]


def test_one_that_acuity_disabled_is_registered_anew(box: Sandbox, account: AcuityAccount) -> None:
    webhooks.register(account, TARGET)
    box.hooks.rows[0]["status"] = "disabled"

    assert webhooks.check(account) == 1


@pytest.mark.long
def test_what_no_webhook_told_is_found_and_counted_and_looked_into(
    box: Sandbox, account: AcuityAccount
) -> None:
    webhooks.register(account, TARGET)
    import_all(box)
    told, untold = box.account.appointments[:2]
    body = f"action=changed&id={told['id']}".encode()
    assert deliver(account.pk, body, sign(body)).status_code == 200
    box.account.edit(untold["id"], notes="Call before")
    box.hooks.rows.clear()

    run = run_to_end(control.start(account, Options(verify=False), send=False, kind="pass"))

    assert run.steps.get(resource="appointments").updated == 1
    assert webhooks.this_week(account).words == "webhooks missed: 1 of 2 this week"
    assert events(box) == sorted(webhooks.EVENTS)


@pytest.mark.long
def test_changes_from_before_the_webhooks_are_not_called_missed(
    box: Sandbox, account: AcuityAccount
) -> None:
    import_all(box)
    box.account.add_appointment(datetime(2026, 6, 20, 9))
    webhooks.register(account, TARGET)

    run_to_end(control.start(account, Options(verify=False), send=False, kind="pass"))

    assert webhooks.this_week(account).missed == 0


def test_one_button_registers_and_another_removes(
    box: Sandbox, account: AcuityAccount, client: Browser
) -> None:
    client.force_login(User.objects.create_superuser("owner"))
    page = f"/admin/integrations/acuityaccount/{account.pk}"
    assert "Register webhooks" in client.get(f"{page}/change/").content.decode()

    client.post(f"{page}/webhooks/", {"webhooks": "register"})
    assert len(box.hooks.rows) == 4
    assert "webhooks missed: 0 of 0" in client.get(f"{page}/change/").content.decode()

    client.post(f"{page}/webhooks/", {"webhooks": "remove"})
    assert box.hooks.rows == []


def test_an_address_that_acuity_does_not_send_to_is_refused(
    box: Sandbox, account: AcuityAccount, capsys: Any
) -> None:
    with pytest.raises(ConfigurationError, match="ports 443 and 80"):
        call_command(
            "acuity_webhooks",
            "--account",
            str(account.pk),
            "--register",
            "https://example.com:8000",
        )
    assert box.hooks.rows == []


def test_those_that_acuity_gave_up_make_room_and_second_ones_go(
    box: Sandbox, account: AcuityAccount
) -> None:
    for n in range(MOST - 4):
        other = {"event": "order.completed", "target": f"https://example.com/{n}"}
        box.hooks.answer("POST", "", json.dumps(other).encode())
    webhooks.register(account, TARGET)
    for row in box.hooks.rows[-4:]:
        row["status"] = "disabled"

    assert webhooks.check(account) == 4
    assert events(box) == sorted(webhooks.EVENTS)

    box.hooks.rows = box.hooks.rows[1:]
    again = {"event": webhooks.EVENTS[0], "target": TARGET}
    box.hooks.answer("POST", "", json.dumps(again).encode())
    assert webhooks.check(account) == 0
    assert events(box) == sorted(webhooks.EVENTS)


def test_what_cannot_be_registered_is_said_and_stays_to_be_read(
    box: Sandbox, account: AcuityAccount, client: Browser
) -> None:
    client.force_login(User.objects.create_superuser("owner"))
    page = f"/admin/integrations/acuityaccount/{account.pk}"
    for n in range(MOST - 2):
        other = {"event": "order.completed", "target": f"https://example.com/{n}"}
        box.hooks.answer("POST", "", json.dumps(other).encode())

    answer = client.post(f"{page}/webhooks/", {"webhooks": "register"}, follow=True)

    assert answer.content.decode().count("takes no more: remove some there") == 2
    box.hooks.rows = box.hooks.rows[4:]
    webhooks.renew(account)
    assert "registered; webhooks missed" in client.get(f"{page}/change/").content.decode()

    # What is no list of webhooks is no reason to register four more.
    box.hooks.answer = lambda method, number, body: (200, {"rows": []})  # type: ignore[method-assign]
    with pytest.raises(BadAnswer, match="no list of webhooks"):
        webhooks.check(account)
    for address in ("https://example.com:http", "example.com", "https://[::1"):
        with pytest.raises(ConfigurationError, match="ports 443 and 80"):
            webhooks.register(account, address)


def test_an_account_connected_by_oauth_is_told_under_the_applications_secret(
    box: Sandbox, account: AcuityAccount, settings: Any
) -> None:
    settings.ACUITY_OAUTH_CLIENT_SECRET = "application"
    body = b"action=changed&id=1550000001"
    AcuityAccount.objects.filter(pk=account.pk).update(api_key="", oauth_token="token")

    assert deliver(account.pk, body, signature("application", body)).status_code == 200
    for key in ("", "token", "sandbox-key"):
        assert deliver(account.pk, body, signature(key, body)).status_code == 401, key

    settings.ACUITY_OAUTH_CLIENT_SECRET = ""
    account.refresh_from_db()
    assert deliver(account.pk, body, signature("", body)).status_code == 401
    with pytest.raises(ConfigurationError, match="There is no key to check"):
        webhooks.register(account, TARGET)


def test_an_account_that_is_deleted_takes_its_webhooks_along(
    box: Sandbox, account: AcuityAccount
) -> None:
    webhooks.register(account, TARGET)

    deleting.delete(account.tenant)

    assert box.hooks.rows == []
