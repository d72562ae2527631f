"""A keyboard alone: connect, import, pause, resume, cancel, and print the proof, while pages refresh."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from bookings.models import Tenant
from integrations.acuity.sandbox import Sandbox
from integrations.models import ImportRun, ImportStep
from tests.conftest import run_to_end
from tests.whole.test_browser import browser, state  # noqa: F401

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.sandbox(clients=5, appointments=20, months=2),
]
# So often the Tab key is pressed for what a page has, at most.
FAR = 90
# What the keyboard is at, as a screen reader would say it.
NAME = """() => {
  const at = document.activeElement || document.body;
  const name = at.getAttribute('aria-label') || at.labels?.[0]?.innerText || at.innerText || at.value;
  return (name || '').trim().replace(/\\s+/g, ' ');
}"""


@pytest.fixture
def page(browser: Any, live_server: Any, box: Sandbox) -> Iterator[Page]:  # noqa: F811
    Tenant.objects.create(name="Example Studio")
    User.objects.create_superuser("owner", "owner@example.com", "secret")
    page = browser.new_page(base_url=live_server.url, viewport={"width": 1280, "height": 900})
    page.goto("/admin/")
    yield page
    page.close()


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the keyboard is at something of this name, and see that it shows where it is."""
    page.wait_for_load_state()
    seen = []
    for _ in range(FAR):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(NAME).rstrip(" *:"))
        # An icon may stand before it.
        if seen[-1] == name or seen[-1].endswith(f" {name}"):
            ring = "getComputedStyle(document.activeElement)"
            shown = f"{ring}.outlineStyle != 'none' || {ring}.boxShadow != 'none'"
            assert page.evaluate(shown), f"nobody sees that the keyboard is at {name}"
            return
    raise AssertionError(f"no way by Tab to {name}: {seen}")


def press(page: Page, name: str) -> None:
    tab_to(page, name)
    page.keyboard.press("Enter")


def go(page: Page, name: str) -> None:
    """Where a press leads to another page."""
    tab_to(page, name)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_a_keyboard_alone_connects_imports_steers_and_prints(page: Page, box: Sandbox) -> None:
    tab_to(page, "Username")
    page.keyboard.type("owner")
    tab_to(page, "Password")
    page.keyboard.type("secret")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Three steps to begin")).to_be_visible()

    # Connect.
    go(page, "Connect an account")
    expect(page).to_have_url(re.compile("acuityaccount/add/"))
    for field, typed in (
        ("Tenant", "Example Studio"),
        ("User id", box.options.user_id),
        ("API key", box.options.api_key),
        ("Address", box.base_url),
    ):
        tab_to(page, field)
        page.keyboard.type(typed)
    press(page, "Test")
    expect(page.locator("#key-said")).to_contain_text("The key is right", timeout=15_000)
    go(page, "Save")

    # Import.
    expect(page.get_by_text("was added successfully")).to_be_visible(timeout=15_000)
    go(page, "Home")
    go(page, "Import")
    go(page, "Start import")
    state(page, "queued")
    run = ImportRun.objects.get()

    # Pause, resume and cancel, each where the page has refreshed meanwhile.
    go(page, "Pause")
    state(page, "paused")
    go(page, "Resume")
    state(page, "queued")
    tab_to(page, "Cancel …")
    ImportRun.objects.update(status="running")
    steps = ImportStep.objects.filter(run=run, resource="clients")
    steps.update(status="running", total=1000, offset=700)
    expect(page.get_by_text("700 of 1,000")).to_be_visible(timeout=20_000)
    page.keyboard.press("Enter")
    steps.update(offset=800)
    expect(page.get_by_text("800 of 1,000")).to_be_visible(timeout=20_000)
    go(page, "Cancel this import")
    state(page, "cancelled")

    # Another one, that ends while it is watched; and its proof.
    go(page, "Home")
    go(page, "Import again")
    go(page, "Start import")
    state(page, "queued")
    run_to_end(ImportRun.objects.get(status="queued"))
    state(page, "completed")
    go(page, "Printable proof")
    expect(page.get_by_role("heading", name="Proven: Example Studio")).to_be_visible()
    assert page.pdf(format="A4").count(b"/Type /Page\n") > 0
