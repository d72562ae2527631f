"""Every page in a browser, light and dark, wide and narrow; and a page that lives while one works on it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client as Visitor
from playwright.sync_api import Page, expect

from bookings.models import Appointment, Client, Payment
from integrations.acuity.runs import control, dry_runs, exports, retry
from integrations.acuity.runs.options import Options
from integrations.acuity.sandbox import Sandbox
from integrations.models import AcuityAccount, ImportRun, ImportStep, RejectedRecord
from tests.conftest import run_to_end
from tests.whole.axe import faults
from tests.whole.test_browser import browser, owner, shot  # noqa: F401

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.sandbox(appointments=200, months=6),
]


MOST_BYTES = 200_000


@pytest.fixture
def page(browser: Any, live_server: Any, owner: User) -> Iterator[Page]:  # noqa: F811
    page = browser.new_page(base_url=live_server.url, viewport={"width": 1280, "height": 900})
    page.goto("/admin/")
    page.fill("input[name=username]", "owner")
    page.fill("input[name=password]", "secret")
    page.press("input[name=password]", "Enter")
    expect(page.get_by_text("Example Studio").first).to_be_visible()
    yield page
    page.close()


def weight(page: Page, sizes: dict[str, int]) -> int:
    """Bytes over the wire for a first visit: the page with its styles, scripts and fonts, as the
    server sends them; the one that pages are tried with compresses no files. Kept in `sizes`."""
    page.evaluate("document.fonts.ready.then(() => 0)")
    names = "performance.getEntriesByType('resource').map(one => new URL(one.name).pathname)"
    files = set(page.evaluate(names))
    for name in files - set(sizes):
        answer = Visitor(headers={"accept-encoding": "gzip"}).get(name)
        sizes[name] = sum(map(len, answer)) + sum(len(f"{k}: {v}") for k, v in answer.items())
    own = page.evaluate("performance.getEntriesByType('navigation')[0].transferSize")
    return int(own) + sum(sizes[name] for name in files)


def unnamed(page: Page) -> list[str]:
    """Icons that the font does not have: their names stand there, wider than a letter."""
    return list(
        page.evaluate("""[...document.querySelectorAll('.material-symbols-outlined')].filter(icon => {
          const range = document.createRange();
          range.selectNodeContents(icon);
          return range.getBoundingClientRect().width > 1.6 * parseFloat(getComputedStyle(icon).fontSize);
        }).map(icon => icon.textContent.trim())""")
    )


def test_every_page_is_accessible_and_fits_in_any_light_and_width(
    page: Page, box: Sandbox, account: AcuityAccount
) -> None:
    refused, changed = (booking["id"] for booking in box.account.appointments[3:5])
    box.account.edit(refused, price="twelve")
    run_to_end(control.start(account, send=False))
    box.account.edit(changed, price="77.00", notes="Moved by phone")
    tried = dry_runs.begin(account, Options(), send=False)
    dry_runs.perform(str(tried.pk))
    run = run_to_end(control.start(account, send=False))
    exported = exports.begin(account, send=False, format="csv")
    retry.ask(run)
    assert exports.perform(str(exported.pk)).endswith("bytes")
    other, kept = Client.objects.order_by("pk")[:2]
    busiest = Client.objects.filter(appointments__payments__isnull=False).first()
    booking = Appointment.objects.filter(payments__isnull=False).first()
    payment = Payment.objects.first()
    reject = RejectedRecord.objects.first()
    assert busiest and booking and payment and reject
    pages = {
        "home": "/admin/",
        "proofs": "/admin/integrations/importrun/proofs/",
        "run": f"/admin/integrations/importrun/{run.pk}/change/",
        "clients": "/admin/bookings/client/",
        "client": f"/admin/bookings/client/{busiest.pk}/change/",
        "bookings": "/admin/bookings/appointment/",
        "unpaid": "/admin/bookings/appointment/?open=yes",
        "booking": f"/admin/bookings/appointment/{booking.pk}/change/",
        "payments": "/admin/bookings/payment/",
        "payment": f"/admin/bookings/payment/{payment.pk}/change/",
        "dry-run": f"/admin/integrations/importrun/dry-run/{tried.pk}/",
        "what-changed": "/admin/bookings/change/",
        "changes": f"/admin/integrations/importrun/{run.pk}/changes/",
        "exports": f"/admin/integrations/acuityaccount/{account.pk}/exports/",
        "same-person": "/admin/bookings/client/same/",
        "merge": f"/admin/bookings/client/{other.pk}/merge/?into={kept.pk}",
        "forget": f"/admin/bookings/client/{other.pk}/forget/",
        "obligations": f"/admin/bookings/tenant/{account.tenant_id}/owed/",
        "revenue-page": f"/admin/bookings/tenant/{account.tenant_id}/revenue/",
        "imports": "/admin/integrations/importrun/",
        "rejected": "/admin/integrations/rejectedrecord/",
        "rejected-record": f"/admin/integrations/rejectedrecord/{reject.pk}/change/",
        "start-form": f"/admin/integrations/acuityaccount/import/?accounts={account.pk}",
        "account": "/admin/integrations/acuityaccount/add/",
        "token": "/admin/integrations/apitoken/add/",
    }
    wrong: list[str] = []
    sizes: dict[str, int] = {}
    for name, url in pages.items():
        page.goto(url)
        page.wait_for_load_state()
        shot(page, name)
        if (bytes_ := weight(page, sizes)) > MOST_BYTES:
            wrong.append(f"{name}: {bytes_:,} bytes")
        wrong += [f"{name}: no icon {icon}" for icon in unnamed(page)]
        # Those of the admin's own kinds are judged in test_accessibility.
        if page.locator(".console").count():
            wrong += [f"{name}: {fault}" for fault in faults(page)]

    page.set_extra_http_headers({"Accept-Language": "de"})
    page.goto(pages["run"])
    expect(page.locator("html")).to_have_attribute("lang", "de")
    shot(page, "german")
    assert wrong == [], "\n".join(wrong)


def test_a_live_page_changes_only_what_changed(page: Page, account: AcuityAccount) -> None:
    run = control.start(account, send=False)
    steps = ImportStep.objects.filter(run=run, resource="clients")
    ImportRun.objects.filter(pk=run.pk).update(status="running")
    steps.update(status="running", total=1000, offset=100)
    page.goto(f"/admin/integrations/importrun/{run.pk}/change/")
    page.get_by_text("Cancel …").click()
    page.fill("#limit", "321")
    page.locator("#do-cancel").focus()
    page.evaluate("window.scrollTo(0, 200)")

    steps.update(offset=700)
    expect(page.get_by_text("700 of 1,000")).to_be_visible(timeout=20_000)

    assert page.evaluate("document.activeElement.id") == "do-cancel"
    assert page.input_value("#limit") == "321"
    assert page.evaluate("window.scrollY") == 200
    expect(page.locator("#do-cancel")).to_be_visible()

    ImportRun.objects.filter(pk=run.pk).update(status="completed")
    expect(page).to_have_title(re.compile("✓ "), timeout=20_000)
    expect(page.get_by_role("status").filter(has_text="Completed and verified")).to_have_count(1)
    # The button in hand is gone; the keyboard goes on at the heading.
    assert page.evaluate("document.activeElement.tagName") == "H1"
