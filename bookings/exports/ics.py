"""The bookings as a calendar, without answers and notes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.db.models import Max, Min, QuerySet
from icalendar import Calendar, Event, Timezone

from bookings.exports.tables import AT_ONCE
from bookings.models import Appointment, Tenant

COLUMNS = (
    "external_id",
    "source",
    "starts_at",
    "ends_at",
    "calendar_timezone",
    "type_name",
    "first_name",
    "last_name",
    "location",
    "canceled",
    "created_at",
)


def write(path: Path, rows: QuerySet[Appointment], tenant: Tenant, *, people: bool = True) -> int:
    """How many bookings were written, one at a time; those gone at the source are none."""
    rows = rows.filter(removed_at=None)
    now, count = datetime.now(UTC), 0
    shell = Calendar()
    shell.add("prodid", "-//acuity-importer//bookings//EN")
    shell.add("version", "2.0")
    shell.add("x-wr-calname", tenant.name)
    head, end = shell.to_ical().split(b"END:VCALENDAR")[0], b"END:VCALENDAR\r\n"
    with path.open("wb") as file:
        file.write(head)
        for zone in _zones(rows, tenant):
            file.write(zone.to_ical())
        for values in rows.values_list(*COLUMNS).iterator(AT_ONCE):
            file.write(_event(dict(zip(COLUMNS, values, strict=True)), tenant, now, people))
            count += 1
        file.write(end)
    return count


def _event(row: dict[str, Any], tenant: Tenant, now: datetime, people: bool) -> bytes:
    event = Event()
    zone = _zone(row["calendar_timezone"] or tenant.timezone)
    event.add("uid", f"{row['external_id']}@{row['source']}")
    event.add("dtstamp", now)
    event.add("dtstart", row["starts_at"].astimezone(zone))
    event.add("dtend", row["ends_at"].astimezone(zone))
    who = f"{row['first_name']} {row['last_name']}".strip() if people else ""
    event.add("summary", ": ".join(filter(None, [row["type_name"], who])) or "Booking")
    event.add("status", "CANCELLED" if row["canceled"] else "CONFIRMED")
    if row["location"]:
        event.add("location", row["location"])
    if row["created_at"]:
        event.add("created", row["created_at"])
    found: bytes = event.to_ical()
    return found


def _zones(rows: QuerySet[Appointment], tenant: Tenant) -> Iterator[Timezone]:
    """The rules of each zone that the bookings name, for the years that they span."""
    span = rows.aggregate(first=Min("starts_at"), last=Max("ends_at"))
    named = rows.order_by().values_list("calendar_timezone", flat=True).distinct()
    keys = {_zone(name or tenant.timezone) for name in named} - {UTC}
    for zone in sorted(keys, key=str):
        yield Timezone.from_tzid(
            str(zone),
            first_date=span["first"].date().replace(month=1, day=1),
            last_date=span["last"].date().replace(month=12, day=31),
        )


@lru_cache
def _zone(name: str) -> Any:
    """The zone of this name; UTC where nobody knows it."""
    return ZoneInfo(name) if name in available_timezones() and name != "UTC" else UTC
