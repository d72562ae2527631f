"""What was refused is named, and tried again by a worker while the page shows how far it is."""

from datetime import timedelta

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from bookings.models import Appointment
from integrations.acuity.runs import messages
from integrations.acuity.sandbox import Sandbox
from integrations.models import AcuityAccount, ImportRun, RejectedRecord
from integrations.tasks import resume_stalled, retry_rejected
from tests.conftest import import_all

pytestmark = [pytest.mark.django_db, pytest.mark.sandbox(clients=4, appointments=12, months=2)]


@pytest.fixture
def run(box: Sandbox) -> ImportRun:
    for row in box.account.appointments[3:6]:
        box.account.edit(row["id"], price="twelve")
    return import_all(box)


def page(browser: Browser, name: str, *args: object) -> str:
    answer = browser.get(reverse(f"admin:{name}", args=args))
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.long
def test_a_refused_field_is_marked_and_its_record_tried_again_by_a_worker(
    admin_client: Browser, box: Sandbox, run: ImportRun
) -> None:
    first, *others = RejectedRecord.objects.order_by("pk")
    shown = page(admin_client, "integrations_rejectedrecord_change", first.pk)
    row = next(part for part in shown.split("<tr") if ">price<" in part)
    box.account.edit(int(first.external_id), price="12.50")

    answer = admin_client.post(reverse("admin:acuity_retry_one", args=[first.pk]))

    assert "<mark>twelve</mark>" in row and "is not an amount" in row
    assert shown.count("<mark>") == 1 and "Retry this one" in shown
    assert answer["Location"].endswith(f"{run.pk}/change/#rejected")
    live = page(admin_client, "integrations_importrun_change", run.pk)
    assert "data-live" in live and "0 of 1" in live and "Try them again" not in live
    assert "being tried again" in page(admin_client, "integrations_rejectedrecord_change", first.pk)
    assert Appointment.objects.filter(external_id=first.external_id).count() == 0

    assert retry_rejected.run(str(run.pk)) == "1 taken in, 0 left"

    done = page(admin_client, "integrations_importrun_change", run.pk)
    assert "Taken in: 1. Still rejected: 0." in done and "data-live" not in done
    assert Appointment.objects.filter(external_id=first.external_id).count() == 1
    assert RejectedRecord.objects.filter(resolved_at=None).count() == len(others) == 2


@pytest.mark.long
def test_a_retry_outlives_its_worker_and_says_what_kept_it(
    admin_client: Browser, run: ImportRun, account: AcuityAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(messages, "send_retry", sent.append)
    rows = RejectedRecord.objects.filter(run=run)
    admin_client.post(reverse("admin:acuity_act", args=[run.pk, "retry"]))
    resume_stalled.run()
    # One is in the hands of a worker that was killed; nobody has come for the others.
    rows.update(retry_due=timezone.now() - timedelta(minutes=2))
    resume_stalled.run()
    resume_stalled.run()
    account.api_key = "wrong"
    account.save()

    said = retry_rejected.run(str(run.pk))

    assert sent == [str(run.pk)] * 2 and said == "failed: CredentialsRefused"
    shown = page(admin_client, "integrations_importrun_change", run.pk)
    assert "refused the user ID or API key" in shown and "Try them again" in shown
    assert rows.filter(retry_due=None, resolved_at=None).count() == 3
