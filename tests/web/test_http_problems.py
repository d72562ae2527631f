"""Thirty wrong requests, each refused as a problem that says what is wrong; and the API's own page."""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client as Browser
from playwright.sync_api import expect, sync_playwright

from bookings.models import Tenant
from integrations.acuity.runs import control
from integrations.api.tokens import issue
from integrations.models import AcuityAccount, ImportRun, Membership

pytestmark = pytest.mark.django_db(transaction=True)
# Playwright's loop makes Django think that the test is asynchronous.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
BASE = "/integrations/booking/acuity"
NOBODY = "00000000-0000-4000-8000-000000000000"
JSON = "application/json"


@dataclass
class Wrong:
    """A request; TENANT, ACTIVE and DONE stand for what the test has made."""

    status: int
    method: str
    path: str
    body: Any = None
    type: str = JSON
    who: str = "token"
    headers: dict[str, str] = field(default_factory=dict)
    # What the answer has besides: members of the problem and headers.
    says: dict[str, str] = field(default_factory=dict)
    sends: dict[str, str] = field(default_factory=dict)


START = {"tenant_id": "TENANT"}
BEARER = {"WWW-Authenticate": "Bearer"}
INVALID = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
POST_ONLY, GET_ONLY = {"Allow": "POST"}, {"Allow": "GET"}
TABLE = {
    "broken JSON": Wrong(400, "POST", "/import", "{"),
    "no JSON at all": Wrong(400, "POST", "/import", b"\xff\xfe\x00"),
    "JSON too deep": Wrong(400, "POST", "/import", "[" * 40_000),
    "host unknown": Wrong(400, "GET", "/imports", headers={"Host": "elsewhere.example"}),
    "no token": Wrong(401, "GET", "/imports", who="nobody", sends=BEARER),
    "no token, a start": Wrong(401, "POST", "/import", START, who="nobody", sends=BEARER),
    "no token, not JSON": Wrong(401, "POST", "/import", "x", "text/plain", "nobody", sends=BEARER),
    "wrong token": Wrong(401, "POST", "/import", START, who="stranger", sends=INVALID),
    "wrong token, good session": Wrong(
        401, "GET", "/imports", who="staff", headers={"Authorization": "Bearer no"}, sends=INVALID
    ),
    "a token of another kind": Wrong(
        401, "GET", "/imports", who="nobody", headers={"Authorization": "Basic YTpi"}, sends=BEARER
    ),
    "session that has ended": Wrong(401, "POST", "/import", START, who="ended", sends=BEARER),
    "session without CSRF": Wrong(403, "POST", "/import", START, who="staff"),
    "session without CSRF, a form": Wrong(403, "POST", "/import", "a=1", "multipart/x", "staff"),
    "session that may only look": Wrong(403, "POST", "/import", START, who="looker"),
    "session that may not even look": Wrong(403, "GET", "/imports", who="customer"),
    "cancel without permission": Wrong(403, "POST", "/imports/ACTIVE/cancel", who="looker"),
    "unknown run": Wrong(404, "GET", f"/imports/{NOBODY}"),
    "unknown run to resume": Wrong(404, "POST", "/import", START | {"cursor": NOBODY}),
    "no run's ID": Wrong(404, "GET", "/imports/first"),
    "unknown tenant": Wrong(404, "POST", "/import", {"tenant_id": NOBODY}),
    "unknown path": Wrong(404, "GET", "/nothing", who="nobody"),
    "unknown path elsewhere": Wrong(404, "POST", "/api/nothing/", "x", "text/plain", "nobody"),
    "GET where POST belongs": Wrong(405, "GET", "/import", sends=POST_ONLY),
    "DELETE of a run": Wrong(405, "DELETE", "/imports/ACTIVE", sends=GET_ONLY),
    "HEAD": Wrong(405, "HEAD", "/imports", sends=GET_ONLY),
    "POST to the page": Wrong(405, "POST", "/api/docs", sends={"Allow": "GET, HEAD"}),
    "GET of the webhook": Wrong(405, "GET", "/webhook/1", who="nobody", sends=POST_ONLY),
    "a second start": Wrong(409, "POST", "/import", START, says={"run_id": "ACTIVE"}),
    "resume of what is done": Wrong(409, "POST", "/imports/DONE/resume", says={"run_id": "DONE"}),
    "start from what is done": Wrong(
        409, "POST", "/import", START | {"cursor": "DONE"}, says={"run_id": "DONE"}
    ),
    "pause of what is done": Wrong(409, "POST", "/imports/DONE/pause", says={"run_id": "DONE"}),
    "cancel of what is proven": Wrong(
        409, "POST", "/imports/PROVEN/cancel", says={"run_id": "PROVEN"}
    ),
    "too long": Wrong(413, "POST", "/import", START | {"only": ["x" * 200_000]}),
    "far too long": Wrong(413, "POST", "/import", "x" * 3_000_000),
    "a webhook too long": Wrong(413, "POST", "/webhook/1", "x" * 20_000, who="nobody"),
    "text": Wrong(415, "POST", "/import", START, "text/plain"),
    "a form": Wrong(
        415, "POST", "/import", "tenant_id=TENANT", "application/x-www-form-urlencoded"
    ),
    "a form of a session": Wrong(
        415, "POST", "/import", "--x\r\n\r\n--x--\r\n", "multipart/form-data; boundary=x", "owner"
    ),
    "text to resume": Wrong(415, "POST", "/imports/ACTIVE/resume", "go", "text/plain"),
    "text to pause": Wrong(415, "POST", "/imports/ACTIVE/pause", "{}", "text/plain"),
    "XML to cancel": Wrong(415, "POST", "/imports/ACTIVE/cancel", "<a/>", "application/xml"),
    "an empty form": Wrong(
        415,
        "POST",
        "/imports/ACTIVE/cancel",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    ),
    "broken JSON to pause": Wrong(400, "POST", "/imports/ACTIVE/pause", "{"),
    "in chunks": Wrong(411, "POST", "/import", headers={"Transfer-Encoding": "chunked"}),
    "a pause in chunks": Wrong(
        411, "POST", "/imports/ACTIVE/pause", headers={"Transfer-Encoding": "chunked"}
    ),
    "no type": Wrong(415, "POST", "/import", START, ""),
    "compressed": Wrong(415, "POST", "/import", START, headers={"Content-Encoding": "gzip"}),
    "no body": Wrong(422, "POST", "/import", says={"field": "body"}),
    "a list": Wrong(422, "POST", "/import", [1], says={"field": "body"}),
    "no tenant": Wrong(422, "POST", "/import", {}, says={"field": "tenant_id"}),
    "a date of another form": Wrong(
        422, "POST", "/import", START | {"min_date": "31.12.2025"}, says={"field": "min_date"}
    ),
    "a date as a number": Wrong(
        422, "POST", "/import", START | {"min_date": 20251031}, says={"field": "min_date"}
    ),
    "a date with a time": Wrong(
        422,
        "POST",
        "/import",
        START | {"max_date": "2025-10-31T00:00:00"},
        says={"field": "max_date"},
    ),
    "a day that is not": Wrong(
        422, "POST", "/import", START | {"min_date": "2026-02-30"}, says={"field": "min_date"}
    ),
    "nothing to import": Wrong(
        422, "POST", "/import", START | {"only": []}, says={"field": "only"}
    ),
    "no UUID": Wrong(422, "POST", "/import", {"tenant_id": "first"}, says={"field": "tenant_id"}),
    "dates crossed": Wrong(
        422,
        "POST",
        "/import",
        START | {"min_date": "2026-02-01", "max_date": "2026-01-01"},
        says={"field": "max_date"},
    ),
    "an unknown resource": Wrong(
        422, "POST", "/import", START | {"only": ["sales"]}, says={"field": "only.0"}
    ),
    "a page limit of 0": Wrong(
        422, "POST", "/import", START, headers={"page-limit": "0"}, says={"field": "page-limit"}
    ),
    "a page of the list": Wrong(422, "GET", "/imports?limit=many", says={"field": "limit"}),
}


