"""Acuity over HTTP, on a free port: serves a World as the API's facts say, or as its lies make it.

A listing is answered in the steps hears → believes → knows → sorts → cuts → words. Each lie bends one of them.
"""

import base64
import json
import random
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.worlds.world import Booking, Row, World, digits

Params = dict[str, str]
# Beyond these an import is called endless, and refused, so that it ends. Seconds are those that the
# processor worked: a busy machine makes no import endless.
MOST_REQUESTS, MOST_SECONDS = 3000, 120


@dataclass
class Reply:
    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    # Bytes that are sent as they are, instead of `body` as JSON.
    raw: bytes | None = None

    def encoded(self) -> bytes:
        if self.raw is not None:
            return self.raw
        return json.dumps(self.body).encode()


@dataclass
class Request:
    path: str
    params: Params
    at: float = 0.0
    status: int = 0
    # Which import of this source it belongs to, and its number there, from 1.
    run: int = 0
    number: int = 0

    @property
    def resource(self) -> str:
        """`/appointments/7/payments` is `payments`, `/appointments/7` is `appointment`."""
        parts = self.path.strip("/").split("/")
        if parts[0] == "appointments" and len(parts) > 1:
            return "payments" if parts[2:] == ["payments"] else "appointment"
        return parts[0]

    @property
    def booking_id(self) -> int:
        found = re.match(r"/appointments/(\d+)", self.path)
        return int(found[1]) if found else 0


class Lie:
    """Tells the truth: each lie overrides the step it bends.

    `right` says what an import of this source must come to: "complete", "gap" (it may not be
    verified) or "either".
    """

    right = "complete"
    text = ""

    @property
    def name(self) -> str:
        return re.sub(r"(?<!^)(?=[A-Z])", " ", type(self).__name__).lower()

    def begins(self, world: World, rng: random.Random) -> None:
        """Once, before the first request."""

    def hears(self, params: Params) -> Params:
        """The question to `/appointments` as the source takes it."""
        return params

    def believes(self, booking: Booking, params: Params) -> Booking:
        """A booking as this answer has it; by its ID it answers as it is."""
        return booking

    def days(self, world: World, booking: Booking) -> date:
        """The day on which a booking is listed."""
        return world.day(booking)

    def knows(self, bookings: list[Booking], params: Params) -> list[Booking]:
        """The bookings that listings show at all."""
        return bookings

    def sorts(self, bookings: list[Booking], params: Params) -> list[Booking]:
        return bookings

    def cuts(self, resource: str, rows: list[Any], params: Params) -> list[Any]:
        return rows

    def words(self, what: str, row: Row, world: World) -> Row:
        """One record: `what` is me, client, booking, payment, calendar or type."""
        return row

    def replies(self, request: Request, reply: Reply, world: World) -> Reply:
        """The whole answer, with its status."""
        return reply


def error(status: int, code: str, message: str) -> Reply:
    return Reply(status, {"status_code": status, "message": message, "error": code})


def forbidden() -> Reply:
    return error(403, "forbidden", "Forbidden")


def not_found() -> Reply:
    return error(404, "not_found", "Not Found. Did you mean `/appointments/{id:number}`?")


def as_day(text: str) -> date | None:
    """Whole days only: the time of day is left out, whether Acuity does so nobody knows."""
    for shape, length in (("%Y-%m-%d", 10), ("%m/%d/%Y", 10)):
        try:
            return datetime.strptime(text[:length], shape).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    return None


def as_max(params: Params) -> int:
    try:
        return int(params.get("max", ""))
    except ValueError:
        return 100


def true(params: Params, name: str) -> bool:
    return params.get(name, "").lower() in ("true", "1", "yes")


