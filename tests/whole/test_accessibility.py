"""Can everybody use every page that there is, in the light and in the dark, and on a phone?"""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from django.test import Client as Visitor
from django.urls import reverse
from playwright.sync_api import BrowserContext, Error, expect

from tests.web.test_every_page import addresses, everything  # noqa: F401
from tests.whole.axe import AXE, faults, violations
from tests.whole.test_browser import browser  # noqa: F401

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.money,
    pytest.mark.sandbox(clients=8, appointments=24, months=2),
]
# Of each model the same pages, with another name in them or the fields of its other form.
ALIKE = ("_history", "_delete", "_add", "_change")
# So of these alone; `make endurance` judges all.
ONES = (
    "auth_user_",
    "bookings_appointment_change",
    "bookings_client_",
    "integrations_acuityaccount_",
    "integrations_importrun_change",
)


@pytest.fixture
def context(browser: Any, live_server: Any) -> Iterator[BrowserContext]:  # noqa: F811
    context = browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 900})
    context.add_init_script(AXE)
    yield context
    context.close()


@pytest.fixture
def signed_in(context: BrowserContext, admin_client: Visitor, live_server: Any) -> BrowserContext:
    session = admin_client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    return context


def judge(context: BrowserContext, pages: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """What is wrong with each page; a refusal is looked at once, as all of its kind are alike."""
    page, refusals = context.new_page(), set()
    found: dict[str, list[str]] = {}
    for name, url in pages:
        try:
            answer = page.goto(url)
            assert answer
        except Error:  # a file, or a refusal without a word
            page.close()
            page = context.new_page()
            continue
        if "html" in answer.headers["content-type"] and answer.status not in refusals:
            found[name] = faults(page)
            refusals |= {answer.status} - {200}
    page.close()
    return found


def faulty(found: dict[str, list[str]]) -> str:
    return "\n".join(f"{name}: {fault}" for name, said in found.items() for fault in said)


def test_everybody_can_use_each_kind_of_page(signed_in: BrowserContext, everything: None) -> None:  # noqa: F811
    pages = [one for one in addresses() if one[0].startswith(ONES) or not one[0].endswith(ALIKE)]

    found = judge(signed_in, pages)

    assert len(found) > 50
    assert faulty(found) == ""


@pytest.mark.endurance
def test_everybody_can_use_every_page(signed_in: BrowserContext, everything: None) -> None:  # noqa: F811
    found = judge(signed_in, addresses())

    assert len(found) > 130
    assert faulty(found) == ""


def test_a_keyboard_reaches_the_filters(signed_in: BrowserContext, everything: None) -> None:  # noqa: F811
    page = signed_in.new_page()
    page.goto(reverse("admin:bookings_appointment_changelist"))
    button = page.get_by_role("button", name="Filters")
    button.focus()
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="By service date")).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="By service date")).to_be_hidden()


def test_everybody_can_come_in(
    context: BrowserContext, admin_client: Visitor, live_server: Any
) -> None:
    """Before there is anything: the way in, the first steps, and what is not there."""
    found = judge(context, [("login", reverse("admin:login"))])
    session = admin_client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    empty = [
        (name, reverse(f"admin:{name}"))
        for name in ("index", "bookings_client_changelist", "integrations_importrun_changelist")
    ]
    found |= judge(context, [*empty, ("nothing", "/admin/nothing/")])

    assert len(found) == 5
    assert faulty(found) == ""
