"""The ways in which a source was seen to lie, or might: small, named, to be combined."""

import dataclasses
import json
import random
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any
from zoneinfo import ZoneInfo

from tests.worlds.source import (
    Lie,
    Params,
    Reply,
    Request,
    Row,
    as_max,
    error,
    forbidden,
    not_found,
    selected,
)
from tests.worlds.world import Booking, World, digits

# How a listing is answered


def reachable(world: World, cap: int) -> bool:
    """Whether some question shows each booking though no answer holds more than `cap`.

    A day is cut by calendar, type and canceled, and then only by the names that the client list
    tells: a stranger in the middle of a pile stays unseen.
    """
    piles: dict[Any, list[Booking]] = {}
    for one in world.bookings.values():
        key = (world.day(one), one.calendar_id, one.type_id, one.canceled)
        piles.setdefault(key, []).append(one)
    known = {filter_key(entry) for entry in world.entries}
    for pile in piles.values():
        if len(pile) < cap:
            continue
        for one in pile:
            same = sum(filtered_alike(world, one, other) for other in pile)
            if filter_key(one) not in known or same >= cap:
                return False
    return True


def filter_key(row: Any) -> tuple[str, str]:
    return row.first.strip().casefold(), row.last.strip().casefold()


def filtered_alike(world: World, one: Booking, other: Booking) -> bool:
    """Whether a question for `one`, by first and last name, shows `other`."""
    asked, there = filter_key(one), filter_key(other)
    if world.partial_filters:
        return asked[0] in there[0] and asked[1] in there[1]
    return asked == there


class CapAt(Lie):
    """Every answer of the bookings ends silently after `n` rows, whatever `max` says."""

    def __init__(self, n: int) -> None:
        self.n = n
        # The facts allow a gap where answers are this short; a longer one can be cut into pieces.
        self.right = "either" if n <= 25 else "complete"

    @property
    def name(self) -> str:
        return f"cap at {self.n}"

    def begins(self, world: World, rng: random.Random) -> None:
        if not reachable(world, self.n):
            self.right = "either"

    def cuts(self, resource: str, rows: list[Any], params: Params) -> list[Any]:
        return rows[: self.n] if resource == "appointments" else rows


class CapClientsAt(Lie):
    """The client list ends silently after `n` entries: `times`, or for good."""

    right = "either"

    def __init__(self, n: int, times: int = 10**9) -> None:
        self.n, self.times = n, times

    @property
    def name(self) -> str:
        return f"clients cut at {self.n}"

    def cuts(self, resource: str, rows: list[Any], params: Params) -> list[Any]:
        if resource != "clients":
            return rows
        self.times -= 1
        return rows[: self.n] if self.times >= 0 else rows