@pytest.fixture
def known() -> dict[str, str]:
    tenant = Tenant.objects.create(name="Example Studio")
    account = AcuityAccount.objects.create(
        tenant=tenant, name="Example", user_id="1", api_key="key"
    )
    done = control.start(account, send=False)
    control.cancel(done)
    active = control.start(account, send=False)
    proven = ImportRun.objects.create(account=account, status="completed", verified=True)
    runs = {"DONE": done, "ACTIVE": active, "PROVEN": proven}
    return {"TENANT": str(tenant.pk)} | {name: str(run.pk) for name, run in runs.items()}


def caller(who: str, tenant_id: str) -> Browser:
    if who == "nobody":
        return Browser(enforce_csrf_checks=True, raise_request_exception=False)
    if who in ("token", "stranger"):
        token = issue(who, [Tenant.objects.get(pk=tenant_id)])
        given = token if who == "token" else token[::-1]
        return Browser(raise_request_exception=False, headers={"Authorization": f"Bearer {given}"})
    user = User.objects.create_user(who, is_staff=who != "customer")
    may = ["view_importrun"] + (["run_import"] if who in ("owner", "staff") else [])
    user.user_permissions.set(Permission.objects.filter(codename__in=may))
    Membership.objects.create(user=user, tenant_id=tenant_id, role="operator")
    browser = Browser(enforce_csrf_checks=who in ("staff", "ended"), raise_request_exception=False)
    browser.force_login(user)
    if who == "ended":
        browser.session.flush()
    return browser


