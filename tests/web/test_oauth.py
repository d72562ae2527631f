"""An account connected without a key: agreed to at Acuity's own page, revoked, connected again."""

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.contrib.auth.models import Permission, User
from django.test import Client as Browser

from bookings.models import Tenant
from integrations.acuity import errors
from integrations.acuity.accounts import briefly
from integrations.acuity.accounts.connection import account_client
from integrations.acuity.sandbox import Sandbox, SandboxOptions, make_account
from integrations.models import AcuityAccount, AuditEntry, Membership
from tests.conftest import run_to_end

pytestmark = pytest.mark.django_db(transaction=True)
CONNECT, BACK = (
    "/admin/integrations/acuityaccount/connect/",
    "/admin/integrations/acuityaccount/connected/",
)


# Acuity sends webhooks to public ports alone.
PUBLIC: Any = {"SERVER_PORT": "443", "wsgi.url_scheme": "https"}


@pytest.fixture
def box(settings: Any) -> Iterator[Sandbox]:
    with Sandbox(make_account(clients=5, appointments=20, months=2), SandboxOptions()) as box:
        parts = urlsplit(box.base_url)
        settings.ACUITY_BASE_URL = box.base_url
        settings.ACUITY_OAUTH_URL = f"{parts.scheme}://{parts.netloc}/oauth2"
        settings.ACUITY_OAUTH_CLIENT_ID = box.oauth.client_id
        settings.ACUITY_OAUTH_CLIENT_SECRET = box.oauth.client_secret
        yield box


@pytest.fixture
def tenant() -> Tenant:
    return Tenant.objects.create(name="Example Studio")


def sign_in(tenant: Tenant, role: str = "owner") -> Browser:
    user = User.objects.create_user(f"{role}{User.objects.count()}", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="integrations"))
    Membership.objects.create(user=user, tenant=tenant, role=role)
    browser = Browser()
    browser.force_login(user)
    return browser


def agree(browser: Browser, tenant: Tenant, **form: Any) -> str:
    """The address to which Acuity sends the owner back."""
    sent = browser.post(CONNECT, {"tenant": tenant.pk, **form})
    asked = parse_qs(urlsplit(sent["Location"]).query)
    assert asked["code_challenge_method"] == ["S256"] and len(asked["state"][0]) > 20
    return requests.get(sent["Location"], allow_redirects=False, timeout=5).headers["Location"]


def come_back(browser: Browser, address: str) -> str:
    parts = urlsplit(address)
    answer = browser.get(f"{parts.path}?{parts.query}", follow=True)
    return str(answer.content.decode())


@pytest.mark.long
def test_an_account_is_connected_imported_revoked_and_connected_again(
    box: Sandbox, tenant: Tenant
) -> None:
    from integrations.acuity.runs import control

    browser = sign_in(tenant)

    assert "is connected" in come_back(browser, agree(browser, tenant))
    account = AcuityAccount.objects.get()
    run = run_to_end(control.start(account, send=False))
    assert (run.status, account.api_key, account.tenant) == ("completed", "", tenant)

    token = account.oauth_token
    page = browser.post(f"/admin/integrations/acuityaccount/{account.pk}/disconnect/", follow=True)
    assert "withdrawn the token" in page.content.decode() and token not in page.content.decode()
    assert box.oauth.tokens == set()
    with pytest.raises(errors.KeyMissing):
        account_client(AcuityAccount.objects.get())

    assert "is connected" in come_back(browser, agree(browser, tenant, account=account.pk))
    again = AcuityAccount.objects.get()
    assert (again.pk, again.oauth_token in box.oauth.tokens) == (account.pk, True)
    assert [e.deed for e in AuditEntry.objects.order_by("pk") if "onnected" in e.deed] == [
        "connected by OAuth",
        "disconnected",
        "connected by OAuth",
    ]


def test_an_answer_that_was_not_asked_for_connects_nothing(box: Sandbox, tenant: Tenant) -> None:
    browser, stranger = sign_in(tenant), sign_in(tenant)
    address = agree(browser, tenant)

    assert "not started here" in come_back(stranger, address)
    agree(stranger, tenant)
    assert "did not connect" in come_back(stranger, address)
    wrong = address.replace("state=", "state=x")
    assert "did not connect" in come_back(browser, wrong)
    # What was kept is used once.
    assert "not started here" in come_back(browser, address)
    agree(browser, tenant)
    assert "not agreed to" in come_back(browser, f"{BACK}?error=access_denied&state=x")

    assert not AcuityAccount.objects.exists() and box.oauth.tokens == set()


def test_a_code_without_its_verifier_is_of_no_use(box: Sandbox, tenant: Tenant) -> None:
    code = parse_qs(urlsplit(agree(sign_in(tenant), tenant)).query)["code"][0]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": f"http://testserver{BACK}",
        "client_id": box.oauth.client_id,
        "client_secret": box.oauth.client_secret,
    }

    answer = requests.post(f"{box.base_url[:-7]}/oauth2/token", data=form, timeout=5)

    assert (answer.status_code, box.oauth.tokens) == (400, set())


def test_only_an_owner_connects_and_only_where_it_is_offered(
    box: Sandbox, tenant: Tenant, settings: Any
) -> None:
    other = Tenant.objects.create(name="Other Studio")
    owner = sign_in(tenant)

    assert sign_in(tenant, "operator").get(CONNECT).status_code == 403
    assert "Other Studio" not in owner.get(CONNECT).content.decode()
    assert owner.post(CONNECT, {"tenant": other.pk}).status_code == 404
    settings.ACUITY_OAUTH_CLIENT_ID = ""
    assert owner.get(CONNECT).status_code == 404


def test_a_token_goes_to_acuity_whatever_address_the_account_had(
    box: Sandbox, tenant: Tenant
) -> None:
    number = str(box.account.me["id"])
    stranger = {"base_url": "https://stranger.example.com/api", "api_key": "theirs"}
    AcuityAccount.objects.create(tenant=tenant, user_id=number, **stranger)
    browser = sign_in(tenant)

    assert "is connected" in come_back(browser, agree(browser, tenant))

    account = AcuityAccount.objects.get()
    assert (account.base_url, account.api_key) == ("", "")
    assert account.oauth_token in box.oauth.tokens


def test_nobody_waits_for_an_acuity_that_is_slow_to_connect(
    box: Sandbox, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(briefly, "SECONDS", 0.2)
    owner = sign_in(tenant)
    account = AcuityAccount.objects.create(tenant=tenant, user_id="1", oauth_token="t")
    page = f"/admin/integrations/acuityaccount/{account.pk}"
    coming = agree(owner, tenant)
    box.options.latency = 1.0

    began = time.monotonic()
    said = owner.post(f"{page}/webhooks/", {"webhooks": "register"}, follow=True, **PUBLIC)
    assert "too long" in said.content.decode()
    assert "too long" in come_back(owner, coming)
    for _ in range(4):
        briefly._turns.acquire()
    try:
        for path in (f"{page}/webhooks/", f"{page}/disconnect/"):
            said = owner.post(path, {"webhooks": "register"}, follow=True, **PUBLIC)
            assert "try again in a minute" in said.content.decode()
    finally:
        briefly._turns.release(4)
    assert AcuityAccount.objects.get(pk=account.pk).oauth_token == "t"
    assert time.monotonic() - began < 5
