"""What is taken out, in which tables and columns? Read off the models, so nothing is told twice."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from django.db.models import Exists, Field, Model, OuterRef, Q, QuerySet

from bookings import models
from bookings.models import Change, Tenant

AT_ONCE = 2000
# What a source sent, and what an import keeps for itself; answers and labels have tables of their own.
LEFT_OUT = {
    "tenant",
    "source",
    "source_account",
    "raw",
    "content_hash",
    "fingerprint",
    "name_key",
    "review",
    "missing_since",
    "payment_state",
    "payments_fetched_for",
    "payments_read_at",
    "payments_fetched",
    "payments_fetched_sum",
    "forms",
    "labels",
    "row",
}


# Rows that have no ID at the source have one of this database's.
KEY = "Number in the database that this was taken from."


class Column(NamedTuple):
    """A column of a file: where its values come from, and the field that describes them."""

    name: str
    lookup: str
    field: "Field[Any, Any]"
    description: str
    # Whether it says who somebody is: a name, an address, a note, an answer.
    personal: bool = False


class Link(NamedTuple):
    """Columns that refer to those of another table."""

    columns: tuple[str, ...]
    table: str
    referred: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A file of the export. `owner` leads from a row to the row that a tenant has."""

    name: str
    model: type[Model]
    owner: str = ""
    personal: frozenset[str] = frozenset()

    @cached_property
    def columns(self) -> list[Column]:
        found = []
        for field in self.model._meta.concrete_fields:
            if field.name in LEFT_OUT or (field.primary_key and self.has_ids):
                continue
            if field.is_relation:
                found += _reference(field)
                continue
            name = "id" if field.name == "external_id" and self.has_ids else field.name
            said = str(field.help_text) or KEY
            found.append(Column(name, field.name, field, said, name in self.personal))
        # Of two rows that only join others, the pair is the key.
        found = [column for column in found if column.name != "id" or not self.joins]
        return sorted(found, key=lambda column: column.name not in self.key)

    @property
    def has_ids(self) -> bool:
        """Whether a row is known by the source's ID; else by a number of this database."""
        names = {field.name for field in self.model._meta.concrete_fields}
        return "external_id" in names and self.model not in (models.Answer, Change)

    @property
    def joins(self) -> bool:
        return bool(self.model._meta.auto_created)

    @cached_property
    def key(self) -> tuple[str, ...]:
        if self.joins:
            fields = self.model._meta.concrete_fields
            return tuple(_reference(field)[0].name for field in fields if field.is_relation)
        if self.model is models.Payment:
            return ("appointment_id", "id")
        return ("appointment_id", "payment_id", "id") if self.model is models.Refund else ("id",)

    @cached_property
    def links(self) -> list[Link]:
        found = []
        for field in self.model._meta.concrete_fields:
            if field.is_relation and field.name not in LEFT_OUT:
                table = next(t for t in TABLES.values() if t.model is field.related_model)
                columns = tuple(column.name for column in _reference(field))
                found.append(Link(columns, table.name, table.key))
        return found

    def rows(
        self, tenant: Tenant, account: str | None = None, since: datetime | None = None
    ) -> QuerySet[Any]:
        """The rows of the tenant: of one account at the source, and new or changed since then, if
        those are given. Changes do not know their account: they are all there."""
        way = f"{self.owner}__" if self.owner else ""
        # In the order of an index that begins with the tenant: sorting would hold the whole table.
        identity = (f"{way}source", f"{way}source_account", f"{way}external_id")
        order = ("seen_at",) if self.model is Change else identity
        rows = self.model._default_manager.filter(**{f"{way}tenant": tenant})
        if account is not None and self.model is not Change:
            rows = rows.filter(**{f"{way}source_account": account})
        rows = rows.order_by(f"{way}tenant", *order, "pk")
        return rows if since is None else rows.filter(self._new(since))

    def values(self, rows: QuerySet[Any]) -> Iterator[tuple[Any, ...]]:
        """The values of each row by column, a few thousand rows in memory."""
        lookups = [column.lookup for column in self.columns]
        return iter(rows.values_list(*lookups).iterator(AT_ONCE))

    def _new(self, since: datetime) -> Q:
        """What belongs to a row is as new as that row."""
        if self.model is Change:
            return Q(seen_at__gte=since)
        own = "first_seen" in {field.name for field in self.model._meta.concrete_fields}
        owner: Any = self.model if own else self.model._meta.get_field(self.owner).related_model
        name = next(table.name for table in TABLES.values() if table.model is owner)
        way = "" if own else f"{self.owner}__"
        row = OuterRef(f"{way}pk")
        changes = Change.objects.filter(resource=name, row=row, seen_at__gte=since)
        return Q(**{f"{way}first_seen__gte": since}) | Q(Exists(changes))


def _reference(field: Any) -> list[Column]:
    """The columns that say to which row of another table this one belongs."""
    other, name = field.related_model, field.name
    target = other._meta.get_field("external_id")
    said = str(field.help_text) or f"ID of the {other._meta.verbose_name}."
    called = "appointment_type" if name == "appointmenttype" else name
    own = Column(f"{called}_id", f"{name}__external_id", target, said, other is models.Client)
    if other is not models.Payment:
        return [own]
    # A payment's ID is one within its booking.
    booking = models.Appointment._meta.get_field("external_id")
    way = f"{name}__appointment__external_id"
    return [Column("appointment_id", way, booking, "ID of the payment's appointment."), own]


WHO = frozenset({"first_name", "last_name", "email", "phone", "notes"})
_TYPE: Any = models.AppointmentType
TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table("calendars", models.Calendar, personal=frozenset({"email", "reply_to"})),
        Table("appointment_types", models.AppointmentType),
        Table("addons", models.Addon),
        Table("forms", models.Form),
        Table("questions", models.Question),
        Table("labels", models.Label),
        # What identifies a client is made of the name.
        Table("clients", models.Client, personal=WHO | {"id"}),
        # Who visits people has their addresses in the location.
        Table("appointments", models.Appointment, personal=WHO | {"scheduled_by", "location"}),
        Table("appointment_addons", models.AppointmentAddon, "appointment"),
        Table("answers", models.Answer, "appointment", frozenset({"value"})),
        Table("payments", models.Payment, "appointment"),
        Table("refunds", models.Refund, "payment__appointment"),
        Table("blocks", models.Block, personal=frozenset({"notes"})),
        Table("products", models.Product),
        Table("product_appointment_types", models.ProductAppointmentType, "product"),
        Table("orders", models.Order, personal=WHO),
        Table("order_lines", models.OrderLine, "order"),
        # What one is called may be to whom it was given.
        Table("certificates", models.Certificate, personal=frozenset({"name", "email"})),
        Table("certificate_appointment_types", models.CertificateAppointmentType, "certificate"),
        Table("type_calendars", _TYPE.calendars.through, "appointmenttype"),
        Table("type_addons", _TYPE.addons.through, "appointmenttype"),
        Table("type_forms", _TYPE.forms.through, "appointmenttype"),
        Table("changes", models.Change),
    )
}