def send(wrong: Wrong, known: dict[str, str]) -> Any:
    def filled(text: str) -> str:
        for word, value in known.items():
            text = text.replace(word, value)
        return text

    body = wrong.body
    if body is not None and not isinstance(body, str | bytes):
        body = json.dumps(body)
    if isinstance(body, str):
        body = filled(body).encode()
    path = filled(wrong.path if wrong.path.startswith("/api/") else BASE + wrong.path)
    return caller(wrong.who, known["TENANT"]).generic(
        wrong.method, path, body or b"", content_type=wrong.type, headers=wrong.headers
    )


@pytest.mark.parametrize("debug", [False, True], ids=["production", "debug"])
@pytest.mark.parametrize("name", TABLE)
def test_a_wrong_request_is_refused_as_a_problem(
    settings: Any, known: dict[str, str], name: str, debug: bool
) -> None:
    settings.DEBUG = debug
    wrong = TABLE[name]

    answer = send(wrong, known)

    assert (answer.status_code, answer["Content-Type"]) == (
        wrong.status,
        "application/problem+json",
    )
    assert {name: answer.get(name) for name in wrong.sends} == wrong.sends
    assert ("WWW-Authenticate" in answer) == (wrong.status == 401)
    assert ("Allow" in answer) == (wrong.status == 405)
    if wrong.method != "HEAD":
        said = answer.json()
        assert {"type", "title", "status", "detail"} <= set(said)
        assert said["status"] == wrong.status
        assert said["detail"].endswith(".") and "Traceback" not in said["detail"]
        for member, value in wrong.says.items():
            assert said[member] == known.get(value, value)
        # Ours: pydantic's own sentences begin like this.
        assert "Input should" not in said["detail"] and "should have" not in said["detail"]
        assert said.get("field", "") in said["detail"] or said["field"] == "body"
    states = dict(ImportRun.objects.values_list("pk", "status"))
    assert sorted(states.values()) == ["cancelled", "completed", "queued"]


@pytest.mark.slow
def test_debug_and_production_say_the_same(settings: Any, known: dict[str, str]) -> None:
    for name, wrong in TABLE.items():
        answers = []
        for settings.DEBUG in (False, True):
            User.objects.all().delete()
            answers.append(send(wrong, known).content)
        assert answers[0] == answers[1], name


@pytest.mark.parametrize("debug", [False, True], ids=["production", "debug"])
def test_what_goes_wrong_inside_is_a_problem_too(
    settings: Any, known: dict[str, str], monkeypatch: pytest.MonkeyPatch, debug: bool
) -> None:
    settings.DEBUG = debug

    def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(control, "pause", fails)

    answer = send(Wrong(500, "POST", "/imports/ACTIVE/pause"), known)

    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
    assert "secret" not in answer.content.decode()


def test_other_pages_stay_pages() -> None:
    assert Browser().get("/nothing")["Content-Type"].startswith("text/html")
    assert Browser().get("/apian")["Content-Type"].startswith("text/html")


def test_the_schema_names_every_refusal() -> None:
    paths = Browser().get("/api/openapi.json").json()["paths"]
    start = paths[f"{BASE}/import"]["post"]["responses"]

    named = {wrong.status for wrong in TABLE.values()}
    assert {int(status) for status in start} == {202} | named
    for operations in paths.values():
        for operation in operations.values():
            refusals = {s: a for s, a in operation["responses"].items() if int(s) >= 400}
            assert {"400", "401", "403", "404", "405", "422"} <= set(refusals)
            for answer in refusals.values():
                assert list(answer["content"]) == ["application/problem+json"]
            assert "WWW-Authenticate" in refusals["401"]["headers"]
            assert "Allow" in refusals["405"]["headers"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    path = (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path,
            # No name of another host resolves.
            args=["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost"],
        )
        yield chromium
        chromium.close()


@pytest.mark.slow
def test_the_page_about_the_api_needs_no_other_host(chromium: Any, live_server: Any) -> None:
    html = Browser().get("/api/docs").content.decode()
    assert "//" not in html.replace(" //", "")
    page = chromium.new_page(base_url=live_server.url)
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda request: wrong.append(f"{request.url} failed"))
    page.on("response", lambda a: wrong.append(f"{a.url} {a.status}") if a.status >= 400 else None)
    page.on("console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))

    page.goto("/api/docs")
    expect(page.locator(".opblock")).to_have_count(7)
    page.locator(".opblock-post .opblock-summary-control").first.click()
    opened = page.locator(".opblock.is-open")
    expect(opened).to_contain_text("application/problem+json")
    expect(opened).to_contain_text("Send the body as Content-Type: application/json.")
    page.wait_for_load_state("networkidle")

    assert wrong == []
    hosts = {urlsplit(url).netloc for url in asked if not url.startswith("data:")}
    assert hosts == {urlsplit(live_server.url).netloc}
    page.close()
