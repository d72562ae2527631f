"""How does the sandbox answer over HTTP, and which of the API's unknowns are switched on?"""

import base64
import contextlib
import random
import socket
import struct
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from . import catalog, lists
from .booking import encode, record
from .data import Account
from .hooks import Hooks
from .oauth import OAuth
from .query import Query, flag, number, select

PREFIX = "/api/v1"
FAULTS = ("500", "503", "502", "429", "reset", "cut")
JSON, HTML = "application/json", "text/html"
REASONS = {
    400: ("Bad Request", "bad_request"),
    401: ("Unauthorized", "unauthorized"),
    403: ("Forbidden", "forbidden"),
    404: ("Not Found. Did you mean `/appointments/{id:number}`?", "not_found"),
    405: ("Method Not Allowed", "method_not_allowed"),
    429: ("Rate limit reached. Limit 10req/s and 20 concurrent connections.", "too_many_requests"),
    500: ("Internal Server Error", "internal_server_error"),
    503: ("Service Unavailable", "service_unavailable"),
}
GATEWAY = {502: "502 Bad Gateway", 504: "504 Gateway Time-out"}
PLAN = "API access is only available on Powerhouse plans"


@dataclass
class SandboxOptions:
    """Every switch may be changed while the sandbox runs."""

    paging: str = "documented"  # or "offset": /appointments and /clients honour offset
    cap: int | None = None  # rows of /appointments silently withheld above this
    day_zone: str = "business"  # or "UTC", "calendar": where minDate and maxDate begin and end
    rps: float = 0  # requests a second by IP, 429 above; 0 = no limit
    max_connections: int = 0  # open connections by IP, 429 above; 0 = no limit
    latency: float = 0  # seconds before each answer
    latency_per_record: float = 0  # seconds more for each row
    faults: float = 0  # probability of one of `fault_kinds` instead of the answer
    fault_kinds: tuple[str, ...] = FAULTS
    fault_seed: int = 7
    retry_after: float | None = (
        None  # seconds announced with 429 and 503; the API announces nothing
    )
    user_id: str = "10000001"
    api_key: str = "sandbox-key"
    plan_ok: bool = True  # False: every authenticated call is a 403
    shuffle_ties: bool = False  # rows of one instant in another order on each call
    timeout_above: int | None = None  # a `max` above this times out at the gateway
    exclude_forms_shape: str = "absent"  # or "empty": what excludeForms=true leaves
    list_caps: dict[str, int] = field(default_factory=dict)  # rows of `/name` withheld above this
    list_deaf: dict[str, set[str]] = field(default_factory=dict)  # parameters `/name` ignores
    list_refused: dict[str, int] = field(default_factory=dict)  # statuses of `/name`, 403 or 404


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    content: str = JSON
    rows: int = 0
    broken: str = ""  # "reset" or "cut"


def problem(status: int, message: str = "") -> Answer:
    text, error = REASONS[status]
    return Answer(
        status, encode({"status_code": status, "message": message or text, "error": error})
    )


def gateway(status: int) -> Answer:
    title = GATEWAY[status]
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Answer(status, page.encode(), HTML)


def rows(values: list[Any]) -> Answer:
    return Answer(200, encode(values), rows=len(values))


def kind_of(path: str) -> str:
    """The endpoint a request counts for, see `Sandbox.counts`."""
    parts = path.strip("/").split("/")
    if parts[0] != "appointments" or len(parts) == 1:
        return parts[0]
    return "payments" if parts[2:] == ["payments"] else "appointment"


