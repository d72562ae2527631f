"""Which entries and bookings belong to one client? Acuity gives no ID."""

import html
import re
from functools import lru_cache
from typing import Any

import msgspec
import phonenumbers

from integrations.acuity.reading.listing import Row
from integrations.acuity.reading.values import Reject, digest, text


def fold(name: str) -> str:
    return " ".join(html.unescape(name).split()).casefold()


class Names(msgspec.Struct, rename="camel", gc=False):
    """Of an entry of the client list, what tells it apart."""

    first_name: Any = None
    last_name: Any = None
    email: Any = None
    phone: Any = None


_names = msgspec.json.Decoder(Names)
NAMES = ("firstName", "lastName", "email", "phone")
# Marks that people put between digits; everything else may mean something (`+`, `ext`).
_PLAIN = str.maketrans("", "", " ()-./")
_TEN_DIGITS = re.compile("[2-9][0-9]{9}")


def phone_key(phone: str, region: str = "US") -> str:
    """E.164 where `phone` parses, else its digits: `(615) 555-0101` equals `6155550101`."""
    plain = phone.translate(_PLAIN)
    if region == "US" and _TEN_DIGITS.fullmatch(plain):
        # What the library would say, in a fiftieth of its time.
        return f"+1{plain}"
    return _phone_key(plain if plain.isdecimal() else phone, region)


@lru_cache(maxsize=10_000)
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

    def keys(self, entry: dict[str, Any]) -> tuple[str, str]:
        """The client's key, and the part of it that is the name. Raises Reject."""
        return self._keys(*(entry.get(name) for name in NAMES))

    def key_of_entry(self, entry: bytes) -> str:
        """The client's key, or nothing where it cannot be read."""
        try:
            names = _names.decode(entry)
            return self._keys(names.first_name, names.last_name, names.email, names.phone)[0]
        except (msgspec.ValidationError, Reject):
            return ""

    def keys_of(self, row: Row) -> tuple[str, str]:
        """The same, of a booking."""
        return self._keys(row.first_name, row.last_name, row.email, row.phone)

    def owner_of(self, row: Row) -> str:
        """The key of a booking's client, or nothing where it cannot be read."""
        try:
            return self.keys_of(row)[0]
        except Reject:
            return ""

    def _keys(self, *values: Any) -> tuple[str, str]:
        first, last, email, phone = map(text, values, NAMES)
        name = _short(f"{fold(first)}|{fold(last)}")
        if name != "|" and not self.by_phone:
            return name, name
        reached = phone_key(phone, self.region) or email.strip().casefold()
        return _short(f"{name}|{reached}" if name != "|" else f"||{reached}"), name


def _short(key: str) -> str:
    """Keys are indexed: a very long one is replaced by its digest."""
    return key if len(key) <= 200 else digest(key)
