"""Where may credentials be sent? A name is resolved at each connect, and inner addresses are refused."""

import socket
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client as Browser
from django.urls import reverse

from bookings.models import Tenant
from integrations.acuity import errors
from integrations.acuity.accounts import find
from integrations.acuity.accounts.connection import account_client
from integrations.acuity.sandbox import Sandbox, SandboxOptions, make_account
from integrations.acuity.source.addresses import is_public
from integrations.management.refusals import refusal
from integrations.models import AcuityAccount

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def strict(settings: Any) -> None:
    settings.ACUITY_ALLOW_PRIVATE_ADDRESSES = False


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("::1", False),
        ("::ffff:10.0.0.1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("64:ff9b::a00:1", False),
        ("2002:a00:1::", False),
        ("64:ff9b::808:808", True),
        ("64:ff9b:1::a00:1", False),
        ("::10.0.0.1", False),
        ("::ffff:0:10.0.0.1", False),
        ("fec0::1", False),
        ("5f00::1", False),
        ("3fff::1", False),
        ("2606:4700::5efe:a00:1", False),
        ("192.0.0.8", False),
        ("192.88.99.1", False),
    ],
)
def test_only_addresses_of_the_public_internet_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_an_accounts_inner_address_is_refused_before_a_byte_is_sent() -> None:
    with Sandbox(make_account(clients=1, appointments=1, months=1), SandboxOptions()) as box:
        account = find.ensure("10000001", "sandbox-key", box.base_url)

        with pytest.raises(errors.PrivateAddress):
            account_client(account).get("/me")

        assert len(box.requests) == 0 and box.peak_connections == 0


def test_a_name_that_resolves_inside_the_second_time_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolved = iter(["93.184.215.14", "127.0.0.1"])

    def moving(host: str, port: Any, *_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(resolved), port or 443))]

    monkeypatch.setattr(socket, "getaddrinfo", moving)
    account = AcuityAccount(
        tenant=Tenant(name="A"), user_id="1", api_key="k", base_url="https://rebind.example.com"
    )
    from integrations.acuity.accounts import addresses

    addresses.check(account)  # outside, as the form sees it

    with pytest.raises(errors.PrivateAddress):
        account_client(account).get("/me")


def test_the_deployments_own_address_may_be_this_machine(settings: Any) -> None:
    with Sandbox(make_account(clients=1, appointments=1, months=1), SandboxOptions()) as box:
        settings.ACUITY_BASE_URL = box.base_url
        account = find.ensure("10000001", "sandbox-key")

        assert account_client(account).get("/me")["id"]


@pytest.mark.parametrize(
    "address", ["https://10.0.0.1/api", "https://169.254.169.254/latest", "http://127.0.0.1:1/"]
)
def test_the_form_refuses_an_inner_address_in_one_sentence(
    admin_client: Browser, address: str
) -> None:
    tenant = Tenant.objects.create(name="Example Studio")
    form = {"tenant": tenant.pk, "user_id": "1", "api_key": "k", "base_url": address}

    page = admin_client.post(reverse("admin:integrations_acuityaccount_add"), form)

    assert "leads into a private network" in page.content.decode()
    assert not AcuityAccount.objects.exists()


def test_the_command_says_so_and_starts_nothing() -> None:
    account = find.ensure("1", "k", "https://192.168.0.1/api/v1")

    with pytest.raises(errors.PrivateAddress) as refused:
        call_command("acuity_import", account=str(account.pk))

    said = refusal(refused.value)
    assert (said.code, said.exit) == ("private_address", 2)
    assert "leads into a private network" in said.error
    assert not account.runs.exists()
