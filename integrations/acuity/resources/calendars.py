"""Calendars: old bookings name deleted ones, too, of which the list says nothing."""

from typing import Any

from bookings.models import Calendar
from integrations.acuity.reading import zones
from integrations.acuity.reading.values import text, yes
from integrations.acuity.resources.whole import Whole


class Calendars(Whole):
    name, title, noun = "calendars", "Calendars", "calendar"
    path, model = "/calendars", Calendar
    columns = (
        "name",
        "timezone",
        "email",
        "reply_to",
        "description",
        "location",
        "image",
        "thumbnail",
        "valid",
    )
    always = True
    # What is on offer is on offer in calendars that there are.
    proves_cut = ("appointment_types",)

    def read(self, payload: dict[str, Any]) -> tuple[Any, ...]:
        zone = text(payload.get("timezone"), "timezone")
        names = ("email", "replyTo", "description", "location", "image", "thumbnail")
        return (
            text(payload.get("name"), "name").strip()[:255],
            (zones.resolve(zone) or zone)[:64],
            *(text(payload.get(name), name) for name in names),
            yes(payload.get("isValid", True)),
        )