class Ignore(Lie):
    """Some parameters have no effect."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.right = "complete" if len(names) < 2 else "either"

    @property
    def name(self) -> str:
        return "ignores " + ", ".join(self.names)

    def begins(self, world: World, rng: random.Random) -> None:
        if "max" in self.names:
            whole = len(self.names) == 1 and reachable(world, 100)
            self.right = "complete" if whole else "either"
        if "canceled" in self.names and not any(b.canceled for b in world.bookings.values()):
            # Whether `showall` hides any cannot be told by one who sees none and cannot ask for them.
            self.right = "either"

    def hears(self, params: Params) -> Params:
        return {name: value for name, value in params.items() if name not in self.names}


class ById(Lie):
    """Answers are in the order in which bookings were made."""

    def sorts(self, bookings: list[Booking], params: Params) -> list[Booking]:
        return sorted(bookings, key=lambda one: one.id)


class Shuffled(Lie):
    """Answers are in no order, another one each time."""

    def begins(self, world: World, rng: random.Random) -> None:
        self.rng = rng

    def sorts(self, bookings: list[Booking], params: Params) -> list[Booking]:
        return self.rng.sample(bookings, len(bookings))


class TiesShuffled(Lie):
    """Bookings of one instant come in another order each time."""

    def begins(self, world: World, rng: random.Random) -> None:
        self.rng = rng

    def sorts(self, bookings: list[Booking], params: Params) -> list[Booking]:
        mixed = self.rng.sample(bookings, len(bookings))
        newest_first = params.get("direction", "").upper() != "ASC"
        return sorted(mixed, key=lambda one: one.starts, reverse=newest_first)


class HonoursOffset(Lie):
    """`offset` skips rows, as many authors believe."""

    def hears(self, params: Params) -> Params:
        # The rows skipped count for nothing, so more are taken before they are cut.
        skipped = self.skipped(params)
        return params | {"max": str(as_max(params) + skipped)} if skipped else params

    def cuts(self, resource: str, rows: list[Any], params: Params) -> list[Any]:
        return rows[self.skipped(params) :] if resource == "appointments" else rows

    def skipped(self, params: Params) -> int:
        text = params.get("offset", "")
        return int(text) if text.isdigit() else 0


class OneDirection(Lie):
    """Answers are always newest first, or always oldest first, whatever `direction` says."""

    def __init__(self, direction: str) -> None:
        self.direction = direction

    def hears(self, params: Params) -> Params:
        return params | {"direction": self.direction}


class RefusesMaxAbove(Lie):
    """`max` above `n` is a 400, or a 422."""

    def __init__(self, n: int = 100, status: int = 400) -> None:
        self.n, self.status = n, status

    def begins(self, world: World, rng: random.Random) -> None:
        self.right = "complete" if reachable(world, self.n) else "either"

    def replies(self, request: Request, reply: Reply, world: World) -> Reply:
        if request.resource == "appointments" and as_max(request.params) > self.n:
            return error(self.status, "bad_request", f"max must be at most {self.n}")
        return reply


class StrayRow(Lie):
    """Every answer of the bookings begins with the account's oldest (or newest) one, always."""

    def __init__(self, newest: bool = False) -> None:
        self.newest = newest

    def replies(self, request: Request, reply: Reply, world: World) -> Reply:
        if request.resource != "appointments" or not world.bookings or reply.status != 200:
            return reply
        in_time = sorted(world.bookings.values(), key=lambda one: (one.starts, one.id))
        stray = in_time[-1 if self.newest else 0]
        if all(row["id"] != stray.id for row in reply.body):
            reply.body.insert(0, world.booking_row(stray))
        return reply


class DaysInUtc(Lie):
    """A day of `minDate` and `maxDate` begins at midnight UTC."""

    def days(self, world: World, booking: Booking) -> date:
        return world.day(booking, "UTC")


class DaysOfTheCalendar(Lie):
    """A day of `minDate` and `maxDate` begins at midnight in the calendar's zone."""

    def days(self, world: World, booking: Booking) -> date:
        return world.day(booking, world.calendar_of(booking).timezone)


# Bookings that no listing shows, though each answers by its ID


class Hides(Lie):
    """Listings leave some bookings out; each still answers by its ID."""

    right = "gap"

    def __init__(self, text: str, hidden: Callable[[World, Booking], bool]) -> None:
        self.what, self.hidden = text, hidden

    @property
    def name(self) -> str:
        return f"listings without {self.what}"

    def begins(self, world: World, rng: random.Random) -> None:
        self.world = world
        self.right = (
            "gap" if any(self.hidden(world, one) for one in world.bookings.values()) else "complete"
        )

    def knows(self, bookings: list[Booking], params: Params) -> list[Booking]:
        return [one for one in bookings if not self.hidden(self.world, one)]


def hides_a_calendar(calendar_id: int) -> Hides:
    return Hides("one calendar", lambda world, one: one.calendar_id == calendar_id)


def hides_a_month(year: int, month: int) -> Hides:
    day = (year, month)
    return Hides("one month", lambda world, one: (world.day(one).year, world.day(one).month) == day)


