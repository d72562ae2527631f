"""What does a payload mean? Typed records, or a `Reject` that says why not."""

import html
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from integrations.acuity.reading.identity import Identity
from integrations.acuity.reading.listing import Row
from integrations.acuity.reading.values import (
    Reject,
    canonical,
    clean,
    digest,
    moment,
    money,
    number,
    print_of,
    storable,
    text,
)


class ClientRecord(msgspec.Struct, frozen=True):
    key: str
    name_key: str
    first_name: str
    last_name: str
    email: str
    phone: str
    notes: str
    entries: list[dict[str, Any]]
    content_hash: str


class Person(NamedTuple):
    """Who booked."""

    first_name: Any
    last_name: Any
    email: Any
    phone: Any

    def fields(self) -> dict[str, str]:
        """As a client's. Raises Reject."""
        return {
            "first_name": _name(self.first_name, "firstName"),
            "last_name": _name(self.last_name, "lastName"),
            "email": text(self.email, "email").strip(),
            "phone": text(self.phone, "phone").strip(),
        }


class Place(NamedTuple):
    """The names of what was booked, and of where."""

    type: Any
    calendar: Any
    timezone: str


class AppointmentRecord(msgspec.Struct, frozen=True, gc=False):
    """What is stored of a booking. `person` and `place` are as they came: they are only wanted when
    its client, calendar or type is not known yet."""

    person: Person
    place: Place
    id: str
    client_key: str
    client_name_key: str
    starts_at: datetime
    ends_at: datetime
    service_date: date
    timezone: str
    price: Decimal
    paid: bool
    amount_paid: Decimal
    payment_state: str
    type_id: str
    calendar_id: str
    canceled: bool
    no_show: bool
    certificate: str
    notes: str
    # JSON as it will be stored.
    forms: msgspec.Raw
    labels: msgspec.Raw
    raw: msgspec.Raw
    # Of `raw`, then of `forms`.
    content_hash: str
    fingerprint: str


class PaymentRecord(msgspec.Struct, frozen=True):
    key: str
    transaction_id: str
    processor: str
    amount: Decimal
    paid_at: datetime


def parse_client(entries: list[dict[str, Any]], identity: Identity) -> ClientRecord:
    """One client from the entries that share its key: the first value that is not empty wins."""
    entries = [_object(clean(entry)) for entry in entries]

    def first(name: str) -> str:
        return next((v for e in entries if (v := text(e.get(name), name).strip())), "")

    key, name_key = identity.keys(entries[0])
    return ClientRecord(
        key=key,
        name_key=name_key,
        first_name=_name(entries[0].get("firstName"), "firstName"),
        last_name=_name(entries[0].get("lastName"), "lastName"),
        email=first("email"),
        phone=first("phone"),
        notes=first("notes"),
        entries=entries,
        content_hash=digest(entries),
    )


def parse_appointment(row: Row, identity: Identity) -> AppointmentRecord:
    if not row.body.startswith(b"{"):
        raise Reject("the record is not an object")
    fingerprint, core, forms = row.fingerprint, row.core, row.forms_json
    if not (storable(core) and storable(forms)):
        row = Row.of(row.payload)
        core, forms = row.core, row.forms_json
    local = moment(row.starts, "datetime")
    starts_at = local.astimezone(UTC)
    minutes = int(number(row.duration, "duration") if row.duration not in (None, "") else 0)
    if minutes > 366 * 24 * 60:
        raise Reject("duration is longer than a year")
    if not isinstance(row.canceled, bool) or not isinstance(row.no_show, bool):
        raise Reject("canceled or noShow is neither true nor false")
    labels = row.labels or []
    if not forms.startswith(b"[") or not isinstance(labels, list):
        raise Reject("forms or labels is not a list")
    paid, amount_paid = text(row.paid, "paid"), money(row.amount_paid, "amountPaid")
    if paid not in ("yes", "no", ""):
        raise Reject("paid is neither yes nor no")
    client_key, name_key = identity.keys_of(row)
    return AppointmentRecord(
        person=Person(row.first_name, row.last_name, row.email, row.phone),
        place=Place(row.type, row.calendar, row.zone),
        id=number(row.id, "id"),
        client_key=client_key,
        client_name_key=name_key,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=minutes),
        service_date=local.date(),
        timezone=text(row.timezone, "timezone")[:64],
        price=money(row.price, "price"),
        paid=paid == "yes",
        amount_paid=amount_paid,
        payment_state=f"{paid or 'no'}:{amount_paid}",
        type_id=_optional_id(row.type_id, "appointmentTypeID"),
        calendar_id=_optional_id(row.calendar_id, "calendarID"),
        canceled=row.canceled,
        no_show=row.no_show,
        certificate=text(row.certificate, "certificate")[:255],
        notes=text(row.notes, "notes"),
        forms=msgspec.Raw(forms),
        labels=msgspec.Raw(canonical(labels)),
        raw=msgspec.Raw(core),
        content_hash=print_of(core) + print_of(forms),
        fingerprint=fingerprint,
    )


def _name(value: Any, name: str) -> str:
    return html.unescape(text(value, name).strip())


def parse_payments(rows: Any) -> list[PaymentRecord]:
    """An appointment's payments. Cash has no ID, so twins are told apart by counting them."""
    if not isinstance(rows, list):
        raise Reject("the payments are not a list")
    records = []
    seen: dict[tuple[str, ...], int] = {}
    for row in rows:
        row = _object(clean(row))
        transaction = text(row.get("transactionID"), "transactionID")[:255]
        processor = text(row.get("processor"), "processor")[:64]
        amount = money(row.get("amount"), "amount")
        paid_at = moment(row.get("created"), "created").astimezone(UTC)
        parts = [processor, transaction, paid_at.isoformat(), str(amount)]
        occurrence = seen[tuple(parts)] = seen.get(tuple(parts), 0) + 1
        records.append(
            PaymentRecord(
                key=digest([*parts, occurrence]),
                transaction_id=transaction,
                processor=processor or "unknown",
                amount=amount,
                paid_at=paid_at,
            )
        )
    return records


def _object(payload: Any) -> dict[str, Any]:
    if not isinstance(payload, dict):
        raise Reject("the record is not an object")
    return payload


def _optional_id(value: Any, name: str) -> str:
    return number(value, name) if value not in (None, "", 0) else ""
