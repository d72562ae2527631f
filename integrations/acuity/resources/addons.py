"""Add-ons: what can be booked on top of a type, and old bookings name after it was deleted."""

from typing import Any

from bookings.models import Addon
from integrations.acuity.reading.values import count, optional_money, text, yes
from integrations.acuity.resources.whole import Whole


class Addons(Whole):
    name, title, noun = "addons", "Add-ons", "add-on"
    path, model = "/appointment-addons", Addon
    columns = ("name", "duration", "price", "private", "active")
    proves_cut = ("appointment_types",)

    def read(self, payload: dict[str, Any]) -> tuple[Any, ...]:
        return (
            text(payload.get("name"), "name").strip()[:255],
            count(payload.get("duration"), "duration"),
            optional_money(payload.get("price"), "price"),
            yes(payload.get("private")),
            yes(payload.get("active", True)),
        )
