"""When the source is in trouble: short trouble is waited out, lasting trouble is said, nothing is lost."""

import socket
import ssl
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import trustme
from django.utils import timezone

from integrations.acuity import errors
from integrations.acuity.runs import control, retry, troubles, window
from integrations.acuity.runs.outcome import Outcome
from integrations.acuity.sandbox import Sandbox
from integrations.acuity.source import client
from integrations.acuity.source.budget import LocalBudget
from integrations.acuity.source.throttle import Throttle
from integrations.models import ImportRun, ImportStep
from tests import conftest
from tests.conftest import ids, prove_again, run_to_end, small, source, source_ids

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.money]


def begin(box: Sandbox, page_limit: int | None = 50, at: str = "appointments") -> ImportRun:
    """A run that has come to the step `at`."""
    run = conftest.begin(box, page_limit=page_limit)
    while (step := control.current_step(run.pk)) and step.resource != at:
        turn(run)
    return run


def turn(run: ImportRun) -> Outcome:
    step = control.current_step(run.pk)
    assert step is not None
    return window.run_window(str(run.pk), step.resource, step.version)


def finish(run: ImportRun) -> None:
    ImportStep.objects.filter(run=run).update(not_before=None)
    run_to_end(run)


FAULTS = ["500", "502", "429", "cut", "reset"]


@pytest.mark.long
@pytest.mark.parametrize(
    "kind", ["cut", *(pytest.param(k, marks=pytest.mark.slow) for k in FAULTS if k != "cut")]
)
def test_a_transient_fault_is_waited_out_and_said(kind: str) -> None:
    data = small()
    with source(data) as box:
        run = begin(box)
        box.options.faults, box.options.fault_kinds = 1.0, (kind,)

        outcome = turn(run)

        step = control.current_step(run.pk)
        assert step is not None and step.resource == "appointments"
        assert outcome.kind == "stop" and step.waiting_for
        assert step.not_before is not None and step.not_before > timezone.now()
        assert turn(run).text == "nothing to do: another message was first"
        box.options.faults = 0.0
        finish(run)

    assert run.status == "completed"
    assert ids() == source_ids(data)


@pytest.mark.long
def test_a_page_that_ends_in_a_5xx_is_smaller_next_time_if_nobody_chose_its_size() -> None:
    data = small()
    with source(data) as box:
        run = begin(box, page_limit=None)
        box.options.faults, box.options.fault_kinds = 1.0, ("500",)

        outcome = turn(run)

        run.refresh_from_db()
        assert (run.page_limit, outcome.kind) == (50, "stop")
        box.options.faults = 0.0
        finish(run)

    assert run.status == "completed"
    assert ids() == source_ids(data)


@pytest.mark.long
def test_a_lasting_fault_fails_the_run_in_words_and_it_can_be_resumed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = small()
    with source(data) as box:
        run = begin(box)
        box.options.faults, box.options.fault_kinds = 1.0, ("503",)
        turn(run)
        monkeypatch.setattr(troubles, "RETRY_FOR", timedelta(0))
        ImportStep.objects.filter(run=run).update(not_before=None)
        turn(run)

        run.refresh_from_db()
        assert (run.status, run.error_class) == ("failed", "ServerTrouble")
        assert "Acuity is in trouble" in run.reason
        box.options.faults = 0.0
        assert control.resume(run)
        finish(run)

    assert run.status == "completed"
    assert ids() == source_ids(data)


@pytest.mark.parametrize(
    ("option", "value", "error", "asked"),
    # A refusal of the key is asked for once more: one odd answer is not a verdict.
    [("api_key", "another", "CredentialsRefused", 2), ("plan_ok", False, "PlanWithoutApi", 1)],
)
def test_access_lost_in_the_middle_fails_the_run_at_once(
    option: str, value: Any, error: str, asked: int
) -> None:
    with source(small()) as box:
        run = begin(box)
        setattr(box.options, option, value)
        before = len(box.requests)

        turn(run)

        run.refresh_from_db()
        assert (run.status, run.error_class) == ("failed", error)
        assert len(box.requests) == before + asked


