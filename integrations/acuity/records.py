"""What does a payload mean? Typed records, or a `Reject` that says why not."""

import hashlib
import html
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

import msgspec
import phonenumbers

# Links that let anyone manage or pay for a booking, and texts that follow from other fields.
SECRET = {"confirmationPage", "confirmationPagePaymentLink"}
# These turn by the clock alone; an import must not call that a change.
VOLATILE = {"canClientCancel", "canClientReschedule"}
SINGLE_ONLY = {"isVerified", "scheduledBy"}
FORMS = {"forms", "formsText"}
DERIVED = SECRET | FORMS | VOLATILE
MAX_AMOUNT = Decimal("9999999999.99")


class Reject(Exception):
    """A record that cannot be stored; the message is the reason, without personal data."""


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


class AppointmentRecord(msgspec.Struct, frozen=True):
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
    forms: list[Any]
    labels: list[Any]
    raw: dict[str, Any]
    core_hash: str
    content_hash: str


class PaymentRecord(msgspec.Struct, frozen=True):
    key: str
    transaction_id: str
    processor: str
    amount: Decimal
    paid_at: datetime


_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
DEEPEST = 60


def clean(value: Any) -> Any:
    """`value` without NUL bytes and lone surrogates, which databases refuse; itself if it has none."""
    try:
        encoded = msgspec.json.encode(value)
    except (UnicodeEncodeError, RecursionError):
        return _cleaned(value)
    if b"\\u0000" in encoded or encoded.count(b"[") + encoded.count(b"{") > DEEPEST:
        return _cleaned(value)
    return value


def _cleaned(value: Any, depth: int = 0) -> Any:
    if isinstance(value, str):
        return _UNSTORABLE.sub("", value)
    if isinstance(value, dict):
        return {_cleaned(str(k)): _cleaned(v, depth + 1) for k, v in value.items()} if depth < DEEPEST else {}
    if isinstance(value, list):
        return [_cleaned(v, depth + 1) for v in value] if depth < DEEPEST else []
    return value


def digest(value: Any) -> str:
    return hashlib.blake2b(msgspec.json.encode(value, order="deterministic"), digest_size=16).hexdigest()


def text(payload: dict[str, Any], name: str) -> str:
    value = payload.get(name)
    if type(value) is str:
        return value
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Reject(f"{name} is not text")
    return str(value)


def money(payload: dict[str, Any], name: str) -> Decimal:
    value = text(payload, name).strip()
    if not value:
        return Decimal("0.00")
    try:
        amount = Decimal(value)
    except InvalidOperation:
        raise Reject(f"{name} is not an amount like 45.00") from None
    if not amount.is_finite() or abs(amount) > MAX_AMOUNT:
        raise Reject(f"{name} is out of range")
    if amount != amount.quantize(Decimal("0.01")):
        raise Reject(f"{name} has fractions of a cent")
    return amount.quantize(Decimal("0.01"))


def moment(payload: dict[str, Any], name: str) -> datetime:
    """An aware time. Acuity writes offsets without a colon (`-0500`)."""
    value = text(payload, name)
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise Reject(f"{name} is not a time like 2026-06-15T09:30:00-0500") from None
    if at.tzinfo is None:
        raise Reject(f"{name} has no offset")
    if not 1900 <= at.year <= 2200:
        raise Reject(f"{name} is in the year {at.year}")
    return at


def number(payload: dict[str, Any], name: str) -> str:
    value = text(payload, name)
    if not value.isascii() or not value.isdigit() or len(value) > 19:
        raise Reject(f"{name} is not a number")
    return str(int(value))


@lru_cache(maxsize=50_000)
def fold(name: str) -> str:
    return " ".join(html.unescape(name).split()).casefold()


# Marks that people put between digits; everything else may mean something (`+`, `ext`).
_PLAIN = str.maketrans("", "", " ()-./")


