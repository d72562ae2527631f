"""Certificates: codes with a balance. One that leaves the list keeps its last balance."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from django.db.models import Count, OuterRef, Subquery

from bookings.models import (
    Appointment,
    AppointmentType,
    Certificate,
    CertificateAppointmentType,
    Order,
    Product,
)
from integrations.acuity.reading.values import (
    Reject,
    count,
    ids,
    number,
    optional_money,
    plain,
    text,
)
from integrations.acuity.resources.base import Context
from integrations.acuity.resources.records import Part, Record, Shown
from integrations.acuity.resources.whole import Whole
from integrations.acuity.store.references import Keys, Ref

# The list is asked for again for each of so many products.
PRODUCTS = 4


def types(payload: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    names, counts = (
        found if isinstance(found := payload.get(name), dict) else {}
        for name in ("appointmentTypes", "remainingCounts")
    )
    listed = ids(payload.get("appointmentTypeIDs"), "appointmentTypeIDs")
    for key in dict.fromkeys([*listed, *ids([*names, *counts], "remainingCounts")]):
        says = (("name", plain(names.get(key)).strip()[:255]), ("active", False))
        yield Ref(AppointmentType, key, says), count(counts.get(key), "remainingCounts")


class Certificates(Whole):
    name, title, noun = "certificates", "Certificates", "certificate"
    path, model = "/certificates", Certificate
    columns = (
        "code",
        "kind",
        "product_id",
        "order_id",
        "name",
        "email",
        "product_type",
        "type",
        "remaining_minutes",
        "remaining_value",
        "expires_on",
    )
    # What one is called may be to whom it was given.
    personal = ("name", "email")
    impersonal = frozenset(
        [
            "id",
            "certificate",
            "kind",
            "productID",
            "orderID",
            "appointmentTypeIDs",
            "appointmentTypes",
            "productType",
            "type",
            "remainingCounts",
            "remainingMinutes",
            "remainingValue",
            "remainingValueLocal",
            "expiration",
        ]
    )
    parts = (
        Part(
            CertificateAppointmentType,
            "certificate_id",
            ("appointment_type_id", "remaining_count"),
            types,
        ),
    )

    def read(self, payload: dict[str, Any]) -> tuple[Any, ...]:
        return (
            text(payload.get("certificate"), "certificate").strip()[:255],
            plain(payload.get("kind"))[:32],
            Ref(Product, _id(payload, "productID")),
            Ref(Order, _id(payload, "orderID")),
            plain(payload.get("name")),
            plain(payload.get("email")).strip(),
            plain(payload.get("productType"))[:64],
            plain(payload.get("type"))[:32],
            count(payload.get("remainingMinutes"), "remainingMinutes"),
            optional_money(payload.get("remainingValue"), "remainingValue"),
            _day(payload.get("expiration")),
        )

    def otherwise(self, context: Context, rows: list[Any]) -> Shown:
        """By product, those of most certificates first: all of these must be in the list."""
        products = context.account.rows(Product).filter(removed_at=None)
        most = products.alias(n=Count("certificate")).order_by("-n", "-pk")
        keys = list(most.values_list("external_id", flat=True)[:PRODUCTS])
        other = Shown()
        for key in keys:
            found = self.ask(context, productID=key)
            if any(isinstance(row, dict) and str(row.get("productID")) != key for row in found):
                other.ignored = ["productID"]
                break
            other.rows += found
        else:
            if keys:
                other.evidence.append(f"asked for {len(keys)} products one by one")
        return other

    def unlisted(self, context: Context) -> dict[str, int]:
        """The codes of bookings, too: those in no list are coupons, or were left out."""
        rows = context.account.rows(Appointment).filter(certificate_ref=None)
        codes = rows.exclude(certificate="").values("certificate").distinct().count()
        found = super().unlisted(context)
        return found | ({"appointments": codes} if codes else {})

    def written(
        self, context: Context, records: dict[int, Record], keys: Keys, known: set[int]
    ) -> set[int]:
        changed = super().written(context, records, keys, known)
        link_bookings(context)
        return changed


def link_bookings(context: Context) -> None:
    """Bookings that used a code before the list showed it."""
    codes = context.account.rows(Certificate).filter(code=OuterRef("certificate"))
    unlinked = context.account.rows(Appointment).filter(certificate_ref=None)
    unlinked.exclude(certificate="").update(certificate_ref=Subquery(codes.values("pk")[:1]))


def _id(payload: dict[str, Any], name: str) -> str:
    return number(payload[name], name) if payload.get(name) else ""


def _day(value: Any) -> date | None:
    if value is None or value is False or value == "":
        return None
    try:
        return date.fromisoformat(text(value, "expiration")[:10])
    except ValueError:
        raise Reject("expiration is not a day like 2026-11-02") from None
