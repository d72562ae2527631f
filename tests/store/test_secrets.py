"""Keys are written, never read: not by people, not by exports, not by a server with other keys."""

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.db import connection
from django.test import Client as Browser
from django.urls import reverse

from bookings.models import Tenant
from integrations.acuity import errors
from integrations.acuity.accounts.connection import account_client
from integrations.acuity.runs import control, window
from integrations.models import AcuityAccount, ImportRun, Membership

pytestmark = pytest.mark.django_db
KEY = "a-key-nobody-reads"
Keys = Callable[..., None]


@pytest.fixture
def server_keys(settings: Any) -> Iterator[Keys]:
    """Start the server again, as it were, with these keys."""
    field: Any = AcuityAccount._meta.get_field("api_key")
    other: Any = AcuityAccount._meta.get_field("oauth_token")

    def use(*salts: str, secret: str = "one", old: tuple[str, ...] = ()) -> None:
        settings.SALT_KEY, settings.SECRET_KEY = list(salts), secret
        settings.SECRET_KEY_FALLBACKS = list(old)
        for one in (field, other):
            one.__dict__.pop("f", None)
            one.__dict__.pop("keys", None)

    yield use
    use("x")
    for one in (field, other):
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

    assert in_database() == stored
    assert "cannot be decrypted" in said and stored not in said
    assert ImportRun.objects.get().status == "failed"
    server_keys("salt", secret="another", old=("one",))
    assert again(account).api_key == KEY


def test_keys_are_rotated_and_the_old_one_can_go(
    server_keys: Keys, capsys: pytest.CaptureFixture[str]
) -> None:
    server_keys("old")
    account = make()
    server_keys("new", "old")
    with pytest.raises(SystemExit) as left:
        call_command("acuity_rotate_keys")

    server_keys("new")
    assert (left.value.code, again(account).api_key) == (0, KEY)

    server_keys("a third")
    with pytest.raises(SystemExit) as left:
        call_command("acuity_rotate_keys")
    assert left.value.code == 1
    assert "no key of this server decrypts" in capsys.readouterr().err
    server_keys("new")
    assert again(account).api_key == KEY
