"""The admin as a business owner uses it: in a real browser, while a real worker imports."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect, sync_playwright

from bookings.models import Appointment
from integrations.acuity.runs import control, leases
from integrations.acuity.sandbox import Sandbox
from integrations.management import embedded
from integrations.models import AcuityAccount
from tests.conftest import run_to_end
from tests.whole.axe import too_wide, violations

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.sandbox(appointments=400, months=8, latency=0.15),
]
SHOTS = Path(os.environ.get("SCREENSHOTS", "")) if os.environ.get("SCREENSHOTS") else None
# Playwright's loop makes Django think that the test is asynchronous.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    # Without one of these it is the one Playwright downloaded.
    path = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def owner(account: AcuityAccount) -> User:
    return User.objects.create_superuser("owner", "owner@example.com", "secret")


@pytest.fixture
def page(browser: Any, live_server: Any, owner: User) -> Iterator[Page]:
    page = browser.new_page(base_url=live_server.url, viewport={"width": 1280, "height": 900})
    page.goto("/admin/")
    page.fill("input[name=username]", "owner")
    page.fill("input[name=password]", "secret")
    page.press("input[name=password]", "Enter")
    expect(
        page.get_by_text("Example Studio").or_(page.get_by_text("Acuity importer")).first
    ).to_be_visible()
    yield page
    page.close()


def shot(page: Page, name: str) -> None:
    """Kept for the docs when SCREENSHOTS names a folder: the page as on a screen that has room for
    all of it, a list as far as one sees it."""
    if not SHOTS:
        return
    before = page.viewport_size
    assert before
    height = page.evaluate("document.documentElement.scrollHeight")
    if not page.locator("#result_list").count():
        page.set_viewport_size({"width": before["width"], "height": max(height, before["height"])})
    page.screenshot(path=SHOTS / f"{name}.png")
    page.set_viewport_size(before)


def state(page: Page, name: str, timeout: float = 60) -> None:
    expect(page.locator("[data-state]")).to_have_attribute(
        "data-state", name, timeout=timeout * 1000
    )


def test_the_proof_prints_on_any_paper_and_asks_nobody(page: Page, account: AcuityAccount) -> None:
    run = run_to_end(control.start(account, send=False))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.goto(f"/admin/integrations/importrun/{run.pk}/proof/")

    assert len(asked) == 1
    for paper in ("A4", "Letter"):
        assert page.pdf(format=paper).count(b"/Type /Page\n") > 1
    page.emulate_media(color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_from_the_action_to_completed_with_pause_and_resume(page: Page, box: Sandbox) -> None:
    box.account.edit(box.account.appointments[30]["id"], price="twelve")
    page.goto("/admin/integrations/acuityaccount/")
    page.check("input.action-select")
    page.select_option("select[name=action]", "import_from_acuity")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_text("America/Chicago")).to_be_visible()
    shot(page, "start")
    page.fill("input[name=page_limit]", "20")

    with embedded.worker():
        page.get_by_role("button", name="Start import").click()
        expect(page.locator(".step.running")).to_be_visible(timeout=30_000)
        bar = page.get_by_role("progressbar", name="Appointments")
        expect(bar).not_to_have_attribute("aria-valuenow", "0", timeout=30_000)
        shot(page, "running")
        page.get_by_role("button", name="Pause").click()
        state(page, "paused")
        assert violations(page) == []
        shot(page, "paused")
        page.get_by_role("button", name="Resume").click()
        state(page, "completed_with_gaps")

        shot(page, "gaps")
        assert violations(page) == []
        box.account.edit(box.account.appointments[30]["id"], price="12.50")
        page.get_by_role("button", name="Try them again").click()
        expect(page.get_by_text("Taken in: 1. Still rejected: 0.")).to_be_visible()

        page.goto("/admin/integrations/acuityaccount/")
        page.get_by_role("link", name="Example Studio").first.click()
        page.get_by_role("link", name="Import from Acuity").first.click()
        page.get_by_role("button", name="Start import").click()
        state(page, "completed")

    assert Appointment.objects.count() == 400
    expect(page.locator(".month")).to_have_count(8)
    expect(page.locator(".month.short")).to_have_count(0)
    assert violations(page) == []
    shot(page, "completed")
    page.emulate_media(color_scheme="dark")
    assert violations(page, dark=True) == []
    shot(page, "completed-dark")
    page.set_viewport_size({"width": 390, "height": 844})
    assert not too_wide(page)
    shot(page, "completed-phone")
    page.set_viewport_size({"width": 1280, "height": 900})
    revenue(page)


def revenue(page: Page) -> None:
    page.goto("/admin/bookings/tenant/")
    page.get_by_role("link", name="by month").click()
    expect(page.get_by_role("columnheader", name="cash")).to_be_visible()
    assert violations(page) == []
    shot(page, "revenue")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()
    table = Path(download.value.path()).read_text().splitlines()
    assert table[0] == "month,processor,count,amount,currency"
    assert len(table) > 8


def test_a_wrong_key_is_said_before_anything_starts(page: Page, account: AcuityAccount) -> None:
    account.api_key = "wrong"
    account.save()

    page.goto(f"/admin/integrations/acuityaccount/import/?accounts={account.pk}")

    expect(page.get_by_text("Acuity refused the user ID or API key")).to_be_visible()
    expect(page.get_by_role("button", name="Start import")).to_be_disabled()
    shot(page, "refused")


@pytest.mark.parametrize("status", ["queued", "waiting", "failed", "cancelled"])
def test_each_state_says_what_to_do_next(page: Page, account: AcuityAccount, status: str) -> None:
    from datetime import timedelta

    from django.utils import timezone

    run = control.start(account, send=False)
    if status == "waiting":
        step = run.steps.get(resource="account")
        leases.claim(step, 0)
        leases.release(
            step.pk,
            run.steps.get(pk=step.pk).lease_token,
            not_before=timezone.now() + timedelta(minutes=2),
            waiting_for="Acuity is in trouble: the import waits and tries again. (status 503)",
        )
    elif status == "failed":
        control.fail(
            run.pk, "Acuity refused the user ID or API key: check both.", "CredentialsRefused"
        )
    elif status == "cancelled":
        control.cancel(run)

    page.goto(f"/admin/integrations/importrun/{run.pk}/change/")

    expect(page.locator("[data-look]")).to_have_attribute("data-look", status)
    assert violations(page) == []
    shot(page, status)
    if status == "failed":
        page.goto("/admin/")
        shot(page, "home-failed")


def test_it_works_without_javascript(
    browser: Any, live_server: Any, account: AcuityAccount, owner: User
) -> None:
    run = control.start(account, send=False)
    page = browser.new_context(java_script_enabled=False, base_url=live_server.url).new_page()
    page.goto("/admin/")
    page.fill("input[name=username]", "owner")
    page.fill("input[name=password]", "secret")
    page.press("input[name=password]", "Enter")

    page.goto(f"/admin/integrations/importrun/{run.pk}/change/")
    expect(page.get_by_role("heading", name="Waiting to start")).to_be_visible()
    page.get_by_role("button", name="Pause").click()

    expect(page.get_by_role("heading", name="Paused")).to_be_visible()
    page.close()
