"""The eight questions of docs/questions.md: answered from the home page, in how many clicks?"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F, Sum
from django.test import Client as Visitor
from playwright.sync_api import Locator, Page, expect

from bookings import tables
from bookings.models import Appointment, Client, Payment
from integrations.acuity.runs import control
from integrations.acuity.sandbox import Sandbox
from integrations.models import AcuityAccount, ImportRun, Plan
from tests.conftest import run_to_end
from tests.whole.test_browser import browser  # noqa: F401

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow,
    pytest.mark.sandbox(clients=12, appointments=80, months=6),
]
DOCS = Path(__file__).parents[2] / "docs"
MOST = 2


class Owner:
    """Looks, and clicks; the clicks since the home page are counted."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = 0

    def home(self) -> None:
        self.page.goto("/admin/")
        self.clicks = 0

    def click(self, what: Locator) -> None:
        what.click()
        self.clicks += 1

    def opens(self, name: str) -> None:
        """Something of the menu."""
        self.click(
            self.page.locator("#nav-sidebar-apps").get_by_role("link", name=name, exact=True)
        )

    def reads(self, *said: str) -> None:
        for text in said:
            expect(self.page.locator("#main")).to_contain_text(text)


@pytest.fixture
def owner(
    browser: Any,  # noqa: F811
    live_server: Any,
    admin_client: Visitor,
    box: Sandbox,
    account: AcuityAccount,
) -> Iterator[Owner]:
    """Of a business that was imported twice, with a change in between."""
    run_to_end(control.start(account, send=False))
    box.account.edit(box.account.appointments[4]["id"], price="77.00")
    run_to_end(control.start(account, send=False))
    Plan.objects.create(account=account)
    context = browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 900})
    session = admin_client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    yield Owner(context.new_page())
    context.close()


def how_much_in_march_by_card(owner: Owner) -> None:
    paid = Payment.objects.filter(processor="stripe", removed_at=None)
    paid = paid.filter(appointment__canceled=False, appointment__no_show=False)
    march = paid.filter(service_date__month=3).aggregate(sum=Sum("amount"))["sum"]

    owner.opens("Revenue")

    row = owner.page.get_by_role("row").filter(has_text=re.compile(r"^\s*\d{4}-03"))
    heads = owner.page.locator("table thead th").all_inner_texts()
    assert row.locator("td").nth(heads.index("stripe")).inner_text() == tables.money(march)


def who_has_not_paid(owner: Owner) -> None:
    due = Appointment.objects.filter(canceled=False, price__gt=F("amount_paid"), removed_at=None)

    owner.opens("Bookings")
    owner.click(owner.page.get_by_role("link", name="Not paid in full"))

    owner.reads(f"{due.count()} bookings: price ")
    rows = owner.page.locator("#result_list tbody tr")
    shown = rows.locator(".field-open").all_inner_texts()
    assert len(shown) == min(due.count(), 50) and "0.00" not in shown
    for booking in due.order_by("-starts_at")[:3]:
        expect(rows.filter(has_text=str(booking.client)).first).to_be_visible()


def when_did_this_client_come_last(owner: Owner) -> None:
    client = Client.objects.filter(appointments__isnull=False).order_by("pk").first()
    assert client
    last = client.appointments.latest("starts_at")

    owner.opens("Clients")
    owner.click(owner.page.locator("#result_list").get_by_role("link", name=str(client)).first)

    newest = owner.page.locator("#main tbody tr").first
    expect(newest).to_contain_text(f"{last.service_date:%-d %b %Y}")


def what_changed_this_week(owner: Owner) -> None:
    owner.opens("What changed")

    owner.reads("77.00", str(Appointment.objects.get(price=77).client))


def is_everything_there(owner: Owner) -> None:
    owner.reads("Last proof", "no gaps", "80 Bookings")


def what_is_owed_on_packages(owner: Owner) -> None:
    owner.opens("Open obligations")

    owner.reads("Certificates", "Bookings left", "Valid")


def why_did_that_run_stop(owner: Owner) -> None:
    run = control.start(AcuityAccount.objects.get(), send=False)
    control.fail(run.pk, "Acuity refused the user ID or API key: check both.", "CredentialsRefused")
    owner.page.reload()

    owner.reads("Failed", "Acuity refused the user ID or API key: check both.")


def what_happens_next(owner: Owner) -> None:
    last = ImportRun.objects.latest("created_at")
    assert last.status == "completed"

    owner.reads("Next run")

    expect(owner.page.locator(".account dd", has_text="nothing scheduled")).to_have_count(0)
    expect(owner.page.locator(".account .button.first")).to_be_visible()


# Each question as docs/questions.md asks it.
QUESTIONS = {
    "How much did we take in March by card?": how_much_in_march_by_card,
    "Who has not paid?": who_has_not_paid,
    "When did this client come last?": when_did_this_client_come_last,
    "What changed this week?": what_changed_this_week,
    "Is everything there?": is_everything_there,
    "What is owed on packages?": what_is_owed_on_packages,
    "What happens next?": what_happens_next,
    "Why did that run stop?": why_did_that_run_stop,
}


def test_each_question_is_answered_in_as_many_clicks_as_the_docs_say(owner: Owner) -> None:
    """And in two at most; each answer has its picture."""
    told = (DOCS / "questions.md").read_text()
    row = r"^\| ([^|]+\?) \| .+ \| (\d)[^|]* \| \[picture\]\((.+)\) \|$"
    rows = re.findall(row, told, re.MULTILINE)
    assert {question for question, _, _ in rows} == set(QUESTIONS)
    assert [name for _, _, name in rows if not (DOCS / name).is_file()] == []
    for question, least, _ in sorted(rows, key=lambda row: list(QUESTIONS).index(row[0])):
        owner.home()

        QUESTIONS[question](owner)

        assert owner.clicks == int(least) <= MOST, question
