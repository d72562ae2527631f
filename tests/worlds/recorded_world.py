"""The recorded account of `recorded/`, served row by row as it was recorded."""

import copy
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.worlds.world import Booking, Calendar, Entry, Kind, Row, World

FOLDER = Path(__file__).parent / "recorded"


def recorded(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())


class RecordedWorld(World):
    def __init__(self) -> None:
        self.facts = recorded("me")
        super().__init__(
            timezone=self.facts["timezone"],
            country=self.facts["country"],
            currency=self.facts["currency"],
            by_phone=self.facts["clientsDistinctByPhone"],
            account_id=self.facts["id"],
        )
        self.rows: dict[int, Row] = {row["id"]: row for row in recorded("appointments")}
        self.calendar_rows = recorded("calendars")
        self.type_rows = recorded("appointment-types")
        self.calendars = [
            Calendar(row["id"], row["name"], row["timezone"]) for row in self.calendar_rows
        ]
        self.types = [
            Kind(row["id"], row["name"], row["duration"], Decimal(row["price"]))
            for row in self.type_rows
        ]
        for row in recorded("clients"):
            self.entries.append(
                Entry(row["firstName"], row["lastName"], row["email"], row["phone"], row["notes"])
            )
        for row in self.rows.values():
            self.bookings[row["id"]] = as_booking(row)

    def me(self) -> Row:
        return dict(self.facts)

    def calendar_row(self, calendar: Calendar) -> Row:
        return next(row for row in self.calendar_rows if row["id"] == calendar.id)

    def type_row(self, kind: Kind) -> Row:
        return next(row for row in self.type_rows if row["id"] == kind.id)

    def booking_row(self, booking: Booking, *, single: bool = False) -> Row:
        row = copy.deepcopy(self.rows[booking.id])
        return row | {"isVerified": False, "scheduledBy": None} if single else row

    def other_rows(self, name: str) -> list[Row]:
        return recorded(name)


def as_booking(row: Row) -> Booking:
    starts = datetime.strptime(row["datetime"], "%Y-%m-%dT%H:%M:%S%z")
    return Booking(
        id=row["id"],
        first=row["firstName"],
        last=row["lastName"],
        email=row["email"],
        phone=row["phone"],
        starts=starts,
        duration=int(row["duration"]),
        price=Decimal(row["price"]),
        price_sold=Decimal(row["priceSold"]),
        calendar_id=row["calendarID"],
        type_id=row["appointmentTypeID"],
        created=starts,
        paid=row["paid"] == "yes",
        amount_paid=Decimal(row["amountPaid"]),
        canceled=row["canceled"],
        no_show=row.get("noShow", False),
        notes=row["notes"],
    )
