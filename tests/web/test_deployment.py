"""The web process as it runs in production: a real gunicorn, a proxy that ends TLS, an Acuity that hangs."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from tests import forks
from tests.commands.test_commands import ROOT, environment

pytestmark = pytest.mark.slow
HOST = "importer.example.com"
PRODUCTION = {
    "SECRET_KEY": "a-long-and-random-secret-of-the-test-Ab3dEf6hIj9lMn2pQr5tUv8x",
    "ACUITY_ENCRYPTION_KEYS": "another-long-and-random-secret-Zy8xWv5uTs2r",
    "ALLOWED_HOSTS": HOST,
    "BEHIND_TLS_PROXY": "true",
    "SECURE_HSTS_SECONDS": "31536000",
}
PREPARE = """
import os, sys; os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
import django; django.setup()
from django.contrib.auth.models import User
from integrations.acuity.accounts import find
User.objects.create_superuser("ana", password="right-Pass-1")
print(find.ensure("1", "key", sys.argv[1]).pk)
"""


SEND = """
import time, config.wsgi
from integrations.acuity.runs import messages
began = time.monotonic()
messages.send_dry_run("x")
print(time.monotonic() - began)
"""


class FromProxy(HTTPAdapter):
    """Requests from another address than 127.0.0.1, which gunicorn trusts by itself."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, source_address=("127.0.0.2", 0), **kwargs)


class Site:
    def __init__(self, port: int, account: str) -> None:
        self.url, self.account = f"http://127.0.0.1:{port}", account

    def browser(self, caller: str = "192.0.2.1") -> requests.Session:
        """As the proxy passes a browser's requests on."""
        session = requests.Session()
        session.mount("http://", FromProxy())
        session.headers.update(
            {
                "Host": HOST,
                "X-Forwarded-Proto": "https",
                "X-Forwarded-For": caller,
                "Referer": f"https://{HOST}/",
            }
        )
        return session

    def log_in(self, session: requests.Session, password: str) -> requests.Response:
        url = f"{self.url}/admin/login/?next=/admin/"
        page = session.get(url)
        # Secure cookies; this session speaks HTTP with the process behind the proxy.
        cookies = "; ".join(f"{c.name}={c.value}" for c in session.cookies)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)', page.text)
        assert token
        form = {"csrfmiddlewaretoken": token[1], "username": "ana", "password": password}
        answer = session.post(url, form, headers={"Cookie": cookies}, allow_redirects=False)
        session.headers["Cookie"] = "; ".join(f"{c.name}={c.value}" for c in session.cookies)
        return answer


@pytest.fixture
def hanging() -> Iterator[str]:
    """An address that takes every request and answers none."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/api/v1"


@pytest.fixture
def site(tmp_path: Path, hanging: str) -> Iterator[Site]:
    env = environment(tmp_path, **PRODUCTION)
    python = [sys.executable]
    forks.run(("migrate", "-v0"), env).check_returncode()
    account = subprocess.run(
        [*python, "-c", PREPARE, hanging], cwd=ROOT, env=env, check=True, capture_output=True
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (tmp_path / "gunicorn.log").open("w")
    process = subprocess.Popen(
        [*python, "-m", "gunicorn", "config.wsgi"],
        cwd=ROOT,
        env=env | {"PORT": str(port)},
        stderr=log,
    )
    place = Site(port, account.stdout.decode().strip())
    try:
        for _ in range(200):
            try:
                requests.get(f"{place.url}/healthz", timeout=30)
                break
            except requests.ConnectionError:
                time.sleep(0.1)
        yield place
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            raise


def test_behind_a_tls_proxy_people_log_in_over_https_only(site: Site) -> None:
    ana = site.browser()

    answer = site.log_in(ana, "right-Pass-1")

    assert answer.status_code == 302, answer.text
    page = ana.get(f"{site.url}/admin/")
    assert page.status_code == 200
    assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
    policy = page.headers["Content-Security-Policy"]
    assert "'unsafe-inline'" not in policy.split("script-src", 1)[1].split(";")[0]
    assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", page.text)
    assert all("Secure" in cookie for cookie in answer.raw.headers.getlist("Set-Cookie"))
    plain = site.browser()
    plain.headers["X-Forwarded-Proto"] = "http"
    moved = plain.get(f"{site.url}/admin/", allow_redirects=False)
    assert (moved.status_code, moved.headers["Location"]) == (301, f"https://{HOST}/admin/")


def test_static_files_and_health_need_no_step_and_no_name(site: Site) -> None:
    style = site.browser().get(f"{site.url}/static/integrations/console.css")
    health = requests.get(f"{site.url}/healthz", allow_redirects=False)

    assert style.status_code == 200 and ".console" in style.text
    assert (health.status_code, health.json()["database"]) == (200, "ok")
    assert requests.get(f"{site.url}/", allow_redirects=False).status_code == 400


def test_the_sixth_wrong_password_finds_the_door_locked(site: Site) -> None:
    tries = [site.log_in(site.browser(), f"wrong-{n}") for n in range(6)]

    assert [answer.status_code for answer in tries[:4]] == [200] * 4
    assert tries[-1].status_code == 429 and "Too many wrong passwords" in tries[-1].text
    assert site.log_in(site.browser(), "right-Pass-1").status_code == 429
    assert site.log_in(site.browser("192.0.2.2"), "right-Pass-1").status_code == 302


def test_a_redis_that_hangs_keeps_no_page_for_long(tmp_path: Path) -> None:
    """It takes connections and says nothing; the worker's patience of 30 s is not a page's."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        redis = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        done = subprocess.run(
            [sys.executable, "-c", SEND],
            cwd=ROOT,
            env=environment(tmp_path, **PRODUCTION, REDIS_URL=redis),
            capture_output=True,
            text=True,
            timeout=120,
        )

    assert "acuity_send_failed" in done.stderr
    assert float(done.stdout) < 20


def test_while_acuity_hangs_pages_and_health_answer(site: Site) -> None:
    """Twelve people at a time open the start page, and nobody else notices."""
    ana = site.browser()
    site.log_in(ana, "right-Pass-1")
    until = time.monotonic() + float(os.environ.get("HANG_SECONDS", "8"))
    slowest: dict[str, float] = {}
    statuses: set[int] = set()
    lock = threading.Lock()

    def visit(name: str, path: str) -> None:
        session = site.browser()
        session.headers["Cookie"] = ana.headers["Cookie"]
        while time.monotonic() < until:
            began = time.monotonic()
            answer = session.get(site.url + path, timeout=60)
            with lock:
                statuses.add(answer.status_code)
                slowest[name] = max(slowest.get(name, 0), time.monotonic() - began)
            time.sleep(1)

    start = f"/admin/integrations/acuityaccount/import/?accounts={site.account}"
    jobs = [
        *[("start page", start)] * 12,
        ("list", "/admin/integrations/importrun/"),
        ("health", "/healthz"),
    ]
    with ThreadPoolExecutor(len(jobs)) as pool:
        list(pool.map(lambda job: visit(*job), jobs))

    print(json.dumps(slowest))
    assert statuses == {200}
    # Seconds that a busy machine needs, too; one request that waits for Acuity would take 60.
    assert max(slowest.values()) < 10, slowest