def phone_key(phone: str, region: str = "US") -> str:
    """E.164 where `phone` parses, else its digits: `(615) 555-0101` equals `6155550101`."""
    plain = phone.translate(_PLAIN)
    return _phone_key(plain if plain.isdecimal() else phone, region)


@lru_cache(maxsize=50_000)
def _phone_key(phone: str, region: str) -> str:
    digits = re.sub(r"\D", "", phone)
    if not digits:
        return ""
    try:
        parsed = phonenumbers.parse(phone, region)
    except phonenumbers.NumberParseException:
        return digits[:40]
    if not phonenumbers.is_possible_number(parsed):
        return digits[:40]
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


class Identity(msgspec.Struct, frozen=True):
    """What makes two entries one client, as `/me.clientsDistinctByPhone` and `country` say."""

    by_phone: bool = True
    region: str = "US"

    def name_key(self, payload: dict[str, Any]) -> str:
        return _short(f"{fold(text(payload, 'firstName'))}|{fold(text(payload, 'lastName'))}")

    def key(self, payload: dict[str, Any]) -> str:
        return self.keys(payload)[0]

    def keys(self, payload: dict[str, Any]) -> tuple[str, str]:
        """The client's key, and the part of it that is the name."""
        name = self.name_key(payload)
        return self._key(name, payload), name

    def _key(self, name: str, payload: dict[str, Any]) -> str:
        email = text(payload, "email").strip().casefold()
        phone = phone_key(text(payload, "phone"), self.region)
        if name == "|":
            return _short(f"||{phone or email}")
        if not self.by_phone:
            return name
        return _short(f"{name}|{phone or email}")


def _short(key: str) -> str:
    """Keys are indexed: a very long one is replaced by its digest."""
    return key if len(key) <= 200 else digest(key)


def parse_client(entries: list[dict[str, Any]], identity: Identity) -> ClientRecord:
    """One client from the entries that share its key: the first value that is not empty wins."""
    entries = [_object(clean(entry)) for entry in entries]

    def first(name: str) -> str:
        return next((v for e in entries if (v := text(e, name).strip())), "")

    return ClientRecord(
        key=identity.key(entries[0]),
        name_key=identity.name_key(entries[0]),
        first_name=html.unescape(text(entries[0], "firstName").strip()),
        last_name=html.unescape(text(entries[0], "lastName").strip()),
        email=first("email"),
        phone=first("phone"),
        notes=first("notes"),
        entries=entries,
        content_hash=digest(entries),
    )


def parse_appointment(payload: Any, identity: Identity) -> AppointmentRecord:
    payload = _object(clean(payload))
    starts_at = moment(payload, "datetime")
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
    raw = {k: v for k, v in payload.items() if k not in DERIVED}
    core_hash = _core_digest(raw)
    client_key, name_key = identity.keys(payload)
    return AppointmentRecord(
        id=number(payload, "id"),
        client_key=client_key,
        client_name_key=name_key,
        first_name=html.unescape(text(payload, "firstName").strip()),
        last_name=html.unescape(text(payload, "lastName").strip()),
        email=text(payload, "email").strip(),
        phone=text(payload, "phone").strip(),
        starts_at=starts_at.astimezone(UTC),
        ends_at=starts_at.astimezone(UTC) + timedelta(minutes=minutes),
        service_date=starts_at.date(),
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
        forms=forms,
        labels=labels,
        raw=raw,
        core_hash=core_hash,
        content_hash=core_hash + digest(forms),
    )


def core_digest(payload: dict[str, Any]) -> str:
    """A hash of what a listing without forms also shows, so that verification can compare."""
    return _core_digest({k: v for k, v in payload.items() if k not in DERIVED})


def _core_digest(raw: dict[str, Any]) -> str:
    if not SINGLE_ONLY.isdisjoint(raw):
        raw = {k: v for k, v in raw.items() if k not in SINGLE_ONLY}
    return digest(raw)


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
