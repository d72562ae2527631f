"""Appointment types: deleted ones are listed only on request, and old bookings name them."""

from collections.abc import Iterator
from typing import Any

from bookings.models import Addon, AppointmentType, Calendar, Form, Listed
from integrations.acuity.reading.values import count, ids, money, plain, text, yes
from integrations.acuity.resources.records import Part
from integrations.acuity.resources.whole import Whole
from integrations.acuity.store.references import Ref


def named(model: type[Listed], attname: str, name: str, key: str) -> Part:
    """The rows of `model` that a type names in its list `name`."""

    def read(payload: dict[str, Any]) -> Iterator[tuple[Ref]]:
        return ((Ref(model, each),) for each in ids(payload.get(key), key))

    through = getattr(AppointmentType, name).through
    return Part(through, "appointmenttype_id", (attname,), read)


class AppointmentTypes(Whole):
    name, title, noun = "appointment_types", "Appointment types", "appointment type"
    path, model = "/appointment-types", AppointmentType
    columns = (
        "name",
        "duration",
        "price",
        "active",
        "description",
        "category",
        "color",
        "private",
        "kind",
        "image",
        "class_size",
        "padding_before",
        "padding_after",
    )
    parts = (
        named(Calendar, "calendar_id", "calendars", "calendarIDs"),
        named(Addon, "addon_id", "addons", "addonIDs"),
        named(Form, "form_id", "forms", "formIDs"),
    )
    always = True
    params = {"includeDeleted": "true"}
    second_look = {}

    def read(self, payload: dict[str, Any]) -> tuple[Any, ...]:
        return (
            text(payload.get("name"), "name").strip()[:255],
            count(payload.get("duration"), "duration"),
            money(payload.get("price"), "price", 3),
            yes(payload.get("active", True)),
            plain(payload.get("description")),
            plain(payload.get("category"))[:255],
            plain(payload.get("color"))[:32],
            yes(payload.get("private")),
            plain(payload.get("type"))[:32],
            plain(payload.get("image")),
            count(payload.get("classSize"), "classSize"),
            count(payload.get("paddingBefore"), "paddingBefore") or 0,
            count(payload.get("paddingAfter"), "paddingAfter") or 0,
        )
