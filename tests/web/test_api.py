"""The HTTP API as another program uses it, and as a stranger tries to."""

import base64
import hashlib
import hmac
import socket
import time
import uuid
from typing import Any

import pytest
import schemathesis
from celery import current_app
from django.contrib.auth.models import Permission, User
from django.test import Client as Browser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from bookings.models import Appointment, Tenant
from config.wsgi import application
from integrations.acuity.sandbox import Sandbox
from integrations.acuity.sync import refresh
from integrations.api.tokens import issue
from integrations.management import embedded
from integrations.models import AcuityAccount, ImportRun, Membership, RefreshRequest
from tests.conftest import import_all

pytestmark = pytest.mark.django_db(transaction=True)
BASE = "/integrations/booking/acuity"
JSON = "application/json"


@pytest.fixture
def api(account: AcuityAccount) -> Browser:
    return Browser(headers={"Authorization": f"Bearer {issue('test', [account.tenant])}"})


def begin(api: Browser, account: AcuityAccount, body: Any = None, **headers: str) -> Any:
    wanted = {"tenant_id": str(account.tenant_id)} | (body or {})
    return api.post(f"{BASE}/import", wanted, content_type="application/json", headers=headers)


@pytest.mark.long
def test_an_import_is_started_followed_and_proven(api: Browser, account: AcuityAccount) -> None:
    with embedded.worker():
        begun = begin(api, account, **{"page-limit": "50"})
        assert begun.status_code == 202
        url = begun.json()["status_url"]
        while (now := api.get(url).json())["status"] not in ("completed", "failed"):
            pass

    assert (now["status"], now["verified"], now["appointments"]["stored"]) == (
        "completed",
        True,
        120,
    )
    assert ImportRun.objects.get().page_limit == 50
    months = api.get(f"{url}/coverage").json()["months"]
    assert sum(month["stored"] for month in months) == 120
    assert api.get(f"{BASE}/imports").json()["count"] == 1


def test_a_second_start_names_the_active_run(api: Browser, account: AcuityAccount) -> None:
    first = begin(api, account).json()["run_id"]

    second = begin(api, account)

    assert (second.status_code, second.json()["run_id"]) == (409, first)
    assert second["Content-Type"] == "application/problem+json"


def test_a_repeated_key_answers_with_the_same_run(api: Browser, account: AcuityAccount) -> None:
    answers = [begin(api, account, **{"Idempotency-Key": "abc"}) for _ in range(3)]

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["run_id"] for answer in answers}) == 1


def test_pause_resume_and_cancel_take_a_second_press(api: Browser, account: AcuityAccount) -> None:
    url = begin(api, account).json()["status_url"]

    seen = [
        api.post(f"{url}/{what}", content_type=JSON).json()["status"]
        for what in ("pause", "pause", "resume", "resume", "pause", "cancel", "cancel")
    ]

    assert seen == ["paused", "paused", "queued", "queued", "paused", "cancelled", "cancelled"]
    assert api.post(f"{url}/resume", content_type=JSON).status_code == 409


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ({"min_date": "31.12.2025"}, {}, 422),
        ({"min_date": "2026-02-01", "max_date": "2026-01-01"}, {}, 422),
        ({"only": ["sales"]}, {}, 422),
        ({}, {"page-limit": "0"}, 422),
        ({}, {"page-limit": "many"}, 422),
        ({"tenant_id": str(uuid.uuid4())}, {}, 404),
        ({"cursor": str(uuid.uuid4())}, {}, 404),
    ],
)
def test_bad_input_gets_a_problem_in_one_sentence(
    api: Browser, account: AcuityAccount, body: Any, headers: dict[str, str], status: int
) -> None:
    answer = begin(api, account, body, **headers)

    assert answer.status_code == status
    assert answer.json()["detail"]
    assert answer["Content-Type"] == "application/problem+json"


def test_another_tenants_token_finds_nothing_anywhere(api: Browser, account: AcuityAccount) -> None:
    url = begin(api, account).json()["status_url"]
    stranger = Browser(
        headers={
            "Authorization": f"Bearer {issue('stranger', [Tenant.objects.create(name='Other')])}"
        }
    )

    answers = [stranger.get(url), stranger.get(f"{url}/coverage"), begin(stranger, account)]
    answers += [
        stranger.post(f"{url}/{what}", content_type=JSON) for what in ("pause", "resume", "cancel")
    ]
    run = url.rsplit("/", 1)[1]
    other = Tenant.objects.get(name="Other").pk
    answers += [
        begin(stranger, account, {"cursor": run}),
        begin(stranger, account, {"tenant_id": str(other), "cursor": run}),
    ]

    assert {answer.status_code for answer in answers} == {404}
    assert stranger.get(f"{BASE}/imports").json() == {"items": [], "count": 0}
    assert ImportRun.objects.get().status == "queued"