def hides_a_day(day: date) -> Hides:
    return Hides("one day", lambda world, one: world.day(one) == day)


def hides_most(share: float = 0.95) -> Hides:
    """The same ones each time, drawn from their IDs."""

    def hidden(world: World, one: Booking) -> bool:
        return random.Random(one.id * 7919).random() < share

    return Hides(f"{share:.0%} of them", hidden)


def hides_a_few() -> Hides:
    return hides_most(0.05)


class WholeListingLacksACalendar(Lie):
    """One calendar's bookings are listed only when that calendar is asked for."""

    right = "either"

    def __init__(self, calendar_id: int) -> None:
        self.calendar_id = calendar_id

    def knows(self, bookings: list[Booking], params: Params) -> list[Booking]:
        if params.get("calendarID") == str(self.calendar_id):
            return bookings
        return [one for one in bookings if one.calendar_id != self.calendar_id]


# Bookings that only some questions show, or that some answers tell otherwise


Which = Callable[[World, Booking], bool]
Asked = Callable[[Params], bool]


class OnlyWhen(Lie):
    """Listings show some bookings only in answer to some questions."""

    right = "either"

    def __init__(self, which: Which, asked: Asked) -> None:
        self.which, self.asked = which, asked

    def begins(self, world: World, rng: random.Random) -> None:
        self.world = world

    def knows(self, bookings: list[Booking], params: Params) -> list[Booking]:
        if self.asked(params):
            return bookings
        return [one for one in bookings if not self.which(self.world, one)]


class ToldOtherwise(Lie):
    """Answers to some questions have one booking with other values than it has."""

    right = "either"

    def __init__(self, number: int, asked: Asked, **values: Any) -> None:
        self.number, self.asked, self.values = number, asked, values

    def believes(self, booking: Booking, params: Params) -> Booking:
        if booking.id != self.number or not self.asked(params):
            return booking
        return dataclasses.replace(booking, **self.values)


class PaymentsCutAt(Lie):
    """The lists of payments of these bookings end after `n` rows: each `times`, or for good."""

    def __init__(self, n: int, bookings: list[Booking], times: int = 10**9) -> None:
        self.n = n
        self.left = {one.id: times for one in bookings if len(one.payments) > n}
        self.right = "complete" if times < 2 else "either"

    def replies(self, request: Request, reply: Reply, world: World) -> Reply:
        if request.resource == "payments" and self.left.get(request.booking_id, 0) > 0:
            self.left[request.booking_id] -= 1
            reply.body = reply.body[: self.n]
        return reply


class PaymentsInTurn(Lie):
    """A list of several payments lacks another one each time."""

    right = "either"

    def __init__(self) -> None:
        self.asked: dict[int, int] = {}

    def replies(self, request: Request, reply: Reply, world: World) -> Reply:
        if request.resource == "payments" and len(reply.body) > 1:
            turn = self.asked[request.booking_id] = self.asked.get(request.booking_id, -1) + 1
            del reply.body[turn % len(reply.body)]
        return reply


class ListCutAt(Lie):
    """Another list ends after `n` rows whatever is asked, and is deaf to some parameters."""

    right = "either"

    def __init__(self, path: str, n: int, *deaf_to: str) -> None:
        self.path, self.n, self.deaf_to = path, n, deaf_to

    def replies(self, request: Request, reply: Reply, world: World) -> Reply:
        if request.path == f"/{self.path}":
            heard = {k: v for k, v in request.params.items() if k not in self.deaf_to}
            reply.body = selected(world.other_rows(self.path), heard)[: self.n]
        return reply


class ListLacks(Lie):
    """Another list never shows one of its rows."""

    right = "either"

    def __init__(self, path: str, number: int) -> None:
        self.path, self.number = path, number

    def replies(self, request: Request, reply: Reply, world: World) -> Reply:
        if request.path == f"/{self.path}":
            reply.body = [row for row in reply.body if row["id"] != self.number]
        return reply


