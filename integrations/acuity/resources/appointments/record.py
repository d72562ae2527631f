"""What does a booking's payload mean? A typed record, or a `Reject` that says why not."""

import html
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

import msgspec

from integrations.acuity.reading.identity import Identity
from integrations.acuity.reading.listing import Row
from integrations.acuity.reading.values import (
    Reject,
    canonical,
    fingerprint,
    ids,
    listed,
    moment,
    money,
    number,
    optional_money,
    plain,
    storable,
    text,
    unescaped,
    yes,
)

Value = TypeVar("Value")


class Person(NamedTuple):
    """Who booked."""

    first_name: Any
    last_name: Any
    email: Any
    phone: Any

    def as_booked(self) -> tuple[str, str, str, str]:
        first, last, email, phone = map(plain, self)
        names = html.unescape(first.strip()), html.unescape(last.strip())
        return *names, email.strip(), phone.strip()

    def fields(self) -> dict[str, str]:
        """As a client's. Raises Reject."""
        return {
            "first_name": unescaped(self.first_name, "firstName"),
            "last_name": unescaped(self.last_name, "lastName"),
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
    created_at: datetime | None
    duration: int
    price_sold: Decimal | None
    category: str
    location: str
    class_id: str
    # ID, name and colour; "" for none.
    label: tuple[str, str, str]
    # How many, by ID.
    addons: dict[str, int]
    scheduled_by: str
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


def parse_appointment(row: Row, identity: Identity) -> AppointmentRecord:
    if not row.body.startswith(b"{"):
        raise Reject("the record is not an object")
    prints, core, forms = row.fingerprint, row.core, row.forms_json
    if not (storable(core) and storable(forms)):
        row = Row.of(row.payload)
        core, forms = row.core, row.forms_json
    local = moment(row.starts, "datetime", row.zone or identity.timezone)
    starts_at = local.astimezone(UTC)
    minutes = int(number(row.duration, "duration") if row.duration not in (None, "", False) else 0)
    if minutes > 366 * 24 * 60:
        raise Reject("duration is longer than a year")
    labels = listed(row.labels)
    if not forms.startswith(b"["):
        raise Reject("forms is not a list")
    paid, places = yes(row.paid), identity.decimals
    amount_paid = money(row.amount_paid, "amountPaid", places)
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
        timezone=plain(row.timezone)[:64],
        price=money(row.price, "price", places),
        paid=paid,
        amount_paid=amount_paid,
        payment_state=f"{'yes' if paid else 'no'}:{amount_paid}",
        created_at=_or_none(_utc, row.created),
        duration=minutes,
        price_sold=_or_none(optional_money, row.price_sold, "priceSold", places),
        category=plain(row.category),
        location=plain(row.location),
        class_id=plain(row.class_id)[:32],
        label=_label(labels),
        addons=Counter(_or_none(ids, row.addon_ids, "addonIDs") or ()),
        scheduled_by=plain(msgspec.json.decode(row.scheduled_by)) if row.scheduled_by else "",
        type_id=_optional_id(row.type_id, "appointmentTypeID"),
        calendar_id=_optional_id(row.calendar_id, "calendarID"),
        canceled=yes(row.canceled),
        no_show=yes(row.no_show),
        certificate=plain(row.certificate)[:255],
        notes=plain(row.notes),
        forms=msgspec.Raw(forms),
        labels=msgspec.Raw(canonical(labels or [])),
        raw=msgspec.Raw(core),
        content_hash=fingerprint(core) + fingerprint(forms),
        fingerprint=prints,
    )


def _or_none(read: Callable[..., Value], *of: Any) -> Value | None:
    """What only describes a booking is no reason to refuse it; as it came, it is in `raw`."""
    try:
        return read(*of)
    except Reject:
        return None


def _utc(value: Any) -> datetime | None:
    return moment(value, "datetimeCreated").astimezone(UTC) if value else None


def _label(labels: list[Any] | None) -> tuple[str, str, str]:
    """The first: a booking has one at most."""
    for each in labels or ():
        if isinstance(each, dict) and (key := plain(each.get("id"))).isdecimal():
            return key, plain(each.get("name")).strip()[:255], plain(each.get("color"))[:32]
    return "", "", ""


class AnswerRecord(NamedTuple):
    form_id: str
    form_name: str
    question_id: str
    question_text: str
    id: str
    value: str


def parse_answers(forms: Any) -> list[AnswerRecord]:
    """What was answered in a booking's `forms`; what is no answer is left out."""
    return [
        AnswerRecord(
            form_id=plain(form.get("id"))[:32],
            form_name=plain(form.get("name")),
            question_id=plain(answer.get("fieldID"))[:32],
            question_text=plain(answer.get("name")),
            id=plain(answer.get("id"))[:32],
            value=plain(answer.get("value")),
        )
        for form in forms
        if isinstance(form, dict)
        for answer in listed(form.get("values")) or ()
        if isinstance(answer, dict)
    ]


def _optional_id(value: Any, name: str) -> str:
    return number(value, name) if value not in (None, "", 0, "0") else ""
