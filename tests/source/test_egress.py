"""By which address does a worker go out, and whose budget is it then?"""

import time
from typing import Any

import pytest

from integrations.acuity.accounts.connection import account_client
from integrations.acuity.sandbox import Sandbox, SandboxOptions
from integrations.acuity.sandbox.server import Answer
from integrations.acuity.source.throttle import shared_throttle
from tests.conftest import known, small


class Doorman(Sandbox):
    """Remembers who came."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.came: list[str] = []

    def answer(self, *args: Any) -> Answer:
        self.came += [arg for arg in args if str(arg).startswith("127.")]
        return super().answer(*args)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("named", "seen"), [("", "127.0.0.1"), ("127.0.0.2", "127.0.0.2"), ("127.0.0.9", "127.0.0.9")]
)
def test_the_source_sees_the_address_that_is_named(settings: Any, named: str, seen: str) -> None:
    settings.ACUITY_EGRESS = named
    with Doorman(small(), SandboxOptions()) as box:
        client = account_client(known(box))

        client.get("/me")
        client.close()

    assert box.came == [seen]


@pytest.mark.slow
def test_each_address_has_a_budget_of_its_own(redis_url: str) -> None:
    began = time.monotonic()
    shared_throttle(redis_url, 10, 20, "127.0.0.2").penalty(1)

    with shared_throttle(redis_url, 10, 20, "127.0.0.3").slot():
        other = time.monotonic() - began
    with shared_throttle(redis_url, 10, 20, "127.0.0.2").slot():
        same = time.monotonic() - began

    assert other < 0.5 and same >= 0.95
