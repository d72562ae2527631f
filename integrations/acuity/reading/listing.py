"""What is a booking before anybody parses it? Its bytes, and its values as they came.

Most rows of most imports are byte for byte what they were last time; knowing that costs a tenth of
parsing them. A row whose bytes differ is compared by content, so nothing depends on how Acuity
happens to write its JSON.
"""

import re
from datetime import datetime
from typing import Any

import msgspec

from integrations.acuity.reading.values import (
    Reject,
    canonical,
    clean,
    fingerprint,
    in_order,
    lists,
    moment,
    numbered,
)

_NOTHING = msgspec.Raw(b"")
_NO_LIST = (b"", b"null", b"false", b"{}", b'""')
# An object that may be a list with numbers for keys.
_NUMBERED = re.compile(rb'\{\s*"\d+"\s*:')
# Links that let anyone manage or pay for a booking.
SECRET = ("confirmationPage", "confirmationPagePaymentLink")
# These turn by the clock alone; an import must not call that a change.
VOLATILE = ("canClientCancel", "canClientReschedule")
# What some answers have and others have not: listings without forms, answers for a single booking.
SOMETIMES = ("forms", "formsText", "isVerified", "scheduledBy")
NOT_CORE = SECRET + VOLATILE + SOMETIMES


class Row(msgspec.Struct, rename="camel", gc=False):
    """A booking as it came: nothing is known of its values' types, only of their names."""

    id: Any = None
    starts: Any = msgspec.field(default="", name="datetime")
    first_name: Any = None
    last_name: Any = None
    email: Any = None
    phone: Any = None
    duration: Any = None
    price: Any = None
    paid: Any = None
    amount_paid: Any = None
    type: Any = None
    type_id: Any = msgspec.field(default=None, name="appointmentTypeID")
    calendar: Any = None
    calendar_id: Any = msgspec.field(default=None, name="calendarID")
    calendar_timezone: Any = None
    timezone: Any = None
    created: Any = msgspec.field(default=None, name="datetimeCreated")
    price_sold: Any = None
    category: Any = None
    location: Any = None
    class_id: Any = msgspec.field(default=None, name="classID")
    addon_ids: Any = msgspec.field(default=None, name="addonIDs")
    certificate: Any = None
    notes: Any = None
    labels: Any = None
    canceled: Any = False
    no_show: Any = False
    forms: msgspec.Raw = _NOTHING
    forms_text: msgspec.Raw = _NOTHING
    confirmation_page: msgspec.Raw = _NOTHING
    confirmation_page_payment_link: msgspec.Raw = _NOTHING
    can_client_cancel: msgspec.Raw = _NOTHING
    can_client_reschedule: msgspec.Raw = _NOTHING
    is_verified: msgspec.Raw = _NOTHING
    scheduled_by: msgspec.Raw = _NOTHING
    # Not the source's: the row's own bytes, with and without forms, its ID as text, what was made of
    # it ahead of time, and its date.
    body: bytes = msgspec.field(default=b"", name="-body")
    bared: bytes = msgspec.field(default=b"", name="-bare")
    key: str = msgspec.field(default="", name="-key")
    parsed: Any = msgspec.field(default=None, name="-parsed")
    dated: str | None = msgspec.field(default=None, name="-dated")

    @property
    def payload(self) -> Any:
        """What can be stored of it."""
        return opened(self.body)

    @property
    def fingerprint(self) -> str:
        """Of its bytes in a listing without forms, then of all of them."""
        return fingerprint(self.bare) + fingerprint(self.body)

    @property
    def bare(self) -> bytes:
        """Its bytes in a listing without forms."""
        if not self.bared:
            forms = (b',"forms":', self.forms, b',"formsText":', self.forms_text)
            self.bared = _without(self.body, *forms) or self.body
        return self.bared

    @property
    def core(self) -> bytes:
        """The bytes that all answers with this booking have in common."""
        rest: bytes | None = self.bare
        if rest is self.body and (self.forms or self.forms_text):
            rest = None
        for members in (
            (
                b',"confirmationPage":',
                self.confirmation_page,
                b',"confirmationPagePaymentLink":',
                self.confirmation_page_payment_link,
            ),
            (
                b',"canClientCancel":',
                self.can_client_cancel,
                b',"canClientReschedule":',
                self.can_client_reschedule,
            ),
            (b',"isVerified":', self.is_verified, b',"scheduledBy":', self.scheduled_by),
        ):
            rest = rest and _without(rest, *members)
        if rest is None or b'"confirmationPage' in rest:
            return canonical(core_of(self.payload))
        return rest

    @property
    def forms_json(self) -> bytes:
        forms = bytes(self.forms)
        if forms in _NO_LIST:
            return b"[]"
        return canonical(lists(msgspec.json.decode(forms))) if _NUMBERED.search(forms) else forms

    @property
    def at(self) -> datetime | None:
        """When it takes place, if that can be read."""
        try:
            return datetime.fromisoformat(self.starts)
        except ValueError:
            return None

    @property
    def instant(self) -> datetime | None:
        """When it takes place, if a record can have that time."""
        try:
            return moment(self.starts, "datetime", self.zone)
        except Reject:
            return None

    @property
    def day(self) -> str:
        """Its local date, like `2026-06-15`, or nothing."""
        if self.dated is None:
            text: str = self.starts
            if text[4:5] == text[7:8] == "-" and text[:4].isdigit() and text[10:11] == "T":
                self.dated = text[:10]
            else:
                self.dated = at.date().isoformat() if (at := self.at) else ""
        return self.dated

    @property
    def zone(self) -> str:
        """The name of its calendar's time zone, or nothing."""
        name = self.calendar_timezone
        return name if type(name) is str else ""

    @classmethod
    def of(cls, payload: Any) -> "Row":
        """A row of something already decoded."""
        return _row(msgspec.json.encode(clean(payload)))