def test_without_a_token_there_is_nothing_and_staff_needs_csrf_and_permission(
    account: AcuityAccount,
) -> None:
    assert Browser().get(f"{BASE}/imports").status_code == 401
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_importrun"))
    Membership.objects.create(user=user, tenant=account.tenant, role="viewer")
    staff = Browser(enforce_csrf_checks=True)
    staff.force_login(user)
    assert staff.get(f"{BASE}/imports").status_code == 200
    assert begin(staff, account).status_code == 403
    assert begin(Browser(), account).status_code == 401
    assert ImportRun.objects.count() == 0


def sign(body: bytes, key: str = "sandbox-key") -> str:
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


def deliver(account_id: int, body: bytes, signature: str) -> Any:
    return Browser().post(
        f"{BASE}/webhook/{account_id}",
        body,
        content_type="application/x-www-form-urlencoded",
        headers={"X-Acuity-Signature": signature},
    )


@pytest.mark.long
def test_a_valid_webhook_updates_the_booking_within_five_seconds(
    box: Sandbox, account: AcuityAccount
) -> None:
    import_all(box)
    row = next(row for row in box.account.appointments if not row["canceled"])
    box.account.cancel(row["id"])
    box.forget()
    with embedded.worker():
        for action in ("canceled", "changed", "appointment.canceled"):
            body = f"action={action}&id={row['id']}&calendarID=1&appointmentTypeID=2".encode()
            assert deliver(account.pk, body, sign(body)).status_code == 200
        began = time.monotonic()
        while not Appointment.objects.get(external_id=row["id"]).canceled:
            assert time.monotonic() - began < 5

    asked = [path for _, path, _, _ in box.requests]
    assert asked.count(f"/appointments/{row['id']}") == 1


def test_forged_altered_and_misplaced_webhooks_are_refused(account: AcuityAccount) -> None:
    body = b"action=changed&id=1550000001"
    refused = [
        deliver(account.pk, body, ""),
        deliver(account.pk, body, sign(body, "another key")),
        deliver(account.pk, body + b"0", sign(body)),
        deliver(account.pk + 1, body, sign(body)),
        deliver(account.pk, body, "é"),
    ]

    assert {answer.status_code for answer in refused} == {401}
    nonsense = b"action=changed&id=1;drop"
    assert deliver(account.pk, nonsense, sign(nonsense)).status_code == 400
    assert RefreshRequest.objects.count() == 0


def test_a_replayed_webhook_causes_no_second_read(box: Sandbox, account: AcuityAccount) -> None:
    body = f"action=changed&id={box.account.appointments[0]['id']}".encode()
    answers = [deliver(account.pk, body, sign(body)).json()["status"] for _ in range(5)]

    assert answers == ["queued"] + ["queued already"] * 4
    number = str(box.account.appointments[0]["id"])
    assert "created" in refresh.perform(account.pk, number)
    assert refresh.perform(account.pk, number) == "not wanted any more"
    assert [path for _, path, _, _ in box.requests].count(f"/appointments/{number}") == 1


@pytest.mark.long
def test_metrics_and_health_tell_what_is_going_on(box: Sandbox, account: AcuityAccount) -> None:
    import_all(box)

    text = Browser().get("/metrics").content.decode()

    assert 'acuity_records_total{outcome="created",resource="appointments"} 120.0' in text
    assert 'acuity_requests_total{endpoint="/appointments/:id/payments",status="200"}' in text
    assert 'acuity_runs{status="completed"} 1.0' in text
    assert Browser().get("/metrics", REMOTE_ADDR="203.0.113.9").status_code == 401
    assert Browser().get("/healthz").json() == {"database": "ok", "broker": "ok"}


@pytest.mark.slow
def test_a_broker_that_hangs_is_said_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis stopped, not gone: it takes the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        monkeypatch.setenv("CELERY_BROKER_WRITE_URL", url)
        monkeypatch.setitem(current_app.conf.broker_transport_options, "socket_timeout", 30)
        began = time.monotonic()

        answer = Browser().get("/healthz")

        assert answer.status_code == 503 and answer.json()["broker"] != "ok"
        assert time.monotonic() - began < 8


CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]
schema = schemathesis.openapi.from_wsgi("/api/openapi.json", application)


OPERATIONS = {each.ok().label: each.ok() for each in schema.get_all_operations()}


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
@given(data=st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_matches_its_schema(operation: str, data: st.DataObject) -> None:
    tenant, _ = Tenant.objects.get_or_create(name="Fuzzed")
    token = issue("fuzz", [tenant])

    data.draw(OPERATIONS[operation].as_strategy()).call_and_validate(
        headers={"Authorization": f"Bearer {token}"},
        checks=CHECKS,
    )
