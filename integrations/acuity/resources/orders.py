"""Orders: sales that are no bookings. The list has a `max`, no dates and no offset."""

import contextlib
from collections.abc import Iterator
from datetime import UTC
from typing import Any

from bookings.models import Client, Order, OrderLine, Product
from integrations.acuity.reading.findings import Gap
from integrations.acuity.reading.values import (
    Reject,
    clean,
    count,
    key_of,
    listed,
    moment,
    number,
    optional_money,
    plain,
)
from integrations.acuity.resources.base import Context, Fetched, Found
from integrations.acuity.resources.catalog import WHO
from integrations.acuity.resources.records import Part, Record, Shown
from integrations.acuity.resources.whole import Whole
from integrations.acuity.store.references import Keys, Ref
from integrations.acuity.store.upsert import Counts

# The first question asks for so many; each next one for twice as many, up to the last.
FIRST, LAST = 1000, 1000 << 10
# So many orders that the list does not show are asked for by their ID.
ASKED = 50


def lines(payload: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    found = listed(payload.get("products"))
    if found is None or not all(isinstance(each, dict) for each in found):
        raise Reject("products is not a list of lines")
    for each in found:
        name = plain(each.get("name"))
        key = number(each["id"], "products.id") if each.get("id") else ""
        product = Ref(Product, key, (("name", name.strip()[:255]),))
        quantity = count(each.get("quantity"), "products.quantity")
        total = optional_money(each.get("total"), "products.total")
        yield product, name, 1 if quantity is None else quantity, total


class Orders(Whole):
    name, title, noun = "orders", "Orders", "order"
    path, model = "/orders", Order
    columns = (
        "first_name",
        "last_name",
        "email",
        "phone",
        "placed_at",
        "total",
        "status",
        "title",
        "notes",
    )
    personal = ("first_name", "last_name", "email", "phone", "notes")
    impersonal = frozenset(["id", "time", "total", "status", "title", "products"])
    parts = (
        Part(OrderLine, "order_id", ("product_id", "product_name", "quantity", "total"), lines),
    )

    def read(self, payload: dict[str, Any], zone: str = "") -> tuple[Any, ...]:
        person = ("firstName", "lastName", "email", "phone")
        return (
            *(plain(payload.get(name)).strip() for name in person),
            moment(payload.get("time"), "time", zone).astimezone(UTC),
            optional_money(payload.get("total"), "total"),
            plain(payload.get("status"))[:32],
            plain(payload.get("title")),
            plain(payload.get("notes")),
        )

    def values(self, context: Context, payload: dict[str, Any]) -> tuple[Any, ...]:
        """Its time has no offset: it is the account's."""
        return self.read(payload, context.account.timezone)

    def listing(self, context: Context) -> Shown:
        asked = FIRST
        while len(rows := self.ask(context, max=asked)) >= asked and asked < LAST:
            asked *= 2
        return Shown(rows)

    def otherwise(self, context: Context, rows: list[Any]) -> Shown:
        """Fewer than there are, which shows whether `max` is heard; then by ID those that are stored,
        or that a certificate names, and that the list does not show."""
        other = Shown()
        if (fewer := len(rows) - 1) > 0:
            other.evidence.append(f"asked for {fewer:,} of {len(rows):,}")
            other.again, other.may_lack = self.ask(context, max=fewer), 1
            if len(other.again) != fewer:
                other.ignored.append("max")
                reason = "Acuity ignores max in its list of orders: where that ends cannot be told."
                other.gaps.append(Gap(self.name, reason, ignored=["max"]))
        known = context.account.rows(self.model).filter(removed_at=None)
        shown = {*map(key_of, rows)}
        keys = sorted(set(known.values_list("external_id", flat=True)) - shown)[-ASKED:]
        if keys:
            answers = context.source.each([f"{self.path}/{key}" for key in keys])
            other.rows += [clean(row) for row in answers if isinstance(row, dict)]
            other.evidence.append(f"{len(keys)} that are not listed asked for by their ID")
        return other

    def written(
        self, context: Context, records: dict[int, Record], keys: Keys, known: set[int]
    ) -> set[int]:
        """Whoever was forgotten has no name by which an order would be found to be theirs."""
        for pk, record in records.items():
            if record.nobody:
                Order.objects.filter(pk=pk, client=None).update(client=record.nobody)
        return super().written(context, records, keys, known)

    def save(self, context: Context, page: Fetched) -> Counts:
        counts = super().save(context, page)
        link_clients(context)
        return counts

    def heal(self, context: Context, found: Found) -> Counts:
        counts = super().heal(context, found)
        link_clients(context)
        return counts


def link_clients(context: Context) -> None:
    """Who bought is found as for bookings; somebody unknown now may be known at the next import."""
    orders = context.account.rows(Order).filter(client=None, known_from="")
    owners: dict[str, list[Order]] = {}
    for order in orders.only("first_name", "last_name", "phone"):
        entry = {
            "firstName": order.first_name,
            "lastName": order.last_name,
            "phone": order.phone,
        }
        with contextlib.suppress(Reject):
            owners.setdefault(context.identity.keys(entry)[0], []).append(order)
    clients = context.account.rows(Client).filter(external_id__in=list(owners))
    for key, pk in clients.values_list("external_id", WHO):
        Order.objects.filter(pk__in=[order.pk for order in owners[key]]).update(client=pk)
