"""An invented Acuity account, and the plain truth about it.

Records are worded as the samples of Acuity's answers are: 36 keys of a booking in a list, money as
text, offsets without a colon, `noShow` only where canceled. A world is made by hand with `client`,
`book` and `pay`, or from a seed by `invented`.
"""

import copy
import hashlib
import random
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers

Row = dict[str, Any]
# Acuity words `datetimeCreated` in a zone of its own, whatever the account's is.
VENDOR_ZONE = timezone(timedelta(hours=-5))
NOTHING = Decimal("0.00")


@dataclass
class Pay:
    """One row of a booking's payments."""

    amount: Decimal
    processor: str
    created: datetime
    transaction_id: str = ""


@dataclass
class Person:
    """Who somebody is when they fill in a form; `phone` is E.164 or empty."""

    first: str
    last: str
    email: str = ""
    phone: str = ""


@dataclass
class Entry:
    """One row of the client list."""

    first: str
    last: str
    email: str = ""
    phone: str = ""
    notes: str = ""


@dataclass
class Calendar:
    id: int
    name: str
    timezone: str
    deleted: bool = False


@dataclass
class Kind:
    """An appointment type."""

    id: int
    name: str
    duration: int
    price: Decimal
    kind: str = "service"
    deleted: bool = False


@dataclass
class Booking:
    id: int
    first: str
    last: str
    email: str
    phone: str
    starts: datetime
    duration: int
    price: Decimal
    price_sold: Decimal
    calendar_id: int
    type_id: int
    created: datetime
    paid: bool = False
    amount_paid: Decimal = NOTHING
    canceled: bool = False
    no_show: bool = False
    class_id: int | None = None
    certificate: str | None = None
    addon_ids: list[int] = field(default_factory=list)
    notes: str = ""
    labels: list[Row] | None = None
    forms: list[Row] = field(default_factory=list)
    payments: list[Pay] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}"

    @property
    def shows_money(self) -> bool:
        """Whether its row in a listing says that something was paid."""
        return self.paid or self.amount_paid != 0


@dataclass
class Moment:
    """The account as it stood at one time."""

    bookings: dict[int, Booking]
    entries: list[Entry]


def digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def money(amount: Decimal) -> str:
    return f"{amount:.2f}" if amount == amount.quantize(Decimal("0.01")) else str(amount)


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S%z")


def clock(moment: datetime) -> str:
    return moment.strftime("%I:%M%p").lstrip("0").lower()


def long_date(moment: datetime) -> str:
    return f"{moment:%B} {moment.day}, {moment.year}"


