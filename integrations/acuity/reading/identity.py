"""Which entries and bookings belong to one client? Acuity gives no ID."""

import contextlib
import html
import re
from functools import lru_cache
from typing import Any
from unicodedata import category, normalize

import msgspec

from integrations.acuity.reading.listing import Row
from integrations.acuity.reading.values import Reject, digest, text

# One kind of each mark; invisible characters and variants of an emoji out.
_MARKS = {
    **dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u02bc\u2032\uff07\u00b4"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u2033"), '"'),
    **dict.fromkeys([*range(0x2010, 0x2016), 0x2212], "-"),
    **dict.fromkeys(range(0xFE00, 0xFE10), None),
}


def fold(name: str) -> str:
    """What names that look alike have in common."""
    name = html.unescape(name)
    if not name.isascii():
        name = normalize("NFKC", name.translate(_MARKS)).casefold()
        name = normalize("NFKC", "".join(c for c in name if category(c) != "Cf"))
    return " ".join(name.split()).casefold()


class Names(msgspec.Struct, rename="camel", gc=False):
    """Of an entry of the client list, what tells it apart."""

    first_name: Any = None
    last_name: Any = None
    email: Any = None
    phone: Any = None


_names = msgspec.json.Decoder(Names)
# Of all four together: PostgreSQL indexes no more than 2,700 bytes of a row.
LONGEST = 500
NAMES = ("firstName", "lastName", "email", "phone")
# The key's part that is the name, where there is none.
NO_NAME = "|"
# Marks that people put between digits; everything else may mean something (`+`, `ext`).
_PLAIN = str.maketrans("", "", " ()-./")
_TEN_DIGITS = re.compile("[2-9][0-9]{9}")


def phone_key(phone: str, region: str = "US") -> str:
    """E.164 where `phone` parses, else its digits: `(615) 555-0101` equals `6155550101`, and
    `447700900123` equals `+44 7700 900123`."""
    if phone.endswith(".0") and phone[:-2].lstrip("+").isdecimal():
        # Somebody took it for a number.
        phone = phone[:-2]
    plain = phone.translate(_PLAIN)
    if region == "US" and _TEN_DIGITS.fullmatch(plain):
        # What the library would say, in a fiftieth of its time.
        return f"+1{plain}"
    return _phone_key(plain if plain.isdecimal() else phone, region)


@lru_cache(maxsize=10_000)
def _phone_key(phone: str, region: str) -> str:
    import phonenumbers

    digits = re.sub(r"\D", "", phone)
    if not digits:
        return ""
    if phone == digits and _is_whole(digits, region):
        phone = f"+{digits}"
    try:
        parsed = phonenumbers.parse(phone, region)
    except phonenumbers.NumberParseException:
        return digits[:40]
    if not phonenumbers.is_valid_number(parsed) and phone == digits:
        # Acuity strips bookings' numbers of everything but digits, the `+` too.
        with contextlib.suppress(phonenumbers.NumberParseException):
            abroad = phonenumbers.parse(f"+{digits}")
            surely, maybe = phonenumbers.is_valid_number, phonenumbers.is_possible_number
            if surely(abroad) or (maybe(abroad) and not maybe(parsed)):
                parsed = abroad
    if not phonenumbers.is_possible_number(parsed):
        return digits[:40]
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _is_whole(digits: str, region: str) -> bool:
    """Whether digits begin with the country's own code, and lost only their `+`. Where numbers are
    dialed with a 0 at home, one that has neither begins with that code on purpose, though it might be a
    long number of some town, too: 4915112345678 is +49 1511 2345678."""
    import phonenumbers

    code = str(phonenumbers.country_code_for_region(region))
    if not digits.startswith(code) or phonenumbers.ndd_prefix_for_region(region, True) != "0":
        return False
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(f"+{digits}"))
    except phonenumbers.NumberParseException:
        return False


class Identity(msgspec.Struct, frozen=True):
    """What makes two entries one client, as `/me.clientsDistinctByPhone` and `country` say."""

    by_phone: bool = True
    region: str = "US"
    # Not of identity: where a time is that comes without an offset.
    timezone: str = ""
    # Nor this: the places of an amount in the account's currency.
    decimals: int = 2

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

    def whose(self, entry: bytes) -> tuple[str, str, str]:
        """The client's key, its name part and the e-mail; empty where they cannot be read."""
        try:
            names = _names.decode(entry)
            keys = self._keys(names.first_name, names.last_name, names.email, names.phone)
            return *keys, text(names.email, "email").strip()
        except (msgspec.ValidationError, Reject):
            return "", "", ""

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
        if (length := len(first) + len(last) + len(email) + len(phone)) > LONGEST:
            raise Reject(f"name, e-mail and phone have {length:,} characters, more than {LONGEST}")
        name = _short(f"{fold(first)}|{fold(last)}")
        if name != NO_NAME and not self.by_phone:
            return name, name
        reached = phone_key(phone, self.region) or email.strip().casefold()
        return _short(f"{name}|{reached}" if name != NO_NAME else f"||{reached}"), name


def _short(key: str) -> str:
    """Keys are indexed: a very long one is replaced by its digest."""
    return key if len(key) <= 200 else digest(key)