class ListTellsOtherwise(Lie):
    """Another list has one of its rows otherwise, or lacks it where `says` is empty: in its first answer
    only, or in each answer to a question that is `asked` so."""

    right = "either"

    def __init__(
        self, path: str, number: int, asked: Callable[[Params], bool] | None = None, **says: Any
    ) -> None:
        self.path, self.number, self.asked, self.says = path, number, asked, says
        self.answers = 0

    def replies(self, request: Request, reply: Reply, world: World) -> Reply:
        if request.path != f"/{self.path}":
            return reply
        self.answers += 1
        if self.asked(request.params) if self.asked else self.answers == 1:
            rows = [(row, row["id"] == self.number) for row in reply.body]
            reply.body = [
                row | self.says if its else row for row, its in rows if self.says or not its
            ]
        return reply


class RowTwice(Lie):
    """A booking comes twice in each listing, once as it is and once otherwise."""

    def __init__(self, number: int, *, last: bool, **says: Any) -> None:
        self.number, self.last, self.says = number, last, says

    def replies(self, request: Request, reply: Reply, world: World) -> Reply:
        if request.path == "/appointments":
            body: list[Any] = []
            for row in reply.body:
                wrong = [row | self.says] if row["id"] == self.number else []
                body += [row, *wrong] if self.last else [*wrong, row]
            reply.body = body
        return reply


# Answers that are no answers


Fault = Callable[[], Reply]


def html(status: int, title: str) -> Reply:
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Reply(status, headers={"Content-Type": "text/html"}, raw=page.encode())


def moved() -> Reply:
    reply = html(302, "Found")
    reply.headers["Location"] = "https://login.example.com/"
    return reply


def too_many(after: str = "") -> Reply:
    message = "Rate limit reached. Limit 10req/s and 20 concurrent connections."
    reply = error(429, "too_many_requests", message)
    if after:
        reply.headers["Retry-After"] = after
    return reply


def too_many_until() -> Reply:
    moment = datetime.now(UTC) + timedelta(seconds=1)
    return too_many(format_datetime(moment, usegmt=True))


PASSING: dict[str, Fault] = {
    "firewall's page with 403": lambda: html(403, "Request blocked"),
    "408": lambda: html(408, "Request Timeout"),
    "425": lambda: html(425, "Too Early"),
    "302": moved,
    "502": lambda: html(502, "Bad Gateway"),
    "503": lambda: html(503, "Service Unavailable"),
    "500": lambda: error(500, "internal_server_error", "Internal Server Error"),
    "429": too_many,
    "429 with seconds": lambda: too_many("1"),
    "429 with a date": too_many_until,
    "an error with 200": lambda: Reply(
        200, {"status_code": 500, "message": "oops", "error": "internal"}
    ),
}
OF_ONE_RECORD: dict[str, Fault] = {
    "404": not_found,
    "null": lambda: Reply(200, None),
    "403": forbidden,
    "400": lambda: error(400, "bad_request", "Bad Request"),
    "422": lambda: error(422, "unprocessable", "Unprocessable"),
    "410": lambda: error(410, "gone", "Gone"),
    "500": lambda: error(500, "internal_server_error", "Internal Server Error"),
}


class Once(Lie):
    """One request of a resource (or of any) is answered with a passing fault; asked again it works."""

    def __init__(self, fault: str, resource: str = "", at: int = 1) -> None:
        self.fault, self.resource, self.at, self.seen = fault, resource, at, 0

    @property
    def name(self) -> str:
        return f"{self.fault} once"

    def replies(self, request: Request, reply: Reply, world: World) -> Reply:
        if self.resource and request.resource != self.resource:
            return reply
        self.seen += 1
        return PASSING[self.fault]() if self.seen == self.at else reply