class Sandbox:
    """A running stand-in for the API; use as a context manager or with start and stop."""

    def __init__(
        self, account: Account, options: SandboxOptions | None = None, port: int = 0
    ) -> None:
        self.account = account
        self.options = options or SandboxOptions()
        self.oauth = OAuth()
        self.hooks = Hooks()
        self.hook: Callable[[str, Query], None] | None = None
        # By path: sees what would be answered, and may say otherwise.
        self.rewrites: dict[str, Callable[[Query, Answer], Answer | None]] = {}
        self.requests: deque[tuple[float, str, Query, int]] = deque(maxlen=2_000_000)
        self.lock = threading.Lock()
        self.connections: Counter[str] = Counter()
        self.peak_connections = 0
        self._open: set[socket.socket] = set()
        self._counts: Counter[str] = Counter()
        self._recent: defaultdict[str, deque[float]] = defaultdict(deque)
        self._rng = random.Random(self.options.fault_seed)
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.sandbox = self
        self._thread: threading.Thread | None = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}{PREFIX}"

    def start(self) -> "Sandbox":
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        if self._thread:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.server_close()
        with self.lock:
            still_open = list(self._open)
        for connection in still_open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> "Sandbox":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def counts(self) -> dict[str, int]:
        """Requests so far by endpoint, refused ones included."""
        with self.lock:
            return dict(self._counts)

    def forget(self) -> None:
        """Starts the record of requests afresh."""
        with self.lock:
            self.requests.clear()
            self._counts.clear()

    # One request

    def answer(
        self, method: str, path: str, query: Query, authorization: str, ip: str, body: bytes = b""
    ) -> Answer:
        try:
            found = self._answer(method, path, query, authorization, ip, body)
        except Exception as error:  # a broken hook must show in the test, not hang the client
            found = problem(500, f"sandbox: {error!r}")
        with self.lock:
            self.requests.append((time.monotonic(), path, query, found.status))
            self._counts[kind_of(path)] += 1
        return found

    def _answer(
        self, method: str, path: str, query: Query, authorization: str, ip: str, body: bytes
    ) -> Answer:
        if self._too_many(ip):
            return problem(429)
        fault = self._fault()
        if fault and fault.broken == "":
            return fault
        if self.hook:
            self.hook(path, query)
        found = self._checked(method, path, query, authorization, body)
        time.sleep(self.options.latency + self.options.latency_per_record * found.rows)
        return (
            Answer(found.status, found.body, found.content, found.rows, fault.broken)
            if fault
            else found
        )

    def _too_many(self, ip: str) -> bool:
        options, now = self.options, time.monotonic()
        with self.lock:
            if options.max_connections and self.connections[ip] > options.max_connections:
                return True
            if not options.rps:
                return False
            recent = self._recent[ip]
            span = max(1.0, 1 / options.rps)
            while recent and recent[0] <= now - span:
                recent.popleft()
            if len(recent) >= max(1, int(options.rps * span)):
                return True
            recent.append(now)
            return False

    def _fault(self) -> Answer | None:
        with self.lock:
            if self._rng.random() >= self.options.faults:
                return None
            kind = self._rng.choice(self.options.fault_kinds)
        if kind in ("reset", "cut"):
            return Answer(200, b"", broken=kind)
        return gateway(int(kind)) if int(kind) in GATEWAY else problem(int(kind))

    def _checked(
        self, method: str, path: str, query: Query, authorization: str, body: bytes
    ) -> Answer:
        if path != "/meta":
            if not self._known(authorization):
                return problem(401)
            if not self.options.plan_ok:
                return problem(403, PLAN)
        if path.startswith("/webhooks"):
            return self._hooks(method, path, body)
        found = self._route(path, query)
        if path in self.rewrites:
            found = self.rewrites[path](query, found) or found
        return problem(405) if method != "GET" and found.status != 404 else found

    def _known(self, authorization: str) -> bool:
        scheme, _, secret = authorization.partition(" ")
        if scheme.lower() == "bearer":
            return secret.strip() in {self.options.api_key, *self.oauth.tokens}
        pair = f"{self.options.user_id}:{self.options.api_key}".encode()
        return scheme.lower() == "basic" and secret.strip() == base64.b64encode(pair).decode()

    def _route(self, path: str, query: Query) -> Answer:
        account = self.account
        match path.strip("/").split("/"):
            case ["me"]:
                return Answer(200, encode(account.me))
            case ["meta"]:
                return Answer(200, encode(catalog.META))
            case ["clients"]:
                return self._clients(query)
            case ["appointments"]:
                return self._appointments(query)
            case ["appointments", text] if text.isdigit():
                return self._appointment(int(text))
            case ["appointments", text, "payments"] if text.isdigit():
                return self._payments(int(text))
            case ["orders", text] if text.isdigit():
                return self._order(int(text))
            case [name] if name in account.lists:
                return self._list(name, query)
        return problem(404)

    def _hooks(self, method: str, path: str, body: bytes) -> Answer:
        number = path.removeprefix("/webhooks").strip("/")
        status, content = self.hooks.answer(method, number, body)
        if status >= 300:
            return problem(status)
        return Answer(status, b"" if content is None else encode(content))

    def _list(self, name: str, query: Query) -> Answer:
        options = self.options
        if status := options.list_refused.get(name):
            return problem(status)
        heard = {k: v for k, v in query.items() if k not in options.list_deaf.get(name, ())}
        with self.account.lock:
            found = lists.select(name, self.account.lists[name], heard, self.account.timezone)
        return rows(found[: options.list_caps.get(name)])

    def _order(self, wanted: int) -> Answer:
        with self.account.lock:
            found = [row for row in self.account.lists["orders"] if row["id"] == wanted]
        return Answer(200, encode(found[0]), rows=1) if found else problem(404)

    def _clients(self, query: Query) -> Answer:
        with self.account.lock:
            found = list(self.account.clients)
        wanted = query.get("search", "").casefold()
        if wanted:
            found = [
                c
                for c in found
                if any(wanted in c[k].casefold() for k in ("firstName", "lastName", "phone"))
            ]
        if self.options.paging == "offset":
            skip = number(query, "offset", 0)
            found = found[skip : skip + number(query, "max", number(query, "limit", 100))]
        return rows(found)

    def _appointments(self, query: Query) -> Answer:
        options, limit = self.options, number(query, "max", 100)
        if options.timeout_above is not None and limit > options.timeout_above:
            time.sleep(0.2)
            return gateway(504)
        found = select(
            self.account,
            query,
            limit=limit if options.cap is None else min(limit, options.cap),
            skip=number(query, "offset", 0) if options.paging == "offset" else 0,
            day_zone=options.day_zone,
            rng=random.Random() if options.shuffle_ties else None,
        )
        forms = options.exclude_forms_shape if flag(query, "excludeForms") else "full"
        body = b",".join([self.account.blob(booking, forms) for booking in found])
        return Answer(200, b"[" + body + b"]", rows=len(found))

    def _appointment(self, wanted: int) -> Answer:
        with self.account.lock:
            booking = self.account.bookings.get(wanted)
            if booking is None:
                return problem(404)
            single = {**record(booking), "isVerified": False, "scheduledBy": "owner@example.com"}
        return Answer(200, encode(single), rows=1)

    def _payments(self, wanted: int) -> Answer:
        with self.account.lock:
            if wanted not in self.account.bookings:
                return problem(404)
            return rows(self.account.payments.get(wanted, []))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    sandbox: Sandbox

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the test, not news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        sandbox, ip = self.server.sandbox, self.client_address[0]
        with sandbox.lock:
            sandbox.connections[ip] += 1
            sandbox.peak_connections = max(sandbox.peak_connections, sandbox.connections[ip])
            sandbox._open.add(self.connection)

    def finish(self) -> None:
        sandbox = self.server.sandbox
        with sandbox.lock:
            sandbox.connections[self.client_address[0]] -= 1
            sandbox._open.discard(self.connection)
        super().finish()

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        if url.path.startswith("/oauth2/"):
            status, more, text = self.server.sandbox.oauth.answer(
                self.command, url.path, query, body
            )
            self._send(Answer(status, text), more)
            return
        path = (
            url.path.removeprefix(PREFIX).removesuffix(".json")
            if url.path.startswith(PREFIX + "/")
            else "/unknown"
        )
        authorization = self.headers.get("Authorization", "")
        self._send(
            self.server.sandbox.answer(
                self.command, path, query, authorization, self.client_address[0], body
            )
        )

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _handle

    def _send(self, answer: Answer, more: Mapping[str, str] = MappingProxyType({})) -> None:
        if answer.broken == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
            return
        head = [
            f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}",
            f"Content-Type: {answer.content}",
            f"Content-Length: {len(answer.body)}",
            *(f"{name}: {value}" for name, value in more.items()),
        ]
        wait = self.server.sandbox.options.retry_after
        if wait is not None and answer.status in (429, 503):
            head.append(f"Retry-After: {wait:g}")
        body = answer.body[: len(answer.body) // 2] if answer.broken == "cut" else answer.body
        # One write, so that an answer is one packet where it can be.
        self.wfile.write("\r\n".join([*head, "", ""]).encode() + body)
        if answer.broken == "cut":
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Quiet."""


def serve(options: SandboxOptions, account: Account, port: int) -> None:
    """Runs in the foreground until Ctrl-C."""
    with Sandbox(account, options, port) as sandbox:
        print(f"Acuity sandbox: {sandbox.base_url}")
        print(f"User ID: {options.user_id}   API key: {options.api_key}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("Stopped.")
