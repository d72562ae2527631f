"""How is one booking kept, and how does the API show it?"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from .catalog import LABELS, OWNER
from .people import Person

Json = dict[str, Any]
VENDOR_ZONE = "America/Chicago"  # `datetimeCreated` is in the vendor's zone, not the business's
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
LIVE, CANCELED, NO_SHOW = 0, 1, 2

zone = lru_cache(maxsize=None)(ZoneInfo)


@dataclass(slots=True)
class Booking:
    """Few fields and shared objects: a million of these fit in memory, a million full records do not."""

    id: int
    start: int  # seconds since 1970
    made: int
    person: Person
    type: Json
    calendar: Json
    status: int = LIVE
    paid: bool = False
    amount: str = "0.00"
    certificate: str | None = None
    class_id: int | None = None
    over: Json | None = None  # fields a test has set by hand

    @property
    def addons(self) -> list[int]:
        return [820001, 820001] if self.type["id"] == 5100002 and self.id % 7 == 0 else []

    @property
    def sold(self) -> str:
        return "150.00" if self.addons else self.type["price"]

    @property
    def local(self) -> datetime:
        return datetime.fromtimestamp(self.start, zone(self.calendar["timezone"]))

    def shown(self, key: str, usual: Any) -> Any:
        return self.over.get(key, usual) if self.over else usual


def stamp(seconds: int, timezone: str = VENDOR_ZONE) -> str:
    """`2026-06-15T09:30:00-0500`: no colon in the offset."""
    text = datetime.fromtimestamp(seconds, zone(timezone)).isoformat()
    return text[:-3] + text[-2:]


def _day(moment: datetime) -> str:
    return f"{MONTHS[moment.month - 1]} {moment.day}, {moment.year}"


def _clock(moment: datetime) -> str:
    return f"{moment.hour % 12 or 12}:{moment.minute:02d}{'am' if moment.hour < 12 else 'pm'}"


def _labels(booking: Booking) -> list[Json] | None:
    return [LABELS[booking.id % 3]] if booking.id % 17 == 0 else None


def _forms(booking: Booking) -> list[Json]:
    if booking.type["id"] != 5100001 or booking.id % 3:
        return []
    first = 910000000 + (booking.id % 10_000_000) * 4
    values: list[Json] = [
        {
            "id": first,
            "fieldID": 7100001,
            "fieldWidget": 1,
            "value": "A friend",
            "name": "How did you hear about us?",
        },
        {"id": first + 1, "fieldID": 7100002, "value": "", "name": "Allergies"},
        {
            "id": first + 2,
            "fieldID": 7100003,
            "fieldWidget": None,
            "value": "Balayage, Gloss",
            "name": "Interested in",
        },
        {
            "id": first + 3,
            "fieldID": 7100004,
            "fieldWidget": None,
            "value": "yes",
            "name": "I agree to the policy",
        },
    ]
    return [{"id": 700001, "name": "New guest" if booking.id % 2 else "", "values": values}]


def _forms_text(record: Json, person: Person) -> str:
    text = (
        f"Name: {record['firstName']} {record['lastName']}\nPhone: {person.phone}\n"
        f"Email: {record['email']}\nPrice: ${record['price']}\n"
    )
    for form in record["forms"]:
        answers = "\n".join(f"{v['name']}: {v['value']}" for v in form["values"])
        text += f"\n{form['name']}\n============\n{answers}\n"
    return text


def record(b: Booking) -> Json:
    """The booking as a list answer shows it."""
    timezone = b.calendar["timezone"]
    start = datetime.fromtimestamp(b.start, zone(timezone))
    end = datetime.fromtimestamp(b.start + b.type["duration"] * 60, zone(timezone))
    secret = hashlib.md5(str(b.id).encode(), usedforsecurity=False).hexdigest()
    shown: Json = {
        "id": b.id,
        "firstName": b.person.first,
        "lastName": b.person.last,
        "phone": b.person.digits,
        "email": b.person.email,
        "date": _day(start),
        "time": _clock(start),
        "endTime": _clock(end),
        "dateCreated": _day(datetime.fromtimestamp(b.made, zone(VENDOR_ZONE))),
        "datetimeCreated": stamp(b.made),
        "datetime": stamp(b.start, timezone),
        "price": b.type["price"],
        "priceSold": b.sold,
        "paid": "yes" if b.paid else "no",
        "amountPaid": b.amount,
        "type": b.type["name"],
        "appointmentTypeID": b.type["id"],
        "classID": b.class_id,
        "addonIDs": b.addons,
        "category": b.type["category"],
        "duration": str(b.type["duration"]),
        "calendar": b.calendar["name"],
        "calendarID": b.calendar["id"],
        "certificate": b.certificate,
        "confirmationPage": f"https://app.acuityscheduling.com/schedule.php?owner={OWNER}"
        f"&action=appt&id%5B%5D={secret}",
        "confirmationPagePaymentLink": f"https://app.acuityscheduling.com/schedule/0a1b2c3d/pay/{secret}/"
        f"?owner={OWNER}",
        "location": b.calendar["location"],
        "notes": "Deposit taken by phone" if not b.paid and b.amount != "0.00" else "",
        "timezone": timezone,
        "calendarTimezone": timezone,
        "canceled": b.status != LIVE,
        "canClientCancel": False,
        "canClientReschedule": False,
        "labels": _labels(b),
        "forms": _forms(b),
        "formsText": "",
    }
    shown["formsText"] = _forms_text(shown, b.person)
    if b.status != LIVE:
        shown["noShow"] = b.status == NO_SHOW
    if b.over:
        shown.update(b.over)
    return shown


def without_forms(shown: Json, shape: str) -> Json:
    """`excludeForms=true`; whether the keys vanish or stay empty is unknown, hence `shape`."""
    kept = {key: value for key, value in shown.items() if key not in ("forms", "formsText")}
    return kept if shape == "absent" else {**kept, "forms": [], "formsText": ""}


def encode(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
