"""The export's button: made by a worker, downloaded by whom it may, gone when it expires."""

import csv
import io
import zipfile
from datetime import timedelta

import pytest
from django.test import Client as Browser
from django.utils import timezone

from bookings.models import Appointment, Client
from integrations.acuity.runs import exports, messages
from integrations.acuity.sandbox import Sandbox
from integrations.models import AcuityAccount, AuditEntry, ExportFile, ExportPart
from integrations.privacy import forgetting, retention
from tests.conftest import import_all

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.sandbox(clients=12, appointments=40, months=2),
]


@pytest.mark.long
def test_an_export_is_made_downloaded_and_expires(
    box: Sandbox, admin_client: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(messages, "send_export", sent.append)
    monkeypatch.setattr(exports, "PART", 1000)
    import_all(box)
    account = AcuityAccount.objects.get()
    url = f"/admin/integrations/acuityaccount/{account.pk}/exports/"
    assert url in admin_client.get(url.removesuffix("exports/") + "change/").content.decode()

    assert "No format" in admin_client.post(url, {"format": "xml"}, follow=True).content.decode()
    admin_client.post(url, {"format": "csv"})
    [key] = sent
    assert exports.perform(key).endswith("bytes")
    assert exports.perform(key) == "another worker has it, or it is over"

    assert f"?file={key}" in admin_client.get(url).content.decode()
    answer = admin_client.get(url, {"file": key})
    data = b"".join(answer.streaming_content)
    assert len(data) == int(answer["Content-Length"]) and ExportPart.objects.count() > 1
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("appointments.csv").decode())))
    assert {row["id"] for row in rows} == set(
        Appointment.objects.values_list("external_id", flat=True)
    )
    deeds = AuditEntry.objects.filter(actor="person", deed__contains="export")
    assert [e.deed for e in deeds.order_by("pk")] == ["asked for an export", "downloaded an export"]

    ExportFile.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert admin_client.get(url, {"file": key}).status_code == 404
    assert admin_client.get(url, {"file": "x"}).status_code == 404
    assert retention.prune()["exports"] == 1
    assert not ExportPart.objects.exists()


@pytest.mark.long
def test_a_worker_that_died_is_followed_and_nobody_forgotten_stays_in_a_file(box: Sandbox) -> None:
    import_all(box)
    row = exports.begin(AcuityAccount.objects.get(), send=False, format="ics")
    assert exports.overdue() == []
    ExportFile.objects.update(status="running", due_at=timezone.now())
    assert exports.overdue() == [str(row.pk)]
    exports.perform(str(row.pk))
    assert ExportPart.objects.exists()

    forgetting.forget(Client.objects.earliest("pk"))

    assert not ExportFile.objects.exists()
