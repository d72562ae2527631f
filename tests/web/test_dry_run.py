"""A dry run from the form to "Import now", and a key that is tried before it is saved."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from bookings.models import Appointment, Tenant
from integrations.acuity.runs import dry_runs
from integrations.acuity.sandbox import Sandbox
from integrations.models import AcuityAccount, DryRun, ImportRun
from integrations.tasks import dry_run, resume_stalled
from tests.conftest import import_all

pytestmark = pytest.mark.django_db
ONLY = ["clients", "appointments", "payments"]


def url(name: str, *args: Any) -> str:
    return reverse(f"admin:{name}", args=args)


def begin(browser: Browser, account: AcuityAccount) -> DryRun:
    """As the form does it. No worker takes it: it is the test's to be done."""
    form = {"accounts": account.pk, "only": ONLY, "dry_run": "on"}
    answer = browser.post(url("acuity_start"), form)
    row = DryRun.objects.order_by("created_at").last()
    assert row and answer["Location"] == url("acuity_dry_run", row.pk)
    return row


@pytest.mark.long
def test_a_dry_run_is_a_task_that_names_what_would_change_and_offers_the_import(
    admin_client: Browser, box: Sandbox, account: AcuityAccount
) -> None:
    import_all(box)
    changed = box.account.appointments[3]
    before = Appointment.objects.get(external_id=changed["id"])
    box.account.edit(changed["id"], price="77.00")
    row = begin(admin_client, account)
    waiting = admin_client.get(url("acuity_dry_run", row.pk)).content.decode()

    assert dry_run.run(str(row.pk)) == "done"

    page = admin_client.get(url("acuity_dry_run", row.pk)).content.decode()
    assert "Waiting to start" in waiting and "data-live" in waiting
    assert "nothing was written" in page and "data-live" not in page
    assert str(before.client) in page and "<td>price</td>" in page
    assert f"<td>{before.price}</td><td>77.00</td>" in page
    row.refresh_from_db()
    numbers = row.result["appointments"]
    assert list(numbers) == ["fetched", "created", "updated", "restated", "unchanged", "rejected"]
    in_order = "".join(f'<td class="n">{n}</td>' for n in numbers.values())
    # PostgreSQL keeps the keys of an object in an order of its own: the shorter first.
    row.result["appointments"] = dict(sorted(numbers.items(), key=lambda n: (len(n[0]), n[0])))
    row.save()
    again = admin_client.get(url("acuity_dry_run", row.pk)).content.decode()
    assert in_order in page and in_order in again
    before.refresh_from_db()
    assert str(before.price) != "77.00" and ImportRun.objects.count() == 1

    answer = admin_client.post(url("acuity_dry_run_act", row.pk, "import"))

    run = ImportRun.objects.latest("created_at")
    assert answer["Location"] == url("integrations_importrun_change", run.pk)
    assert set(ONLY) < set(run.steps.values_list("resource", flat=True))


@pytest.mark.long
def test_a_dry_run_ends_when_it_is_stopped_refused_or_left_by_its_worker(
    admin_client: Browser,
    box: Sandbox,
    account: AcuityAccount,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stopped = begin(admin_client, account)
    admin_client.post(url("acuity_dry_run_act", stopped.pk, "stop"))
    assert dry_run.run(str(stopped.pk)).startswith("another worker has it, or")
    assert DryRun.objects.get(pk=stopped.pk).status == "stopped"

    # Stopped while it reads: its worker ends at the next look.
    monkeypatch.setattr(dry_runs, "LOOK", 0.0)
    running = begin(admin_client, account)
    renewer = dry_runs._renewer

    def stop_first(row: DryRun) -> Any:
        dry_runs.stop(row)
        return renewer(row)

    with monkeypatch.context() as patch:
        patch.setattr(dry_runs, "_renewer", stop_first)
        assert dry_run.run(str(running.pk)).startswith("stopped")
    assert DryRun.objects.get(pk=running.pk).status == "stopped"

    # Its worker died: the sweep sends it again, once, and another one does it.
    left = begin(admin_client, account)
    DryRun.objects.filter(pk=left.pk).update(
        status="running", token="dead", due_at=timezone.now() - timedelta(seconds=1)
    )
    sent: list[str] = []
    monkeypatch.setattr("integrations.acuity.runs.messages.send_dry_run", sent.append)
    resume_stalled.run()
    resume_stalled.run()
    assert sent == [str(left.pk)]
    DryRun.objects.filter(pk=left.pk).update(due_at=timezone.now() - timedelta(seconds=1))
    assert dry_run.run(str(left.pk)) == "done"

    account.api_key = "wrong"
    account.save()
    refused = begin(admin_client, account)
    assert dry_run.run(str(refused.pk)) == "failed: CredentialsRefused"
    page = admin_client.get(url("acuity_dry_run", refused.pk)).content.decode()
    assert "user ID and API key on the account" in page and "ACUITY_" not in page


@pytest.mark.long
def test_the_key_is_tried_before_it_is_saved_and_when_it_is(
    admin_client: Browser, box: Sandbox
) -> None:
    tenant = Tenant.objects.create(name="Example Studio")
    right = {
        "tenant": tenant.pk,
        "user_id": box.options.user_id,
        "api_key": box.options.api_key,
        "base_url": box.base_url,
    }
    live = {"headers": {"X-Live": "1"}}

    good = admin_client.post(url("acuity_key"), right, **live)
    bad = admin_client.post(url("acuity_key"), right | {"api_key": "wrong"}, **live)
    none = admin_client.post(url("acuity_key"), right | {"api_key": ""}, **live)
    page = admin_client.post(url("acuity_key"), right)

    assert good.status_code == 200 and "America/Chicago, its currency USD" in good.content.decode()
    assert bad.status_code == 422 and "refused the user ID or API key" in bad.content.decode()
    assert "ACUITY_" not in bad.content.decode()
    assert none.status_code == 422 and "Enter the API key" in none.content.decode()
    assert "Nothing was saved" in page.content.decode()
    assert not AcuityAccount.objects.exists()

    saved = admin_client.post(url("integrations_acuityaccount_add"), right, follow=True)
    account = AcuityAccount.objects.get()
    assert "The key is right" in saved.content.decode()

    # A stored key is tried without being typed again, but not at another address.
    form = right | {"api_key": "", "account": account.pk}
    assert admin_client.post(url("acuity_key"), form, **live).status_code == 200
    elsewhere = admin_client.post(
        url("acuity_key"), form | {"base_url": "http://127.0.0.1:9/api/v1"}, **live
    )
    assert "The address changed" in elsewhere.content.decode()


@pytest.mark.sandbox(latency=8)
def test_a_silent_source_costs_the_form_three_seconds(box: Sandbox, admin_client: Browser) -> None:
    form = {"user_id": "1", "api_key": "k", "base_url": box.base_url}
    began = time.monotonic()

    said = admin_client.post(url("acuity_key"), form, headers={"X-Live": "1"}).content.decode()

    assert "did not answer within 3 seconds" in said and time.monotonic() - began < 4


def test_only_an_owner_tries_keys(box: Sandbox, account: AcuityAccount) -> None:
    browser = Browser()
    browser.force_login(User.objects.create_user("viewer", is_staff=True))

    assert browser.post(url("acuity_key"), {"account": account.pk}).status_code == 403