class World:
    """One account of Acuity's. `moment` is now; `past` is how it stood before each change."""

    def __init__(
        self,
        *,
        timezone: str = "America/New_York",
        country: str = "US",
        currency: str = "USD",
        by_phone: bool = False,
        account_id: int = 10000001,
        seed: int = 0,
    ) -> None:
        self.timezone, self.country, self.currency = timezone, country, currency
        self.by_phone, self.account_id, self.seed = by_phone, account_id, seed
        self.calendars: list[Calendar] = []
        self.types: list[Kind] = []
        self.moment = Moment({}, [])
        self.past: list[Moment] = []
        # Rows of the other lists by their name, where they aren't the usual ones.
        self.others: dict[str, list[Row]] = {}
        self.next_id = 1550000001
        # Nobody knows which way these fall at the vendor; an importer is right either way.
        self.partial_filters = False
        self.empty_forms = False

    # What there is

    @property
    def bookings(self) -> dict[int, Booking]:
        return self.moment.bookings

    @property
    def entries(self) -> list[Entry]:
        return self.moment.entries

    def remember(self) -> int:
        """Keep how things stand, before a change. Returns how many moments are kept."""
        self.past.append(copy.deepcopy(self.moment))
        return len(self.past)

    def calendar_of(self, booking: Booking) -> Calendar:
        return next(each for each in self.calendars if each.id == booking.calendar_id)

    def type_of(self, booking: Booking) -> Kind:
        return next(each for each in self.types if each.id == booking.type_id)

    def day(self, booking: Booking, zone: str = "") -> date:
        """The local date of a booking, in the business's zone unless another is named."""
        return booking.starts.astimezone(ZoneInfo(zone or self.timezone)).date()

    # Made by hand

    def calendar(self, name: str = "Main", timezone: str = "") -> Calendar:
        made = Calendar(4100001 + len(self.calendars), name, timezone or self.timezone)
        self.calendars.append(made)
        return made

    def kind(self, name: str = "Cut", price: Any = 50, duration: int = 60, **more: Any) -> Kind:
        made = Kind(5100001 + len(self.types), name, duration, Decimal(price), **more)
        self.types.append(made)
        return made

    def client(self, name: str, phone: str = "", email: str = "", notes: str = "") -> Entry:
        """A row of the client list. The name's last word is the last name."""
        first, _, last = name.rpartition(" ")
        made = Entry(first or last, last if first else "", email, phone, notes)
        self.entries.append(made)
        return made

    def book(self, name: str, when: str, **more: Any) -> Booking:
        """A booking at `when`, local time of its calendar: "2025-05-20 09:00"."""
        calendar = more.pop("calendar", None) or (self.calendars or [self.calendar()])[0]
        kind = more.pop("kind", None) or (self.types or [self.kind()])[0]
        first, _, last = name.rpartition(" ")
        starts = datetime.fromisoformat(when).replace(tzinfo=ZoneInfo(calendar.timezone))
        price = Decimal(more.pop("price", kind.price))
        made = Booking(
            id=more.pop("id", self.next_id),
            first=first or last,
            last=last if first else "",
            email=more.pop("email", ""),
            phone=more.pop("phone", ""),
            starts=starts.astimezone(UTC),
            duration=kind.duration,
            price=price,
            price_sold=price,
            calendar_id=calendar.id,
            type_id=kind.id,
            created=starts.astimezone(UTC) - timedelta(days=10),
            **more,
        )
        self.next_id = max(self.next_id, made.id) + 1
        self.bookings[made.id] = made
        return made

    def pay(self, booking: Booking, amount: Any, processor: str = "cash", card: str = "") -> Pay:
        """One more row of payments; what the booking says of itself follows."""
        made = Pay(Decimal(amount), processor, booking.starts + timedelta(hours=1), card)
        booking.payments.append(made)
        booking.amount_paid += made.amount
        booking.paid = booking.amount_paid >= booking.price_sold > 0
        return made

    # As Acuity words it

    def me(self) -> Row:
        return {
            "id": self.account_id,
            "owner": self.account_id,
            "email": "owner@example.com",
            "timezone": self.timezone,
            "country": self.country,
            "firstDayOfWeek": 0,
            "timeFormat": "ampm",
            "currency": self.currency,
            "currencyLabel": self.currency,
            "schedulingPage": f"https://app.acuityscheduling.com/schedule.php?owner={self.account_id}",
            "ownerKey": "0a1b2c3d",
            "plan": "Premium",
            "planCapabilities": {"is_public": True, "can_use_api": False},
            "name": "Example Studio",
            "description": "",
            "accountType": "admin",
            "created": "2021-06-01T10:00:00-0500",
            "enableTipping": False,
            "clientsDistinctByPhone": self.by_phone,
            "firstName": "Olive",
            "lastName": "Owner",
            "displayName": "Olive Owner",
            "hasExpired": False,
        }

    def calendar_row(self, calendar: Calendar) -> Row:
        return {
            "id": calendar.id,
            "name": calendar.name,
            "email": "",
            "replyTo": "owner@example.com",
            "description": "",
            "location": "",
            "timezone": calendar.timezone,
            "thumbnail": False,
            "image": False,
            "isValid": True,
        }

    def type_row(self, kind: Kind) -> Row:
        return {
            "id": kind.id,
            "name": kind.name,
            "active": not kind.deleted,
            "description": "",
            "duration": kind.duration,
            "price": money(kind.price),
            "category": "",
            "color": "#ED7087",
            "private": False,
            "type": kind.kind,
            "image": "",
            "classSize": 8 if kind.kind == "class" else None,
            "paddingAfter": 0,
            "paddingBefore": 0,
            "calendarIDs": [each.id for each in self.calendars if not each.deleted],
            "addonIDs": [],
            "formIDs": [],
            "schedulingUrl": (
                "https://app.acuityscheduling.com/schedule.php"
                f"?owner={self.account_id}&appointmentType={kind.id}"
            ),
        }

    def entry_row(self, entry: Entry) -> Row:
        return {
            "firstName": entry.first,
            "lastName": entry.last,
            "email": entry.email,
            "phone": entry.phone,
            "notes": entry.notes,
        }

    def booking_row(self, booking: Booking, *, single: bool = False) -> Row:
        calendar, kind = self.calendar_of(booking), self.type_of(booking)
        local = booking.starts.astimezone(ZoneInfo(calendar.timezone))
        secret = hashlib.md5(str(booking.id).encode(), usedforsecurity=False).hexdigest()
        page = "https://app.acuityscheduling.com/schedule"
        row = {
            "id": booking.id,
            "firstName": booking.first,
            "lastName": booking.last,
            "phone": booking.phone,
            "email": booking.email,
            "date": long_date(local),
            "time": clock(local),
            "endTime": clock(local + timedelta(minutes=booking.duration)),
            "dateCreated": long_date(booking.created),
            "datetimeCreated": stamp(booking.created.astimezone(VENDOR_ZONE)),
            "datetime": stamp(local),
            "price": money(booking.price),
            "priceSold": money(booking.price_sold),
            "paid": "yes" if booking.paid else "no",
            "amountPaid": money(booking.amount_paid),
            "type": kind.name,
            "appointmentTypeID": kind.id,
            "classID": booking.class_id,
            "addonIDs": booking.addon_ids,
            "category": "",
            "duration": str(booking.duration),
            "calendar": calendar.name,
            "calendarID": calendar.id,
            "certificate": booking.certificate,
            "confirmationPage": f"{page}.php?owner={self.account_id}&action=appt&id%5B%5D={secret}",
            "confirmationPagePaymentLink": f"{page}/0a1b2c3d/pay/{secret}/?owner={self.account_id}",
            "location": "",
            "notes": booking.notes,
            "timezone": self.timezone,
            "calendarTimezone": calendar.timezone,
            "canceled": booking.canceled,
            "canClientCancel": False,
            "canClientReschedule": False,
            "labels": booking.labels,
            "forms": booking.forms,
            "formsText": (
                f"Name: {booking.name}\nPhone: {booking.phone}\nEmail: {booking.email}\n"
                f"Price: {money(booking.price)}\n"
            ),
        }
        if booking.canceled:
            row["noShow"] = booking.no_show
        if single:
            row |= {"isVerified": False, "scheduledBy": "owner@example.com"}
        return copy.deepcopy(row)

    def payment_row(self, pay: Pay) -> Row:
        return {
            "transactionID": pay.transaction_id,
            "created": stamp(pay.created.astimezone(ZoneInfo(self.timezone))),
            "processor": pay.processor,
            "amount": money(pay.amount),
        }

    def other_rows(self, name: str) -> list[Row]:
        """The short lists that an account has beside its bookings."""
        if name in self.others:
            return copy.deepcopy(self.others[name])
        if name == "labels":
            return [{"id": 240001, "name": "Confirmed", "color": "yellow"}]
        if name == "appointment-addons":
            return [
                {
                    "id": 820001,
                    "name": "Gloss",
                    "duration": 15,
                    "price": "15.00",
                    "private": False,
                    "active": True,
                }
            ]
        if name == "forms":
            question = {"id": 7100001, "name": "Allergies", "required": False, "type": "textbox"}
            return [
                {
                    "id": 700001,
                    "name": "Intake",
                    "description": "",
                    "hidden": False,
                    "appointmentTypeIDs": [kind.id for kind in self.types[:1]],
                    "fields": [question],
                }
            ]
        return []


