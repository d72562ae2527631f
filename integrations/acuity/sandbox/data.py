"""What does the sandbox account hold, and how do tests change it under a running import?"""

import random
import threading
from bisect import bisect_left, insort
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from . import catalog, shop
from .booking import (
    CANCELED,
    LIVE,
    NO_SHOW,
    Booking,
    Json,
    encode,
    record,
    stamp,
    without_forms,
    zone,
)
from .people import Person, entry, identity, people, with_twins

FIRST_ID = 1_550_000_001
CACHED_ROWS = 2_500_000
Revenue = dict[str, dict[str, tuple[int, Decimal]]]


@dataclass
class Account:
    """One business. Every change takes the lock; readers get copies."""

    me: Json
    clients: list[Json]
    calendars: list[Json]
    appointment_types: list[Json]
    deleted_calendar: Json
    # The other lists, by the last word of their address; those above are among them.
    lists: dict[str, list[Json]] = field(default_factory=dict, repr=False)
    persons: list[Person] = field(default_factory=list, repr=False)
    bookings: dict[int, Booking] = field(default_factory=dict, repr=False)
    payments: dict[int, list[Json]] = field(default_factory=dict, repr=False)
    index: list[tuple[int, int]] = field(default_factory=list, repr=False)  # (start, id), sorted
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    next_id: int = FIRST_ID
    version: int = 0  # grows with every change
    _blobs: dict[tuple[int, str], bytes] = field(default_factory=dict, repr=False)

    @property
    def timezone(self) -> str:
        zone: str = self.me["timezone"]
        return zone

    @property
    def appointments(self) -> list[Json]:
        """Every appointment as the API shows it, by start; built on each access."""
        with self.lock:
            return [record(self.bookings[number]) for _, number in self.index]

    @property
    def starts(self) -> dict[int, datetime]:
        with self.lock:
            return {number: booking.local for number, booking in self.bookings.items()}

    def __len__(self) -> int:
        return len(self.bookings)

    def appointment(self, number: int) -> Json:
        """The appointment as a list shows it; KeyError when there is none."""
        return record(self.bookings[number])

    def blob(self, booking: Booking, forms: str) -> bytes:
        """The booking as JSON; `forms` is "full", "absent" or "empty". Kept for the first rows asked."""
        key = (booking.id, forms)
        found = self._blobs.get(key)
        if found is not None:
            return found
        version, shown = self.version, record(booking)
        made = encode(shown if forms == "full" else without_forms(shown, forms))
        with self.lock:
            if version == self.version and len(self._blobs) < CACHED_ROWS:
                self._blobs[key] = made
        return made

    # Changes

    def add_appointment(self, start: datetime, **over: object) -> int:
        """Books at `start` (naive means business zone). `over` sets fields by their API names, or `payments`."""
        with self.lock:
            number = self.next_id
            self.next_id += 1
            seconds = self._seconds(start)
            booking = Booking(
                number,
                seconds,
                seconds - 7 * 86400,
                self.persons[number % len(self.persons)],
                self.appointment_types[0],
                self.calendars[0],
            )
            self.bookings[number] = booking
            insort(self.index, (seconds, number))
            self.edit(number, **over)
            return number

    def edit(self, number: int, **over: object) -> None:
        """Sets fields by their API names; `payments=[...]` replaces the payment rows."""
        with self.lock:
            booking = self.bookings[number]
            if "payments" in over:
                self.payments[number] = list(over.pop("payments"))  # type: ignore[call-overload]
            if "calendarID" in over:
                booking.calendar = self._by_id(
                    [*self.calendars, self.deleted_calendar], over.pop("calendarID")
                )
            if "appointmentTypeID" in over:
                booking.type = self._by_id(self.appointment_types, over.pop("appointmentTypeID"))
            if "canceled" in over:
                booking.status = CANCELED if over.pop("canceled") else LIVE
            if "noShow" in over:
                booking.status = NO_SHOW if over.pop("noShow") else booking.status
            if "paid" in over:
                booking.paid = over.pop("paid") in ("yes", True)
            if "amountPaid" in over:
                booking.amount = str(over.pop("amountPaid"))
            if over:
                booking.over = {**(booking.over or {}), **over}
            self._forget(number)

    def move(self, number: int, start: datetime) -> None:
        with self.lock:
            booking = self.bookings[number]
            self._unindex(booking)
            booking.start = self._seconds(start)
            insort(self.index, (booking.start, number))
            self._forget(number)

    def cancel(self, number: int, no_show: bool = False) -> None:
        with self.lock:
            self.bookings[number].status = NO_SHOW if no_show else CANCELED
            self._forget(number)

    def delete(self, number: int) -> None:
        with self.lock:
            self._unindex(self.bookings.pop(number))
            self.payments.pop(number, None)
            self._forget(number)

    def crowd(self, day: date, total: int = 700, same_minute: int = 450) -> list[int]:
        """Books `total` on one day, `same_minute` of them in one class at noon exactly, the rest spread
        over all calendars and types."""
        types = [t["id"] for t in self.appointment_types if t["active"]]
        midday = datetime.combine(day, time(12), zone(self.timezone))
        made = []
        for n in range(total):
            spread = 0 if n < same_minute else n
            quarter = n % 36
            offset = 0 if n < same_minute else 15 * (quarter - 16 if quarter < 16 else quarter - 15)
            made.append(
                self.add_appointment(
                    midday + timedelta(minutes=offset),
                    calendarID=self.calendars[spread % len(self.calendars)]["id"],
                    appointmentTypeID=types[spread // len(self.calendars) % len(types)],
                )
            )
        return made

    # What an import must arrive at

    def revenue(self) -> Revenue:
        """Payments by month of service (local date of the appointment) and processor."""
        totals: Revenue = {}
        with self.lock:
            for number, rows in self.payments.items():
                if not rows:
                    continue
                booking = self.bookings[number]
                month = totals.setdefault(
                    booking.shown("datetime", f"{booking.local:%Y-%m}")[:7], {}
                )
                for row in rows:
                    count, amount = month.get(row["processor"], (0, Decimal(0)))
                    month[row["processor"]] = (count + 1, amount + Decimal(row["amount"]))
        return totals

    def identities(self) -> set[tuple[str, ...]]:
        """The different clients behind the entries of /clients."""
        return {identity(c["firstName"], c["lastName"]) for c in self.clients}

    def booked_identities(self) -> set[tuple[str, ...]]:
        """The different people on bookings, listed in /clients or not."""
        with self.lock:
            return {
                identity(b.shown("firstName", b.person.first), b.shown("lastName", b.person.last))
                for b in self.bookings.values()
            }

    def payment_count(self) -> int:
        with self.lock:
            return sum(map(len, self.payments.values()))

    # Reading

    def groups(self, low: int, high: int, descending: bool) -> Iterator[list[int]]:
        """IDs in [low, high) seconds, grouped by start, each group by ID. Hold the lock while reading."""
        first, last = bisect_left(self.index, (low, 0)), bisect_left(self.index, (high, 0))
        while first < last:
            start = self.index[last - 1 if descending else first][0]
            if descending:
                left, right = bisect_left(self.index, (start, 0), first, last), last
                last = left
            else:
                left, right = first, bisect_left(self.index, (start + 1, 0), first, last)
                first = right
            yield [number for _, number in self.index[left:right]]

    def first(self, low: int, high: int, limit: int) -> list[int]:
        """The first `limit` IDs in [low, high) seconds, in order. Hold the lock while reading."""
        start, end = bisect_left(self.index, (low, 0)), bisect_left(self.index, (high, 0))
        return [number for _, number in self.index[start : min(end, start + limit)]]

    def _seconds(self, start: datetime) -> int:
        aware = start if start.tzinfo else start.replace(tzinfo=zone(self.timezone))
        return int(aware.timestamp())

    def _unindex(self, booking: Booking) -> None:
        del self.index[bisect_left(self.index, (booking.start, booking.id))]

    def _forget(self, number: int) -> None:
        self.version += 1
        for forms in ("full", "absent", "empty"):
            self._blobs.pop((number, forms), None)

    @staticmethod
    def _by_id(rows: list[Json], number: object) -> Json:
        return next(row for row in rows if row["id"] == number)


# Kinds of payment; every row of the account gets one, the quotas are exact.
UNPAID, PLAIN, DEPOSIT, CERTIFICATE, SPLIT, TWINS, REFUND = range(7)
QUOTAS = {DEPOSIT: 0.03, CERTIFICATE: 0.03, SPLIT: 0.03, TWINS: 0.01, REFUND: 0.005}
ROWS = {DEPOSIT: 1, CERTIFICATE: 0, SPLIT: 2, TWINS: 2, REFUND: 2}
PROCESSORS = ("cash",) * 12 + ("stripe",) * 6 + ("square",) * 2 + ("paypal",)


def _kinds(rng: random.Random, count: int) -> list[int]:
    """A shuffled list of kind + 8 * status: 12 % canceled, few of those with payments."""
    quota = {kind: round(count * share) for kind, share in QUOTAS.items()}
    quota[PLAIN] = round(count * 2524 / 4111) - sum(ROWS[kind] * n for kind, n in quota.items())
    paid = [kind for kind, n in quota.items() for _ in range(max(n, 0))]
    rng.shuffle(paid)
    kinds = (paid + [UNPAID] * count)[:count]
    canceled = round(count * 0.12)
    with_money = min(canceled // 12, len(paid))
    picked = [*range(with_money), *range(count - (canceled - with_money), count)]
    for n, at in enumerate(picked):
        kinds[at] += 8 * (NO_SHOW if n % 3 == 0 else CANCELED)
    rng.shuffle(kinds)
    return kinds


def _money(cents: int) -> str:
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"


def _payment(number: int, nth: int, processor: str, cents: int, at: int) -> Json:
    prefix = {"stripe": "pi_3SAMPLE", "paypal": "PAYID-", "square": "sq_", "cash": ""}[processor]
    transaction = f"{prefix}{number}{nth:02d}" if prefix else ""
    return {
        "transactionID": transaction,
        "created": stamp(at),
        "processor": processor,
        "amount": _money(cents),
    }


def _pay(rng: random.Random, b: Booking, kind: int) -> list[Json]:
    """Sets what the booking says about money; returns the payment rows that back it."""
    price = int(b.sold.replace(".", ""))
    after = b.start + b.type["duration"] * 60
    card = rng.choice(("stripe", "stripe", "square", "paypal"))
    b.paid = kind != DEPOSIT
    if kind == CERTIFICATE:
        b.certificate = f"A1B2{b.id % 65536:04X}"
        return []
    if kind == DEPOSIT:
        parts = [(card, 5000 if price > 5000 else price // 2, b.made)]
    elif kind == SPLIT:
        parts = [("cash", price // 2, after), (card, price - price // 2, b.made)]
    elif kind == TWINS:
        parts = [("cash", price // 2, after)] * 2
    elif kind == REFUND:
        parts = [(card, price, b.made), (card, -price // 4, after + 86400)]
    else:
        processor = rng.choice(PROCESSORS)
        parts = [(processor, price, after if processor == "cash" or rng.random() < 0.5 else b.made)]
    b.amount = _money(sum(cents for _, cents, _ in parts))
    return [
        _payment(b.id, nth, processor, cents, at)
        for nth, (processor, cents, at) in enumerate(parts)
    ]


def _months_before(day: date, months: int) -> date:
    years, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(years, month + 1, 1)


def _double_hours(first: date, days: int, timezone: str) -> list[int]:
    """Both instants called 01:30 on each night the clocks go back."""
    found = []
    for n in range(days):
        wall = datetime.combine(first + timedelta(days=n), time(1, 30), zone(timezone))
        early, late = int(wall.timestamp()), int(wall.replace(fold=1).timestamp())
        found += [early, late] if early < late else []
    return found


def _wall_time(rng: random.Random) -> time:
    """Quarter hours of a working day, now and then at the edge of the day."""
    roll = rng.random()
    if roll < 0.01:
        return time(23, 30) if roll < 0.005 else time(0, 15)
    quarter = rng.randrange(36, 75)
    return time(quarter // 4, quarter % 4 * 15)


def _slots(
    rng: random.Random, account: Account, first: date, days: int, count: int
) -> Iterator[tuple[Any, ...]]:
    """(start, type, calendar, class id) for `count` bookings."""
    types, rooms = account.appointment_types, [account.calendars[n] for n in (0, 2, 3)]
    special = _double_hours(first, days, account.timezone) if count >= 100 else []
    left, class_id = count, 330001
    for start in special:
        yield start, types[0], rooms[0], None
        left -= 1
    while left > 0:
        age = rng.randrange(days)
        clock = _wall_time(rng)
        day = first + timedelta(days=age)
        if rng.random() < 0.03:
            room, size = account.calendars[1], min(left, rng.randint(3, 8))
            start = int(datetime.combine(day, clock, zone(room["timezone"])).timestamp())
            for _ in range(size):
                yield start, types[2], room, class_id
            left, class_id = left - size, class_id + 1
            continue
        old = age < days // 3 and rng.random() < 0.2
        room = account.deleted_calendar if old else rng.choice(rooms)
        kind = types[5] if old and rng.random() < 0.3 else types[rng.choice((0, 0, 0, 1, 1, 3, 4))]
        yield (
            int(datetime.combine(day, clock, zone(room["timezone"])).timestamp()),
            kind,
            room,
            None,
        )
        left -= 1


def _fill(
    rng: random.Random,
    account: Account,
    strangers: list[Person],
    first: date,
    days: int,
    count: int,
) -> None:
    unknown = set(rng.sample(range(count), round(count * 0.04)))
    kinds = _kinds(rng, count)
    slots = [
        (slot[0] - rng.randrange(3600, 40 * 86400), *slot)
        for slot in _slots(rng, account, first, days, count)
    ]
    # IDs grow as bookings are made.
    slots.sort(key=lambda slot: slot[0])
    for n, (made, start, kind, room, class_id) in enumerate(slots):
        person = rng.choice(strangers if n in unknown else account.persons)
        booking = Booking(FIRST_ID + n, start, made, person, kind, room, class_id=class_id)
        booking.status, money = divmod(kinds[n], 8)
        rows = _pay(rng, booking, money) if money != UNPAID else []
        if rows:
            account.payments[booking.id] = rows
        account.bookings[booking.id] = booking
        account.index.append((start, booking.id))
    account.index.sort()
    account.next_id = FIRST_ID + count


def make_account(
    seed: int = 7,
    clients: int = 718,
    appointments: int = 4111,
    months: int = 31,
    timezone: str = "America/Chicago",
    today: date = date(2026, 6, 15),
) -> Account:
    """A business whose bookings span `months` calendar months, the last being the month after `today`."""
    rng = random.Random(seed)
    distinct = people(rng, 0, round(clients * 650 / 718))
    strangers = people(rng, len(distinct), max(1, round(appointments * 0.04 / 3)))
    persons = with_twins(rng, distinct, clients)
    account = Account(
        me=catalog.me(timezone),
        clients=[entry(person, rng) for person in persons],
        calendars=catalog.calendars(timezone),
        appointment_types=catalog.appointment_types(),
        deleted_calendar=catalog.deleted_calendar(timezone),
        persons=persons or strangers,
    )
    first, end = _months_before(today, months - 2), _months_before(today, -2)
    days = (end - first).days
    _fill(rng, account, strangers, first, days, appointments)
    _stock(random.Random(seed + 1), account, first, days)
    return account


def _stock(rng: random.Random, account: Account, first: date, days: int) -> None:
    """The lists beside clients and bookings."""
    codes = [booking.certificate for booking in account.bookings.values() if booking.certificate]
    orders = shop.orders(rng, account.persons, first, days)
    account.lists |= {
        "calendars": account.calendars,
        "appointment-types": account.appointment_types,
        "appointment-addons": deepcopy(catalog.ADDONS),
        "forms": deepcopy(catalog.FORMS),
        "labels": deepcopy(catalog.LABELS),
        "products": shop.products(),
        "orders": orders,
        "certificates": shop.certificates(orders, codes),
        "blocks": shop.blocks(rng, account.calendars, first, days),
    }