def test_retry_after_is_respected_by_the_whole_run() -> None:
    with source(small(), retry_after=90) as box:
        run = begin(box)
        box.options.faults, box.options.fault_kinds = 1.0, ("429",)

        turn(run)

        step = control.current_step(run.pk)
        assert step is not None and step.not_before is not None
        assert 85 < (step.not_before - timezone.now()).total_seconds() < 95


class Hostile:
    """A server on loopback that answers every request with what `answer` writes."""

    def __init__(self, answer: Any, tls: ssl.SSLContext | None = None) -> None:
        self.seen: list[dict[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.seen.append(dict(self.headers))
                answer(self)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def __enter__(self) -> "Hostile":
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def ask(url: str, path: str = "/me") -> Any:
    throttle = Throttle(LocalBudget(), 0, 0)
    return client.AcuityClient(
        url, "1", "secret", throttle, timeout=(1, 0.5), tries=1, private=True
    ).get(path)


def test_a_redirect_is_refused_and_credentials_go_nowhere_else() -> None:
    with Hostile(lambda h: h.send_response(200)) as other:

        def redirect(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(302)
            handler.send_header("Location", other.url)
            handler.end_headers()

        with Hostile(redirect) as first, pytest.raises(errors.Redirected):
            ask(first.url)

    assert other.seen == []


def test_an_untrusted_certificate_is_named_and_nothing_is_sent() -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)

    trouble = pytest.raises(errors.CertificateTrouble, match="certificate cannot be trusted")
    with Hostile(lambda h: h.send_response(200), tls) as server, trouble:
        ask(server.url)

    assert server.seen == []


def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MAX_BODY", 1 << 20)

    def flood(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(64):
            handler.wfile.write(b" " * (1 << 16))

    with Hostile(flood) as server, pytest.raises(errors.BadAnswer, match="more than 1 MB"):
        ask(server.url)


@pytest.mark.parametrize("path", ["/me", "/clients", "/appointments", "/appointments/1"])
@pytest.mark.parametrize("garbled", [b'{"firstName": "\xff"}', b'{"firstName"}'])
def test_an_answer_that_is_garbled_within_is_refused_as_a_whole(path: str, garbled: bytes) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(garbled if path in ("/me", "/appointments/1") else b"[%s]" % garbled)

    with Hostile(answer) as server, pytest.raises(errors.NotJson):
        ask(server.url, path)


def test_a_drip_of_bytes_does_not_hold_a_request_for_ever() -> None:
    stop = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not stop.wait(0.1):
            handler.wfile.write(b" " * (1 << 16))

    with Hostile(drip) as server, pytest.raises(errors.TimedOut):
        ask(server.url)
    stop.set()


def test_silence_is_a_time_out() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        with pytest.raises(errors.TimedOut):
            ask(f"http://127.0.0.1:{deaf.getsockname()[1]}")


@pytest.mark.long
def test_so_many_rejects_pause_the_run_until_somebody_has_looked() -> None:
    data = small()
    for row in data.appointments[:40]:
        data.edit(row["id"], price="twelve")
    with source(data) as box:
        run = begin(box)
        turn(run)

        run.refresh_from_db()
        assert run.status == "paused"
        assert "could not be read" in run.reason
        assert control.resume(run)
        finish(run)

        assert run.status == "completed_with_gaps"
        assert run.rejects.count() == 40
        assert ids() == source_ids(data) - {r.external_id for r in run.rejects.all()}

        for row in data.appointments[:39]:
            data.edit(row["id"], price="12.50")
        assert retry.retry(run) == (39, 1)
        data.edit(data.appointments[39]["id"], price="12.50")
        assert retry.retry(run) == (1, 0)

        prove_again(run)
        run.refresh_from_db()

    assert (run.status, run.gaps) == ("completed", [])
    assert ids() == source_ids(data)
