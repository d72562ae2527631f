"""Who guesses passwords is stopped: by name and address, and by the address for whatever names."""

from typing import Any

import pytest
from axes.models import AccessAttempt
from django.test import Client as Browser

from config.login import OF_ADDRESS

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def behind_a_proxy(settings: Any) -> None:
    settings.BEHIND_TLS_PROXY = True
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def guess(caller: str, name: str = "ana") -> int:
    form = {"username": name, "password": "wrong"}
    return Browser().post("/admin/login/", form, headers={"X-Forwarded-For": caller}).status_code


def test_one_address_cannot_try_one_password_for_every_name() -> None:
    tries = [guess("192.0.2.1", f"person{n}") for n in range(OF_ADDRESS + 1)]

    assert tries[: OF_ADDRESS - 1] == [200] * (OF_ADDRESS - 1)
    assert tries[-1] == guess("192.0.2.1") == 429
    assert guess("192.0.2.2") == 200


@pytest.mark.parametrize(
    "callers",
    [
        # What the caller himself sent comes first.
        [f"198.51.100.{n}, 192.0.2.1" for n in range(5)],
        [f"2001:db8:1:2::{n}" for n in range(5)],
        [f"192.0.2.1:{n}" for n in range(4)] + ["::ffff:192.0.2.1"],
        [f"[2001:db8::1]:{n}" for n in range(5)],
        # No address at all: one caller more.
        ["unknown", "_hidden", "", "192.0.2", "unknown"],
    ],
)
def test_a_caller_stays_the_same_however_the_proxy_calls_him(
    callers: list[str], client: Browser
) -> None:
    client.defaults["REMOTE_ADDR"] = ""
    tries = [
        client.post(
            "/admin/login/",
            {"username": "ana", "password": "wrong"},
            headers={"X-Forwarded-For": caller},
        ).status_code
        for caller in callers
    ]

    assert tries == [200] * 4 + [429]
    assert AccessAttempt.objects.count() == 1
