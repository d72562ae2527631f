"""Which appointments does a query of GET /appointments select, in which order?"""

import random
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from .booking import LIVE, Booking, zone
from .data import Account

Query = dict[str, str]
Test = Callable[[Booking], bool]
FOREVER = 1 << 60
YES = ("true", "1", "yes")


def flag(query: Query, key: str) -> bool:
    return query.get(key, "").lower() in YES


def number(query: Query, key: str, default: int) -> int:
    text = query.get(key, "")
    return int(text) if text.isdigit() else default


def _day(text: str | None) -> date | None:
    """Only the day counts; what cannot be read is ignored, as the API does with unknown values."""
    for form, length in (("%Y-%m-%d", 10), ("%m/%d/%Y", 10)):
        try:
            return datetime.strptime((text or "")[:length], form).date()  # noqa: DTZ007
        except ValueError:
            continue
    return None


def _midnight(day: date, at: ZoneInfo) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=at).timestamp())


def _span(query: Query, at: ZoneInfo, slack: int) -> tuple[int, int]:
    """Seconds covered by the inclusive days minDate to maxDate, widened by `slack` days."""
    low, high = _day(query.get("minDate")), _day(query.get("maxDate"))
    first = _midnight(low - timedelta(days=slack), at) if low else -FOREVER
    return first, _midnight(high + timedelta(days=1 + slack), at) if high else FOREVER


def _local_days(query: Query) -> Test:
    low, high = _day(query.get("minDate")) or date.min, _day(query.get("maxDate")) or date.max
    return lambda b: low <= b.local.date() <= high


def _field(key: str, wanted: str, usual: Callable[[Booking], str]) -> Test:
    return lambda b: b.shown(key, usual(b)).casefold() == wanted.casefold()


def _digits(text: str) -> str:
    return "".join(filter(str.isdigit, text))


def _tests(query: Query) -> Iterator[Test]:
    if not flag(query, "showall"):
        canceled = flag(query, "canceled")
        yield lambda b: (b.status != LIVE) is canceled
    if query.get("calendarID"):
        calendar = number(query, "calendarID", -1)
        yield lambda b: b.calendar["id"] == calendar
    if query.get("appointmentTypeID"):
        kind = number(query, "appointmentTypeID", -1)
        yield lambda b: b.type["id"] == kind
    if query.get("firstName"):
        yield _field("firstName", query["firstName"], lambda b: b.person.first)
    if query.get("lastName"):
        yield _field("lastName", query["lastName"], lambda b: b.person.last)
    if query.get("email"):
        yield _field("email", query["email"], lambda b: b.person.email)
    if query.get("phone"):
        phone = _digits(query["phone"])
        yield lambda b: _digits(b.shown("phone", b.person.digits)) == phone


def select(
    account: Account,
    query: Query,
    *,
    limit: int,
    skip: int,
    day_zone: str,
    rng: random.Random | None,
) -> list[Booking]:
    """At most `limit` rows after `skip`; rows of one instant by ID, or shuffled when `rng` is given."""
    at = zone("UTC") if day_zone == "UTC" else zone(account.timezone)
    low, high = _span(query, at, slack=1 if day_zone == "calendar" else 0)
    tests = [*_tests(query), *([_local_days(query)] if day_zone == "calendar" else [])]
    descending = query.get("direction", "DESC").upper() != "ASC"
    found: list[Booking] = []
    if limit <= 0:
        return found
    with account.lock:
        if not (tests or rng or skip or descending):
            return [account.bookings[number] for number in account.first(low, high, limit)]
        for group in account.groups(low, high, descending):
            if rng:
                rng.shuffle(group)
            for booking in map(account.bookings.__getitem__, group):
                if all(test(booking) for test in tests):
                    skip -= 1
                    if skip < 0:
                        found.append(booking)
                    if len(found) == limit:
                        return found
    return found