# Made from a seed

PLACES = [
    ("US", "America/New_York", "USD"),
    ("US", "America/Chicago", "USD"),
    ("US", "America/Phoenix", "USD"),
    ("GB", "Europe/London", "GBP"),
    ("AU", "Australia/Sydney", "AUD"),
    ("AU", "Australia/Adelaide", "AUD"),
    ("FR", "Europe/Paris", "EUR"),
    ("DE", "Europe/Berlin", "EUR"),
    ("NZ", "Pacific/Auckland", "NZD"),
    ("IN", "Asia/Kolkata", "INR"),
    ("YT", "Indian/Mayotte", "EUR"),
    ("CA", "America/St_Johns", "CAD"),
]
# Spellings that look alike and are different people, and names with marks that come in two codings.
FIRSTS = [
    "Ada",
    "Ben",
    "Cleo",
    "Eli",
    "Jon",
    "John",
    "José",
    "Zoë",
    "Anne-Marie",
    "Mary Ann",
    "Siân",
]
LASTS = ["Example", "Testcase", "O'Sample", "Peña", "Müller", "van Dyke", "Ng", "Smith", "Smyth"]
PRICES = ["50.00", "85.00", "120.00", "0.00", "29.95", "1234.50", "20.00"]
CARDS = ["stripe", "paypal", "square", "braintree"]