class Source:
    """`with Source(world, [CapAt(25)]) as source:` answers at `source.base_url`."""

    def __init__(self, world: World, lies: Iterable[Lie] = ()) -> None:
        self.world = world
        self.lies: list[Lie] = []
        self.user_id, self.api_key = str(world.account_id), "invented-key"
        self.requests: list[Request] = []
        self.run = 0
        self.in_run = 0
        self.endless = False
        self.began = time.process_time()
        self.most_requests = MOST_REQUESTS
        # Called with the number of each request of a run, before it is answered.
        self.on_request: Callable[[int], None] = lambda number: None
        self.lock = threading.Lock()
        self.rng = random.Random(world.seed)
        self.server: ThreadingHTTPServer | None = None
        self.tell(lies)

    def tell(self, lies: Iterable[Lie]) -> None:
        """From now on, these lies and no others."""
        self.lies = list(lies)
        for lie in self.lies:
            lie.begins(self.world, self.rng)

    def next_run(self) -> None:
        self.run, self.in_run, self.endless = self.run + 1, 0, False
        self.began = time.process_time()

    def asked(self, resource: str = "", run: int | None = None) -> list[Request]:
        """What was asked, of one resource or of one import."""
        return [
            each
            for each in self.requests
            if (not resource or each.resource == resource) and (run is None or each.run == run)
        ]

    # Serving

    def __enter__(self) -> "Source":
        source = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                status, headers, body = source.serve(self.path, self.headers)
                lines = [f"HTTP/1.1 {status} {'OK' if status < 300 else 'Error'}"]
                lines += [f"{name}: {value}" for name, value in headers.items()]
                if status != 204:
                    lines.append(f"Content-Length: {len(body)}")
                head = "\r\n".join(lines).encode() + b"\r\n\r\n"
                self.wfile.write(head + (b"" if status == 204 else body))

            def do_POST(self) -> None:
                self.close_connection = True
                self.wfile.write(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n")

            do_PUT = do_DELETE = do_POST

            def log_message(self, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *args: Any) -> None:
                """A client that hangs up is no news."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.base_url = f"http://127.0.0.1:{self.server.server_port}/api/v1"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *args: Any) -> None:
        assert self.server
        self.server.shutdown()
        self.server.server_close()

    def serve(self, target: str, headers: Any) -> tuple[int, dict[str, str], bytes]:
        with self.lock:
            parts = urlsplit(target)
            path = parts.path.removeprefix("/api/v1").removesuffix(".json")
            request = Request(
                path, dict(parse_qsl(parts.query, keep_blank_values=True)), time.time()
            )
            self.in_run += 1
            request.run, request.number = self.run, self.in_run
            self.on_request(self.in_run)
            reply = self.answer(request, headers)
            for lie in self.lies:
                reply = lie.replies(request, reply, self.world)
            if self.in_run > self.most_requests or time.process_time() > self.began + MOST_SECONDS:
                self.endless = True
                reply = error(401, "unauthorized", "Unauthorized")
            request.status = reply.status
            self.requests.append(request)
        sent = {"Content-Type": "application/json"} | reply.headers
        return reply.status, sent, reply.encoded()

    def answer(self, request: Request, headers: Any) -> Reply:
        path, world = request.path, self.world
        if path == "/meta":
            return Reply(body={"hooks": ["192.0.2.10/32", "198.51.100.20/32"]})
        secret = base64.b64encode(f"{self.user_id}:{self.api_key}".encode()).decode()
        if headers.get("Authorization") != f"Basic {secret}":
            return error(401, "unauthorized", "Unauthorized")
        if path == "/me":
            return Reply(body=self.worded("me", world.me()))
        if path == "/calendars":
            there = [each for each in world.calendars if not each.deleted]
            return Reply(body=[self.worded("calendar", world.calendar_row(one)) for one in there])
        if path == "/appointment-types":
            deleted_too = true(request.params, "includeDeleted")
            there = [each for each in world.types if deleted_too or not each.deleted]
            return Reply(body=[self.worded("type", world.type_row(one)) for one in there])
        if path == "/clients":
            return Reply(body=self.clients(request.params))
        if path == "/appointments":
            return Reply(body=self.appointments(request.params))
        if found := re.fullmatch(r"/appointments/(\d+)(/payments)?", path):
            booking = world.bookings.get(int(found[1]))
            if not booking:
                return not_found()
            if found[2]:
                rows = [world.payment_row(pay) for pay in booking.payments]
                return Reply(body=[self.worded("payment", row) for row in rows])
            return Reply(body=self.worded("booking", world.booking_row(booking, single=True)))
        name, _, number = path.strip("/").partition("/")
        if name in OTHER_LISTS and not number:
            return Reply(body=selected(world.other_rows(name), request.params))
        if name in BY_ID:
            for row in world.other_rows(name):
                if str(row["id"]) == number:
                    return Reply(body=row)
        return not_found()

    def worded(self, what: str, row: Row) -> Row:
        for lie in self.lies:
            row = lie.words(what, row, self.world)
        return row

    def clients(self, params: Params) -> list[Row]:
        rows = [self.world.entry_row(entry) for entry in self.world.entries]
        if term := params.get("search", "").strip():
            rows = [row for row in rows if found_by(term, row)]
        for lie in self.lies:
            rows = lie.cuts("clients", rows, params)
        return [self.worded("client", row) for row in rows]

    def appointments(self, params: Params) -> list[Row]:
        world = self.world
        for lie in self.lies:
            params = lie.hears(params)
        believed = list(world.bookings.values())
        for lie in self.lies:
            believed = [lie.believes(one, params) for one in believed]
        found = [one for one in believed if self.matches(one, params)]
        for lie in self.lies:
            found = lie.knows(found, params)
        # Ties came out by ascending ID in both directions.
        found.sort(key=lambda one: one.id)
        found.sort(key=lambda one: one.starts, reverse=params.get("direction", "").upper() != "ASC")
        for lie in self.lies:
            found = lie.sorts(found, params)
        cut = found[: max(0, as_max(params))]
        for lie in self.lies:
            cut = lie.cuts("appointments", cut, params)
        rows = []
        for one in cut:
            row = world.booking_row(one)
            if true(params, "excludeForms"):
                row = without_forms(row, empty=world.empty_forms)
            rows.append(self.worded("booking", row))
        return rows

    def matches(self, booking: Booking, params: Params) -> bool:
        if not true(params, "showall") and booking.canceled != true(params, "canceled"):
            return False
        day = self.world.day(booking)
        for lie in self.lies:
            day = lie.days(self.world, booking) if type(lie).days is not Lie.days else day
        first, last = as_day(params.get("minDate", "")), as_day(params.get("maxDate", ""))
        if (first and day < first) or (last and day > last):
            return False
        for name, own in (
            ("calendarID", booking.calendar_id),
            ("appointmentTypeID", booking.type_id),
        ):
            if params.get(name, "") not in ("", str(own)):
                return False
        for name, text in (
            ("firstName", booking.first),
            ("lastName", booking.last),
            ("email", booking.email),
        ):
            if not self.filtered(params.get(name, ""), text):
                return False
        if (asked := digits(params.get("phone", ""))) and not self.filtered(
            asked, digits(booking.phone)
        ):
            return False
        answers = {
            f"field:{value['fieldID']}": value["value"]
            for form in booking.forms
            for value in form["values"]
        }
        return all(
            answers.get(name) == value
            for name, value in params.items()
            if name.startswith("field:")
        )

    def filtered(self, asked: str, text: str) -> bool:
        """Whether a client filter is exact or partial is unknown: each world has its own way."""
        asked, text = asked.strip().casefold(), text.strip().casefold()
        if not asked:
            return True
        return asked in text if self.world.partial_filters else asked == text


OTHER_LISTS = {
    "appointment-addons",
    "forms",
    "labels",
    "products",
    "certificates",
    "orders",
    "blocks",
}
# Those of the other lists whose rows answer by their ID, too.
BY_ID = {"orders", "blocks"}


def found_by(term: str, row: Row) -> bool:
    """`search` looks at first name, last name and phone."""
    term = term.casefold()
    whole = f"{row['firstName']} {row['lastName']}".casefold()
    number = digits(term)
    return term in whole or (len(number) > 1 and number in digits(row["phone"]))


def without_forms(row: Row, *, empty: bool) -> Row:
    """Whether `excludeForms` leaves the keys out or empties them is unknown."""
    if empty:
        return row | {"forms": [], "formsText": ""}
    return {name: value for name, value in row.items() if name not in ("forms", "formsText")}


def selected(rows: list[Row], params: Params) -> list[Row]:
    """Of another list, what its documented parameters ask for: whose rows, of which days, how many."""
    for name in ("calendarID", "productID"):
        if wanted := params.get(name):
            rows = [row for row in rows if str(row.get(name)) == wanted]
    if dated := [row for row in rows if "start" in row]:
        low, high = params.get("minDate", ""), params.get("maxDate", "9999")
        rows = [row for row in dated if low <= row["start"][:10] <= high]
        rows.sort(key=lambda row: row["start"], reverse=params.get("direction") != "ASC")
    return rows[: int(params["max"])] if "max" in params else rows
