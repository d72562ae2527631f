"""What does a payload mean? Typed records, or a `Reject` that says why not."""

import html
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from integrations.acuity.identity import Identity
from integrations.acuity.listing import Row
from integrations.acuity.values import (
    Reject,
    canonical,
    clean,
    digest,
    digest_of,
    moment,
    money,
    number,
    text,
)

# Links that let anyone manage or pay for a booking, and texts that follow from other fields.
SECRET = {"confirmationPage", "confirmationPagePaymentLink"}
# These turn by the clock alone; an import must not call that a change.
VOLATILE = {"canClientCancel", "canClientReschedule"}
SINGLE_ONLY = {"isVerified", "scheduledBy"}
FORMS = {"forms", "formsText"}
DERIVED = SECRET | FORMS | VOLATILE


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


class AppointmentRecord(msgspec.Struct, frozen=True, gc=False):
    id: str
    client_key: str
    client_name_key: str
    first_name: str
    last_name: str
    email: str
    phone: str
    starts_at: datetime
    ends_at: datetime
    service_date: date
    timezone: str
    price: Decimal
    paid: bool
    amount_paid: Decimal
    payment_state: str
    type_id: str
    type_name: str
    calendar_id: str
    calendar_name: str
    calendar_timezone: str
    canceled: bool
    no_show: bool
    certificate: str
    notes: str
    # JSON as it will be stored.
    forms: msgspec.Raw
    labels: msgspec.Raw
    raw: msgspec.Raw
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
        return next((v for e in entries if (v := text(e, name).strip())), "")

    key, name_key = identity.keys(entries[0])
    return ClientRecord(
        key=key,
        name_key=name_key,
        first_name=html.unescape(text(entries[0], "firstName").strip()),
        last_name=html.unescape(text(entries[0], "lastName").strip()),
        email=first("email"),
        phone=first("phone"),
        notes=first("notes"),
        entries=entries,
        content_hash=digest(entries),
    )


def parse_appointment(row: Row, identity: Identity) -> AppointmentRecord:
    payload = _object(row.payload)
    local = moment(payload, "datetime")
    starts_at = local.astimezone(UTC)
    minutes = int(number(payload, "duration") if payload.get("duration") not in (None, "") else 0)
    if minutes > 366 * 24 * 60:
        raise Reject("duration is longer than a year")
    canceled, no_show = payload.get("canceled", False), payload.get("noShow", False)
    if not isinstance(canceled, bool) or not isinstance(no_show, bool):
        raise Reject("canceled or noShow is neither true nor false")
    forms, labels = payload.get("forms") or [], payload.get("labels") or []
    if not isinstance(forms, list) or not isinstance(labels, list):
        raise Reject("forms or labels is not a list")
    paid, amount_paid = text(payload, "paid"), money(payload, "amountPaid")
    if paid not in ("yes", "no", ""):
        raise Reject("paid is neither yes nor no")
    core = _core(payload)
    forms_text, core_text = canonical(forms), canonical(core)
    core_hash = digest_of(core_text) if SINGLE_ONLY.isdisjoint(core) else _digest(core)
    client_key, name_key = identity.keys(payload)
    return AppointmentRecord(
        id=number(payload, "id"),
        client_key=client_key,
        client_name_key=name_key,
        first_name=html.unescape(text(payload, "firstName").strip()),
        last_name=html.unescape(text(payload, "lastName").strip()),
        email=text(payload, "email").strip(),
        phone=text(payload, "phone").strip(),
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=minutes),
        service_date=local.date(),
        timezone=text(payload, "timezone")[:64],
        price=money(payload, "price"),
        paid=paid == "yes",
        amount_paid=amount_paid,
        payment_state=f"{paid or 'no'}:{amount_paid}",
        type_id=_optional_id(payload, "appointmentTypeID"),
        type_name=text(payload, "type").strip()[:255],
        calendar_id=_optional_id(payload, "calendarID"),
        calendar_name=text(payload, "calendar").strip()[:255],
        calendar_timezone=text(payload, "calendarTimezone")[:64],
        canceled=canceled,
        no_show=no_show,
        certificate=text(payload, "certificate")[:255],
        notes=text(payload, "notes"),
        forms=msgspec.Raw(forms_text),
        labels=msgspec.Raw(canonical(labels)),
        raw=msgspec.Raw(core_text),
        content_hash=core_hash + digest_of(forms_text),
        fingerprint=row.fingerprint,
    )


def core_digest(payload: dict[str, Any]) -> str:
    """A hash of what a listing without forms also shows, so that verification can compare."""
    return _digest(_core(payload))


def _core(payload: dict[str, Any]) -> dict[str, Any]:
    core = payload.copy()
    for name in DERIVED:
        core.pop(name, None)
    return core


def _digest(core: dict[str, Any]) -> str:
    if not SINGLE_ONLY.isdisjoint(core):
        core = {k: v for k, v in core.items() if k not in SINGLE_ONLY}
    return digest(core)


def parse_payments(rows: Any) -> list[PaymentRecord]:
    """An appointment's payments. Cash has no ID, so twins are told apart by counting them."""
    if not isinstance(rows, list):
        raise Reject("the payments are not a list")
    records = []
    seen: dict[tuple[str, ...], int] = {}
    for row in rows:
        row = _object(clean(row))
        transaction, processor = text(row, "transactionID")[:255], text(row, "processor")[:64]
        amount, paid_at = money(row, "amount"), moment(row, "created").astimezone(UTC)
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


def _optional_id(payload: dict[str, Any], name: str) -> str:
    return number(payload, name) if payload.get(name) not in (None, "", 0) else ""