def phone_in(country: str, rng: random.Random) -> str:
    """A number that could exist in `country`, as E.164."""
    mobile = phonenumbers.PhoneNumberType.MOBILE
    sample = phonenumbers.example_number_for_type(country, mobile)
    text = str(sample.national_number)
    for _ in range(50):
        parsed = phonenumbers.PhoneNumber(
            country_code=sample.country_code,
            national_number=int(text[:-3] + f"{rng.randrange(1000):03}"),
        )
        if phonenumbers.is_valid_number(parsed):
            break
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def has_lost_its_plus(text: str, country: str) -> bool:
    """Whether it begins with the country's code where a number from home begins with 0.

    4915123456789 would be one from home, too, were it German usage to leave out the 0.
    """
    code = phonenumbers.country_code_for_region(country)
    if not text.startswith(str(code)):
        return False
    home = phonenumbers.PhoneNumber(country_code=code, national_number=int(digits(text)))
    shape = phonenumbers.PhoneNumberFormat.NATIONAL
    return phonenumbers.format_number(home, shape).startswith("0")


@cache
def phone_key(text: str, country: str) -> str:
    """What makes two ways of writing a number one: E.164 as read in `country`, else its digits.

    A number that is in use is the better reading; one of the right length will do, as those set
    aside for examples are in no use.
    """
    text = re.sub(r"\.0$", "", text.strip())
    readings = [(text, country), ("+" + digits(text).removeprefix("00"), None)]
    if has_lost_its_plus(text, country):
        readings.reverse()
    for fits in (phonenumbers.is_valid_number, phonenumbers.is_possible_number):
        for reading, region in readings:
            try:
                parsed = phonenumbers.parse(reading, region)
            except phonenumbers.NumberParseException:
                continue
            if fits(parsed):
                return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return digits(text)


def written(phone: str, country: str, rng: random.Random, *, stripped: bool) -> str:
    """One of the ways in which people write `phone`; bookings mostly keep its digits only."""
    if not phone:
        return ""
    parsed = phonenumbers.parse(phone)
    shapes = phonenumbers.PhoneNumberFormat
    shape = rng.choice([shapes.NATIONAL, shapes.NATIONAL, shapes.INTERNATIONAL, shapes.E164])
    text = phonenumbers.format_number(parsed, shape)
    if stripped and rng.random() < 0.9:
        text = digits(text)
    return text if phone_key(text, country) == phone else phone


