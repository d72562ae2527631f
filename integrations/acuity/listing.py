"""What is a row of a listing before anybody parses it? Its bytes, and the few values that paging needs.

Most rows of most imports are byte for byte what they were last time; knowing that costs a seventh of
parsing them. A row whose bytes differ is parsed and compared by content, so nothing depends on how
Acuity happens to write its JSON.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from integrations.acuity.values import Reject, clean, decoded, digest_of, moment

_NOTHING = msgspec.Raw(b"")


class Row(msgspec.Struct, rename="camel", gc=False):
    """A booking as it was listed."""

    id: int | str
    starts: str = msgspec.field(default="", name="datetime")
    calendar_timezone: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    forms: msgspec.Raw = _NOTHING
    forms_text: msgspec.Raw = _NOTHING
    # Not the source's: the row's own bytes, its ID as text.
    body: Any = msgspec.field(default=None, name="-body")
    key: str = msgspec.field(default="", name="-key")

    @property
    def payload(self) -> Any:
        return decoded(bytes(self.body))

    @property
    def core_print(self) -> str:
        """A digest of the bytes without the forms, alike in listings with and without them."""
        body = _without(bytes(self.body), b',"formsText":', bytes(self.forms_text))
        body = _without(body, b',"forms":', bytes(self.forms))
        return digest_of(body)

    @property
    def fingerprint(self) -> str:
        """A digest of the bytes without the forms, then one of all of them."""
        return self.core_print + self.whole_print

    @property
    def whole_print(self) -> str:
        return digest_of(self.body)

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
            return moment({"datetime": self.starts}, "datetime")
        except Reject:
            return None

    @property
    def month(self) -> str:
        """The month of its local date, like `2026-06`, or nothing."""
        text = self.starts
        if text[4:5] == text[7:8] == "-" and text[:4].isdigit():
            return text[:7]
        return at.isoformat()[:7] if (at := self.instant) else ""

    @classmethod
    def of(cls, payload: Any) -> "Row":
        """A row of something already decoded."""
        return _row(msgspec.Raw(msgspec.json.encode(clean(payload))))


def _without(body: bytes, name: bytes, value: bytes) -> bytes:
    """`body` without the member, if it has it."""
    start = body.rfind(name) if value else -1
    end = start + len(name)
    if start < 0 or not body.startswith(value, end):
        return body
    return body[:start] + body[end + len(value) :]


_rows = msgspec.json.Decoder(list[msgspec.Raw])
_head = msgspec.json.Decoder(Row)


def decode(body: bytes) -> Any:
    """The rows of a listing; what is no list comes as it is. Raises msgspec.DecodeError."""
    try:
        found = _rows.decode(body)
    except msgspec.ValidationError:
        return msgspec.json.decode(body)
    return list(_each(found))


def _each(found: list[msgspec.Raw]) -> Iterator[Row]:
    for body in found:
        yield _row(body)


def _row(body: msgspec.Raw) -> Row:
    try:
        row = _head.decode(body)
        row.key = str(row.id)
    except msgspec.ValidationError:
        row = _odd(msgspec.json.decode(body))
    row.body = body
    return row


def _odd(payload: Any) -> Row:
    """A row that is not shaped like one: only its parser can say what is wrong with it."""
    if not isinstance(payload, dict):
        return Row(id="", key=repr(payload))
    at, number = payload.get("datetime"), payload.get("id")
    return Row(id="", key=str(number), starts=at if isinstance(at, str) else "")
