"""Which entries and bookings belong to one client? Acuity gives no ID."""

import html
import re
from functools import lru_cache
from typing import Any

import msgspec
import phonenumbers

from integrations.acuity.listing import Row
from integrations.acuity.values import digest, text


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

    def key(self, payload: dict[str, Any]) -> str:
        return self.keys(payload)[0]

    def key_of(self, row: Row) -> str:
        """The key of a booking that was stored before, and so can be read."""
        names = (row.first_name or "", row.last_name or "")
        return _keys(self.by_phone, self.region, *names, row.email or "", row.phone or "")[0]

    def keys(self, payload: dict[str, Any]) -> tuple[str, str]:
        """The client's key, and the part of it that is the name."""
        names = (text(payload, "firstName"), text(payload, "lastName"))
        return _keys(self.by_phone, self.region, *names, text(payload, "email"), text(payload, "phone"))


@lru_cache(maxsize=50_000)
def _keys(
    by_phone: bool, region: str, first: str, last: str, email: str, phone: str
) -> tuple[str, str]:
    name = _short(f"{fold(first)}|{fold(last)}")
    reached = phone_key(phone, region) or email.strip().casefold()
    if name == "|":
        return _short(f"||{reached}"), name
    return (_short(f"{name}|{reached}") if by_phone else name), name


def _short(key: str) -> str:
    """Keys are indexed: a very long one is replaced by its digest."""
    return key if len(key) <= 200 else digest(key)
