"""Products: packages, gift certificates, subscriptions; deleted ones are listed only on request."""

from collections.abc import Iterator
from typing import Any

from bookings.models import (
    AppointmentType,
    Product,
    ProductAppointmentType,
)
from integrations.acuity.reading.values import count, ids, optional_money, plain, text, yes
from integrations.acuity.resources.records import Part
from integrations.acuity.resources.whole import Whole
from integrations.acuity.store.references import Ref


def types(payload: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """What it can be used for, and how often where that is counted."""
    counts = payload.get("appointmentTypeCounts")
    counts = counts if isinstance(counts, dict) else {}
    listed = ids(payload.get("appointmentTypeIDs"), "appointmentTypeIDs")
    for key in dict.fromkeys([*listed, *ids(list(counts), "appointmentTypeCounts")]):
        yield Ref(AppointmentType, key), count(counts.get(key), "appointmentTypeCounts")


class Products(Whole):
    name, title, noun = "products", "Products", "product"
    path, model = "/products", Product
    columns = (
        "name",
        "description",
        "price",
        "type",
        "kind",
        "hidden",
        "unavailable",
        "expires_days",
        "minutes",
        "value",
        "is_gift_certificate",
    )
    parts = (Part(ProductAppointmentType, "product_id", ("appointment_type_id", "count"), types),)
    params = {"deleted": "true"}
    second_look = {}

    def read(self, payload: dict[str, Any]) -> tuple[Any, ...]:
        return (
            text(payload.get("name"), "name").strip()[:255],
            plain(payload.get("description")),
            optional_money(payload.get("price"), "price"),
            plain(payload.get("type"))[:32],
            plain(payload.get("kind"))[:32],
            yes(payload.get("hidden")),
            yes(payload.get("unavailable")),
            count(payload.get("expires"), "expires"),
            count(payload.get("minutes"), "minutes"),
            optional_money(payload.get("value"), "value"),
            yes(payload.get("isGiftCertificate")),
        )
