"""What has the sandbox business sold beside bookings, and when is nobody there?"""

import random
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

from .booking import stamp, zone
from .catalog import HIDDEN
from .people import Person

Json = dict[str, Any]
CLASS, CUT = 5100003, 5100001


def products() -> list[Json]:
    """Five, the third deleted. Prices come as text or as numbers."""
    return [
        _product(1, "Gift card", 25, "value", value=25, isGiftCertificate=True),
        _product(
            2,
            "Five classes",
            "90.00",
            "appointments",
            expires=365,
            appointmentTypeIDs=[CLASS],
            appointmentTypeCounts={str(CLASS): 5},
        ),
        _product(3, "Membership", "0.00", "appointments") | {"kind": "subscription", HIDDEN: True},
        _product(4, "Two hours", "150.00", "minutes", appointmentTypeIDs=[CUT], minutes=120),
        {
            "id": 2230005,
            "name": "Brush",
            "description": "",
            "price": "12.00",
            "type": "product",
            "hidden": True,
            "expires": None,
            "appointmentTypeIDs": None,
            "appointmentTypeCounts": None,
            "minutes": None,
        },
    ]


def _product(n: int, name: str, price: Any, kind: str, **more: Any) -> Json:
    return {
        "id": 2230000 + n,
        "name": name,
        "description": "",
        "price": price,
        "type": kind,
        "kind": "package",
        "hidden": False,
        "unavailable": False,
        "expires": None,
        "appointmentTypeIDs": [],
        "appointmentTypeCounts": None,
        "minutes": None,
        "value": None,
        "isGiftCertificate": False,
        **more,
    }


def orders(rng: random.Random, persons: list[Person], first: date, days: int) -> list[Json]:
    """One for every six clients, at least four; the time is the business's and has no zone."""
    made = []
    for n in range(max(4, len(persons) // 6)):
        person, sold = rng.choice(persons), products()[n % 5]
        at = datetime.combine(first + timedelta(days=rng.randrange(days)), time(9 + n % 9, 30, 56))
        total = 0 if sold["name"] == "Membership" else int(float(sold["price"]))
        line = {"id": sold["id"], "name": sold["name"], "quantity": 1, "total": total}
        made.append(
            {
                "id": 162000001 + n,
                "total": total,
                "time": at.isoformat(" "),
                "firstName": person.first,
                "lastName": person.last,
                "phone": "call me" if n % 7 == 0 else person.phone,
                "email": person.email,
                "notes": "",
                "status": "paid",
                "title": sold["name"],
                "products": [line],
            }
        )
    return made


def certificates(orders: list[Json], codes: Iterable[str]) -> list[Json]:
    """One for each order of something that can be used up; the first of them have the bookings' codes."""
    waiting = iter(codes)
    made = []
    for order in orders:
        sold = order["products"][0]["id"] - 2230000
        if sold == 5:
            continue
        n = order["id"] - 162000000
        made.append(_certificate(n, sold, next(waiting, f"C0DE{n:04X}"), order))
    return made


def _certificate(n: int, sold: int, code: str, order: Json) -> Json:
    kind = {1: "value", 2: "counts", 3: "unlimited", 4: "minutes"}[sold]
    return {
        "id": 81000000 + n,
        "certificate": code,
        "kind": "code",
        "productID": 2230000 + sold,
        # What was given by hand has no order.
        "orderID": None if n % 9 == 0 else order["id"],
        "appointmentTypeIDs": [CLASS if sold == 2 else CUT],
        "appointmentTypes": {str(CLASS if sold == 2 else CUT): "Styling class"},
        "name": order["title"],
        "email": order["email"] if n % 2 else "",
        "productType": "Package" if sold in (2, 4) else "Gift Certificate",
        "type": kind,
        "remainingCounts": {str(CLASS): n % 5} if sold == 2 else None,
        "remainingMinutes": 120 - n % 3 * 30 if sold == 4 else None,
        "remainingValue": 25 - n % 4 * 5 if sold == 1 else None,
        "remainingValueLocal": f"${25 - n % 4 * 5}.00" if sold == 1 else None,
        "expiration": "2026-11-02" if sold == 2 else None,
    }


def blocks(rng: random.Random, calendars: list[Json], first: date, days: int) -> list[Json]:
    """Four hours on about every ninth day; a vendor's text where one repeats."""
    made = []
    for n in range(max(3, days // 9)):
        room = calendars[n % len(calendars)]
        day = first + timedelta(days=rng.randrange(days))
        at = int(datetime.combine(day, time(12), zone(room["timezone"])).timestamp())
        weekly = n % 11 == 0
        made.append(
            {
                "id": 9990000001 + n,
                "calendarID": room["id"],
                "serviceGroupID": room["id"],
                "calendarTimezone": room["timezone"],
                "start": stamp(at, room["timezone"]),
                "end": stamp(at + 4 * 3600, room["timezone"]),
                "notes": "Holiday" if n % 3 == 0 else "",
                "managed": False,
                "recurring": "weekly" if weekly else None,
                "until": "2027-01-01" if weekly else None,
                "description": f"{day:%A, %B} {day.day}, {day.year} 12:00pm - 4:00pm",
            }
        )
    return made