class AtOneRecord(Lie):
    """The payments of one booking can't be had: once, or for good."""

    right = "either"

    def __init__(self, fault: str, booking_id: int, times: int = 10**9) -> None:
        self.fault, self.booking_id, self.times = fault, booking_id, times

    @property
    def name(self) -> str:
        return f"{self.fault} at one booking's payments"

    def replies(self, request: Request, reply: Reply, world: World) -> Reply:
        if request.resource == "payments" and request.booking_id == self.booking_id:
            self.times -= 1
            if self.times >= 0:
                return OF_ONE_RECORD[self.fault]()
        return reply


class Answers(Lie):
    """Requests of a resource get this answer instead: `times`, or for good."""

    right = "either"

    def __init__(self, resource: str, reply: Fault, times: int = 10**9) -> None:
        self.resource, self.reply, self.times = resource, reply, times

    def replies(self, request: Request, reply: Reply, world: World) -> Reply:
        if request.resource != self.resource:
            return reply
        self.times -= 1
        return self.reply() if self.times >= 0 else reply


class NoContent(Lie):
    """A booking without payments answers 204 and no body."""

    def replies(self, request: Request, reply: Reply, world: World) -> Reply:
        return Reply(204, raw=b"") if request.resource == "payments" and reply.body == [] else reply


# Who answers


class MeIsAnError(Lie):
    """`/me` is the error envelope with status 200: `times`, or for good."""

    def __init__(self, times: int = 10**9) -> None:
        self.times = times
        self.right = "complete" if times < 3 else "gap"

    def replies(self, request: Request, reply: Reply, world: World) -> Reply:
        if request.resource == "me":
            self.times -= 1
            if self.times >= 0:
                return PASSING["an error with 200"]()
        return reply


class MeSays(Lie):
    """`/me` has other words in some of its fields."""

    def __init__(self, right: str = "complete", **fields: Any) -> None:
        self.right, self.fields = right, fields

    @property
    def name(self) -> str:
        return "me says " + ", ".join(self.fields)

    def words(self, what: str, row: Row, world: World) -> Row:
        return row | self.fields if what == "me" else row


# How records are worded


class Worded(Lie):
    """Records come in other words of the same meaning."""

    def __init__(self, text: str, reword: Callable[[str, Row, World], Row]) -> None:
        self.label, self.reword = text, reword

    @property
    def name(self) -> str:
        return self.label

    def words(self, what: str, row: Row, world: World) -> Row:
        return self.reword(what, row, world)


def each(what: str, **fields: Callable[[Any], Any]) -> Callable[[str, Row, World], Row]:
    """Rewords those fields of the records called `what`."""

    def reword(kind: str, row: Row, world: World) -> Row:
        if kind != what:
            return row
        return row | {name: change(row[name]) for name, change in fields.items() if name in row}

    return reword


def amounts(change: Callable[[str, World], Any]) -> Callable[[str, Row, World], Row]:
    """Rewords every amount, of bookings and payments."""

    def reword(kind: str, row: Row, world: World) -> Row:
        names = ("price", "priceSold", "amountPaid", "amount")
        if kind not in ("booking", "payment", "type"):
            return row
        return row | {name: change(row[name], world) for name in names if name in row}

    return reword


SIGNS = {"USD": "$", "GBP": "£", "EUR": "€", "AUD": "A$", "NZD": "$", "CAD": "CA$", "INR": "₹"}


def numbered(rows: Any) -> Any:
    return {str(index + 1): row for index, row in enumerate(rows)} if rows else rows


def without_offset(row: Row) -> Row:
    """Only where the clock shows that time once: at the end of summer it shows some twice."""
    local = row["datetime"][:19]
    zone = ZoneInfo(row["calendarTimezone"])
    moment = datetime.fromisoformat(local).replace(tzinfo=zone)
    if moment.utcoffset() != moment.replace(fold=1).utcoffset():
        return row
    return row | {"datetime": local}


def noise(text: str, world: World) -> str:
    amount = Decimal(text)
    return f"{amount - Decimal('1e-15')}" if amount > 0 else text