def people(world: World, rng: random.Random, count: int) -> list[Person]:
    """Different people; some of one name, where a phone tells them apart or nothing does."""
    made: list[Person] = []
    for number in range(count):
        first, last = rng.choice(FIRSTS), rng.choice(LASTS)
        if made and rng.random() < 0.1:
            first, last = made[-1].first, made[-1].last
        phone = phone_in(world.country, rng) if rng.random() < 0.8 else ""
        email = f"guest{number}@example.com" if rng.random() < 0.7 else ""
        made.append(Person(first, last, email, phone))
    if not world.by_phone:
        return made
    # Keyed by name and phone: a second person of one name has another phone, or none stands there.
    seen: set[tuple[str, str, str]] = set()
    kept = []
    for person in made:
        key = (person.first, person.last, person.phone)
        if key not in seen:
            kept.append(person)
        seen.add(key)
    return kept


def as_typed(name: str, rng: random.Random) -> str:
    """A name as it is typed the next time: mostly alike, at times in capitals or with blanks."""
    chance = rng.random()
    if chance < 0.03:
        return name.upper()
    if chance < 0.06:
        return f" {name} "
    return name


def invented(seed: int) -> World:
    """The world of a seed: the same every time."""
    rng = random.Random(seed)
    country, zone, currency = rng.choice(PLACES)
    world = World(
        timezone=zone,
        country=country,
        currency=currency,
        by_phone=rng.random() < 0.5,
        account_id=20000000 + seed,
        seed=seed,
    )
    world.next_id = rng.choice([1550000001, 2147483600, 9990000001])
    world.partial_filters, world.empty_forms = rng.random() < 0.5, rng.random() < 0.5
    for number in range(rng.choice([1, 1, 2, 2, 3, 4])):
        elsewhere = number and rng.random() < 0.4
        world.calendar(f"Chair {number + 1}", rng.choice(PLACES)[1] if elsewhere else zone)
    for number in range(rng.choice([1, 2, 3, 4])):
        world.kind(
            f"Service {number + 1}" + rng.choice(["", " "]),
            price=rng.choice(PRICES),
            duration=rng.choice([15, 30, 50, 60, 90]),
            kind="class" if number == 2 else "service",
        )
    if len(world.types) > 1 and rng.random() < 0.3:
        world.types[-1].deleted = True
    if len(world.calendars) > 1 and rng.random() < 0.2:
        world.calendars[-1].deleted = True

    count = rng.choice([0, rng.randint(1, 10), *[rng.randint(8, 45)] * 5, rng.randint(45, 150)])
    guests = people(world, rng, max(1, min(40, count // 2 + rng.randint(0, 6))))
    strangers = guests[: len(guests) // 5]
    names = {(person.first, person.last) for person in strangers}
    # A person whom only bookings know shares no name with one of the list.
    listed = [person for person in guests if (person.first, person.last) not in names]
    told: set[tuple[str, str]] = set()
    for person in listed:
        if not world.by_phone and (person.first, person.last) in told:
            continue
        told.add((person.first, person.last))
        world.entries.append(
            Entry(
                person.first,
                person.last,
                person.email,
                written(person.phone, country, rng, stripped=False),
                rng.choice(["", "", "Prefers evenings"]),
            )
        )
        if rng.random() < 0.05:
            # The list holds some people twice, typed otherwise.
            world.entries.append(copy.copy(world.entries[-1]))
            world.entries[-1].first = person.first.upper()
    rng.shuffle(world.entries)
    make_bookings(world, rng, guests, count)
    return world


def make_bookings(world: World, rng: random.Random, guests: list[Person], count: int) -> None:
    first_day = date(2023, 1, 1) + timedelta(days=rng.randrange(1200))
    span = rng.choice([1, 20, 60, 200, 400, 800]) if count < 60 or rng.random() < 0.6 else 1
    numbers = [world.next_id + offset for offset in range(count)]
    # Booked in another order than they take place.
    rng.shuffle(numbers)
    before: list[Booking] = []
    for number in numbers:
        person = rng.choice(guests)
        kind, calendar = rng.choice(world.types), rng.choice(world.calendars)
        day = first_day + timedelta(days=rng.randrange(span))
        hour, minute = rng.choice([0, 1, 8, 9, 12, 17, 18, 23]), rng.choice([0, 15, 30, 45])
        made = world.book(
            f"{person.first} {person.last}",
            f"{day} {hour:02}:{minute:02}",
            id=number,
            calendar=calendar,
            kind=kind,
            email=person.email,
            phone=written(person.phone, world.country, rng, stripped=True),
        )
        made.first, made.last = as_typed(person.first, rng), as_typed(person.last, rng)
        if not world.by_phone and rng.random() < 0.1:
            made.phone = digits(phone_in(world.country, rng))
        if before and rng.random() < 0.2:
            twin = rng.choice(before)
            made.starts, made.calendar_id = twin.starts, twin.calendar_id
        if kind.kind == "class":
            made.class_id = 330000 + int(made.starts.timestamp()) // 900 % 10000
        if rng.random() < 0.18:
            made.canceled, made.no_show = True, rng.random() < 0.4
        if rng.random() < 0.15:
            made.notes = rng.choice(["Deposit by phone", "first line\nsecond line", "tab\there"])
        if rng.random() < 0.15:
            made.labels = [{"id": 240001, "name": "Confirmed", "color": "yellow"}]
        if rng.random() < 0.15:
            made.forms = intake(made.id, rng)
        settle(world, rng, made)
        before.append(made)
    world.next_id += count


def intake(number: int, rng: random.Random) -> list[Row]:
    answer = {
        "id": 910000000 + number % 100000,
        "fieldID": 7100001,
        "fieldWidget": None,
        "value": rng.choice(["none", "nuts"]),
        "name": "Allergies",
    }
    return [{"id": 700001, "name": "Intake", "values": [answer]}]


# How often each way of paying occurs, of a hundred.
WAYS = {
    "unpaid": 30,
    "cash": 15,
    "card": 15,
    "deposit": 10,
    "both": 6,
    "twins": 6,
    "certificate": 6,
    "ticked": 3,
    "undone": 6,
    "tip": 3,
}


def settle(world: World, rng: random.Random, booking: Booking) -> None:
    """How a booking was paid, in the ways that Acuity shows."""
    price, cash, card = booking.price, "cash", rng.choice(CARDS)
    reference = f"pi_{booking.id}"
    way = rng.choices(list(WAYS), list(WAYS.values()))[0]
    if way == "certificate":
        booking.certificate, booking.paid = f"GIFT-{booking.id % 1000:04}", True
    elif way == "ticked":
        booking.paid = True
    elif price == 0 or way == "unpaid":
        return
    elif way == "cash":
        world.pay(booking, price, cash)
    elif way == "card":
        world.pay(booking, price, card, reference)
    elif way == "deposit":
        world.pay(booking, min(price / 2, Decimal(25)).quantize(Decimal("0.01")), card, reference)
    elif way == "both":
        part = (price / 3).quantize(Decimal("0.01"))
        world.pay(booking, part, cash)
        world.pay(booking, price - part, card, reference)
    elif way == "twins":
        world.pay(booking, Decimal("10.00"), cash)
        world.pay(booking, Decimal("10.00"), cash)
    elif way == "undone":
        world.pay(booking, price, card, reference)
        world.pay(booking, -price, card, reference)
    elif way == "tip":
        world.pay(booking, price + 5, card, reference)
