"""Keys are written, never read: not by people, not by exports, not by a server with other keys."""

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.db import connection
from django.test import Client as Browser
from django.urls import reverse

from bookings.models import Tenant
from integrations.acuity import errors
from integrations.acuity.accounts import oauth
from integrations.acuity.accounts.connection import account_client
from integrations.acuity.runs import control, window
from integrations.models import AcuityAccount, ImportRun, Membership, NoticeChannel
from integrations.notices import sending

pytestmark = pytest.mark.django_db
KEY = "a-key-nobody-reads"
Keys = Callable[..., None]


@pytest.fixture
def server_keys(settings: Any) -> Iterator[Keys]:
    """Start the server again, as it were, with these keys."""
    fields: list[Any] = [
        AcuityAccount._meta.get_field("api_key"),
        AcuityAccount._meta.get_field("oauth_token"),
        NoticeChannel._meta.get_field("secret"),
    ]

    def use(*salts: str, secret: str = "one", old: tuple[str, ...] = ()) -> None:
        settings.SALT_KEY, settings.SECRET_KEY = list(salts), secret
        settings.SECRET_KEY_FALLBACKS = list(old)
        for one in fields:
            one.__dict__.pop("f", None)
            one.__dict__.pop("keys", None)

    yield use
    use("x")
    for one in fields:
        one.__dict__.pop("f", None)
        one.__dict__.pop("keys", None)


def make(**more: Any) -> AcuityAccount:
    tenant, _ = Tenant.objects.get_or_create(name="Example Studio")
    return AcuityAccount.objects.create(tenant=tenant, user_id="1", api_key=KEY, **more)


def again(account: AcuityAccount) -> AcuityAccount:
    return AcuityAccount.objects.select_related("tenant").get(pk=account.pk)


def in_database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_key FROM integrations_acuityaccount")
        return str(cursor.fetchone()[0])


def change(browser: Browser, account: AcuityAccount, **fields: Any) -> str:
    url = reverse("admin:integrations_acuityaccount_change", args=[account.pk])
    form = {"tenant": account.tenant_id, "user_id": account.user_id, "base_url": account.base_url}
    # Another SECRET_KEY ends the sessions.
    browser.force_login(User.objects.get(username="admin"))
    answer = browser.post(url, form | {"api_key": ""} | fields)
    return str(answer.content.decode()) if answer.status_code == 200 else ""


def test_no_export_and_no_repr_has_the_key(admin_client: Browser) -> None:
    account = make()
    out = io.StringIO()

    call_command("dumpdata", "integrations", stdout=out)
    page = admin_client.get(reverse("admin:integrations_acuityaccount_changelist"))

    assert "acuityaccount" in out.getvalue()
    shown = [out.getvalue(), page.content.decode(), repr(account), str(account)]
    shown.append(repr(account_client(account)))
    assert [text for text in shown if KEY in text] == []


def test_who_may_only_look_sees_no_key() -> None:
    account = make()
    user = User.objects.create_user("looker", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_acuityaccount"))
    Membership.objects.create(user=user, tenant=account.tenant, role="owner")
    browser = Browser()
    browser.force_login(user)

    page = browser.get(reverse("admin:integrations_acuityaccount_change", args=[account.pk]))

    assert page.status_code == 200 and KEY not in page.content.decode()


@pytest.mark.long
def test_another_address_asks_for_the_key_again(admin_client: Browser) -> None:
    account = make(base_url="https://93.184.215.14/api/v1")

    refused = change(admin_client, account, base_url="https://93.184.215.15/api/v1")
    assert "enter the API key again" in refused
    assert "enter the API key again" in change(admin_client, account, base_url="")
    assert again(account).base_url == "https://93.184.215.14/api/v1"
    assert change(admin_client, account, user_id="2") == ""
    assert (again(account).user_id, again(account).api_key) == ("2", KEY)
    assert change(admin_client, account, base_url="", api_key="new") == ""
    assert again(account).api_key == "new"


def test_what_cannot_be_decrypted_sends_nothing_and_survives_a_save(
    admin_client: Browser, server_keys: Keys
) -> None:
    server_keys("salt")
    account = make()
    stored = in_database()
    server_keys("salt", secret="another")

    with pytest.raises(errors.KeyUnreadable):
        account_client(again(account))
    run = control.start(again(account), send=False)
    said = window.run_window(str(run.pk), "account", None).text
    again(account).save()
    assert change(admin_client, again(account), user_id="2") == ""

    assert (again(account).user_id, in_database()) == ("2", stored)
    assert "cannot be decrypted" in said and stored not in said
    assert ImportRun.objects.get().status == "failed"
    server_keys("salt", secret="another", old=("one",))
    assert again(account).api_key == KEY


def test_a_token_and_a_channels_secret_are_kept_as_a_key_is(
    admin_client: Browser, server_keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    server_keys("salt")
    account = make(oauth_token="token")
    hook = {"kind": "webhook", "address": "https://hooks.example.com/in"}
    channel = NoticeChannel.objects.create(tenant=account.tenant, secret="s3", **hook)
    url = reverse("admin:integrations_noticechannel_change", args=[channel.pk])
    server_keys("salt", secret="another")
    monkeypatch.setattr(oauth, "_session", lambda *_: pytest.fail("Acuity was asked"))
    monkeypatch.setattr(requests, "Session", lambda *_: pytest.fail("it was sent"))

    hook |= {"address": "https://hooks.example.com/other", "active": "on", "secret": ""}
    admin_client.force_login(User.objects.get(username="admin"))
    assert admin_client.post(url, hook | {"tenant": account.tenant_id}).status_code == 302
    channel = NoticeChannel.objects.get()
    with pytest.raises(sending.NotSent, match="cannot be decrypted"):
        sending.send(channel, "subject", "text")
    assert oauth.disconnect(again(account)) is False

    server_keys("salt", secret="another", old=("one",))
    channel = NoticeChannel.objects.get()
    assert (channel.address, channel.secret) == ("https://hooks.example.com/other", "s3")
    assert again(account).oauth_token == ""


def test_keys_are_rotated_and_the_old_one_can_go(
    server_keys: Keys, capsys: pytest.CaptureFixture[str]
) -> None:
    server_keys("old")
    account = make()
    NoticeChannel.objects.create(tenant=account.tenant, kind="webhook", secret="s3")
    server_keys("new", "old")
    with pytest.raises(SystemExit) as left:
        call_command("acuity_rotate_keys")

    server_keys("new")
    assert (left.value.code, again(account).api_key) == (0, KEY)
    assert NoticeChannel.objects.get().secret == "s3"
    assert "of 1 accounts and 1 channels" in capsys.readouterr().out

    server_keys("a third")
    with pytest.raises(SystemExit) as left:
        call_command("acuity_rotate_keys")
    assert left.value.code == 1
    said = capsys.readouterr().err
    assert "decrypts its API key" in said and "decrypts its secret" in said
    server_keys("new")
    assert again(account).api_key == KEY