def decomposed(text: str) -> str:
    return unicodedata.normalize("NFD", text)


def with_zero_width(text: str) -> str:
    return text and text + "\u200b"


def escaped(text: str) -> str:
    return text.replace("'", "&#039;")


class ByteOrderMark(Lie):
    """Answers begin with EF BB BF."""

    def replies(self, request: Request, reply: Reply, world: World) -> Reply:
        if reply.status == 200:
            reply.raw = b"\xef\xbb\xbf" + reply.encoded()
        return reply


class RawControls(Lie):
    """Tabs and line ends stand in JSON's strings as they are, not as \\t and \\n."""

    def replies(self, request: Request, reply: Reply, world: World) -> Reply:
        if reply.status == 200 and reply.raw is None:
            text = json.dumps(reply.body)
            reply.raw = text.replace("\\t", "\t").replace("\\n", "\n").encode()
        return reply


def wordings() -> list[Lie]:
    """One of each kind; the world they are told of must be able to hold them."""
    yes_no = {"yes": True, "no": False}
    return [
        ByteOrderMark(),
        RawControls(),
        Worded("forms as an object", each("booking", forms=numbered, labels=numbered)),
        Worded("false for nothing", each("booking", notes=lambda text: text or False)),
        Worded("null for nothing", each("booking", notes=lambda text: text or None)),
        Worded("canceled as 1", each("booking", canceled=int)),
        Worded("paid as true", each("booking", paid=yes_no.get)),
        Worded("paid in capitals", each("booking", paid=str.upper)),
        Worded("noShow as null", each("booking", noShow=lambda value: value or None)),
        Worded("amounts with commas", amounts(lambda text, world: f"{Decimal(text):,}")),
        Worded(
            "amounts with a sign",
            amounts(
                lambda text, world: f"{SIGNS.get(world.currency, '$')}{text}".replace("$-", "-$")
            ),
        ),
        Worded("amounts as numbers", amounts(lambda text, world: float(text))),
        Worded("float noise", amounts(noise)),
        Worded(
            "times without offset",
            lambda kind, row, world: without_offset(row) if kind == "booking" else row,
        ),
        Worded("payments' times without offset", each("payment", created=lambda text: text[:19])),
        Worded("duration as 60.0", each("booking", duration=lambda text: f"{text}.0")),
        Worded(
            "a payment without a date", each("payment", created=lambda _: "0000-00-00 00:00:00")
        ),
        Worded("phones as numbers", each("booking", phone=as_number)),
        Worded("phones as digits in the list", each("client", phone=digits)),
        Worded("names decomposed", each("booking", firstName=decomposed, lastName=decomposed)),
        Worded("zero width in names", each("booking", lastName=with_zero_width)),
        Worded("entities in names", each("booking", lastName=escaped)),
    ]


def as_number(text: str) -> str:
    return f"{digits(text)}.0" if text and not text.startswith(("0", "+")) else text


# What other people's systems call a zone.
OTHER_NAMES = {
    "America/New_York": ["Eastern Time (US & Canada)", "US/Eastern", "Eastern Standard Time"],
    "America/Chicago": ["Central Time (US & Canada)", "US/Central", "Central Standard Time"],
    "America/Phoenix": ["Arizona", "US Mountain Standard Time"],
    "Europe/London": ["London", "GMT Standard Time"],
    "Australia/Sydney": ["Sydney", "AUS Eastern Standard Time"],
    "Australia/Adelaide": ["Adelaide", "Cen. Australia Standard Time"],
    "Europe/Paris": ["Paris", "Romance Standard Time"],
    "Europe/Berlin": ["Berlin", "W. Europe Standard Time"],
    "Pacific/Auckland": ["Auckland", "New Zealand Standard Time"],
    "Asia/Kolkata": ["Mumbai", "India Standard Time", "Asia/Calcutta"],
    "America/St_Johns": ["Newfoundland", "Newfoundland Standard Time"],
}