def opened(body: bytes) -> Any:
    """What can be stored of an element; its text if it holds a number beyond all numbers."""
    try:
        return clean(msgspec.json.decode(body))
    except msgspec.ValidationError:
        return clean(body.decode())


def _without(
    body: bytes, name: bytes, value: msgspec.Raw, other: bytes, following: msgspec.Raw
) -> bytes | None:
    """`body` without two members that follow each other, or None if that is not what they do."""
    if not (value or following):
        return body
    rest = body.replace(b"".join((name, value, other, following)), b"", 1)
    return rest if len(rest) < len(body) else None


def core_of(payload: dict[str, Any]) -> dict[str, Any]:
    """What all answers with a booking have in common."""
    return {name: value for name, value in payload.items() if name not in NOT_CORE}


_elements = msgspec.json.Decoder(list[msgspec.Raw])
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_booking = msgspec.json.Decoder(Row)


def split(body: bytes) -> Any:
    """The bytes of each element of a list, which may come as an object with numbers for keys; what
    is neither comes as it is. Raises msgspec.DecodeError
    or UnicodeDecodeError."""
    _readable(body)
    try:
        return [bytes(element) for element in _elements.decode(body)]
    except msgspec.ValidationError:
        found = msgspec.json.decode(body)
        if isinstance(found, dict) and found and numbered(found):
            return [bytes(element) for element in in_order(_members.decode(body))]
        return found


def _readable(body: bytes) -> None:
    """Parts of a body are kept as bytes for later: they have to be text then. Raises UnicodeDecodeError."""
    if not body.isascii():
        body.decode()


def decode(body: bytes) -> Any:
    """The rows of a listing; what is no list comes as it is. Raises as `split` does."""
    found = split(body)
    return [_row(row) for row in found] if isinstance(found, list) else found


def decode_one(body: bytes) -> Row:
    """The row of an answer for a single booking. Raises msgspec.DecodeError or UnicodeDecodeError."""
    _readable(body)
    return _row(body.strip())


def _row(body: bytes) -> Row:
    try:
        row = _booking.decode(body)
    except msgspec.ValidationError:
        # No object: only its parser can say what is wrong with it.
        row = Row(key=body.decode())
    row.body, row.key = body, row.key or str(row.id)
    if type(row.starts) is not str:
        row.starts = ""
    return row
