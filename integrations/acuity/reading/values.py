"""What does a single value of a payload mean? The value, or a `Reject` that says why not."""

import hashlib
import html
import re
import unicodedata
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

import msgspec
import xxhash

from bookings.amounts import shortest
from integrations.acuity.reading import zones

MAX_AMOUNT = Decimal("9999999999.99")


_canonical = msgspec.json.Encoder(order="deterministic")


class Reject(Exception):
    """A record that cannot be stored; the message is the reason, without personal data."""


_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_NUL = re.compile(rb"\\u0000")
DEEPEST = 60


def as_object(payload: Any) -> dict[str, Any]:
    if not isinstance(payload, dict):
        raise Reject("the record is not an object")
    return payload


def clean(value: Any) -> Any:
    """`value` without NUL bytes and lone surrogates, which databases refuse; itself if it has none."""
    try:
        encoded = msgspec.json.encode(value)
    except (UnicodeEncodeError, RecursionError):
        return _cleaned(value)
    return value if storable(encoded) else _cleaned(value)


def storable(encoded: bytes) -> bool:
    """Whether JSON surely holds no NUL bytes and nothing too deep."""
    return not _NUL.search(encoded) and encoded.count(b"[") + encoded.count(b"{") <= DEEPEST


def _cleaned(value: Any, depth: int = 0) -> Any:
    if isinstance(value, str):
        return _UNSTORABLE.sub("", value)
    if isinstance(value, dict):
        return (
            {_cleaned(str(k)): _cleaned(v, depth + 1) for k, v in value.items()}
            if depth < DEEPEST
            else {}
        )
    if isinstance(value, list):
        return [_cleaned(v, depth + 1) for v in value] if depth < DEEPEST else []
    return value


def canonical(value: Any) -> bytes:
    """JSON that equal values have in common."""
    return _canonical.encode(value)


def digest(value: Any) -> str:
    """What an identity is made of: alike for equal values, and for no others."""
    return hashlib.blake2b(canonical(value), digest_size=16).hexdigest()


# Characters of a fingerprint.
PRINT = 32


def fingerprint(encoded: bytes) -> str:
    """By which bytes are recognised as unchanged: 128 bits, a fifteenth of a digest's time."""
    return xxhash.xxh3_128_hexdigest(encoded)


def text(value: Any, name: str) -> str:
    if type(value) is str:
        return value
    # Acuity writes `false` for "none".
    if value is None or value is False or value == []:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Reject(f"{name} is not text")
    return str(value)


def unescaped(value: Any, name: str) -> str:
    """Text without the spaces around it and without HTML's escapes, which names come with."""
    return html.unescape(text(value, name).strip())


def plain(value: Any) -> str:
    """Text that nothing depends on: whatever came, as text."""
    if type(value) is str:
        return value
    try:
        return text(value, "")
    except Reject:
        return canonical(value).decode()


_YES = {"yes", "y", "true", "t", "on", "1", "1.0"}


def yes(value: Any) -> bool:
    """Whether the value says yes, in whatever words; a word that nobody knows does not."""
    if isinstance(value, bool):
        return value
    return isinstance(value, str | int | float) and str(value).strip().casefold() in _YES


def numbered(value: dict[str, Any]) -> bool:
    """Whether all the keys are numbers: it is a list that came as an object."""
    return all(map(str.isdecimal, value))


def in_order(value: dict[str, Any]) -> list[Any]:
    """The values, by the numbers that are their keys."""
    return [value[key] for key in sorted(value, key=int)]


def listed(value: Any) -> list[Any] | None:
    """A list that may have come as an object with numbers for keys; None if it is neither."""
    if isinstance(value, list):
        return value
    if isinstance(value, dict) and numbered(value):
        return in_order(value)
    return [] if value is None or value is False or value == "" else None


def lists(value: Any) -> Any:
    """`value` with each object that has numbers for keys made a list, at any level."""
    if isinstance(value, dict):
        inner = {key: lists(element) for key, element in value.items()}
        return in_order(inner) if inner and numbered(inner) else inner
    return [lists(element) for element in value] if isinstance(value, list) else value


# ISO 4217, those in use.
_CODES = """AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP
    BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL
    GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF
    KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR
    MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG
    SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU
    UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG"""
CURRENCIES = frozenset(_CODES.split())


def currency(name: str) -> str:
    """The code (ISO 4217), or nothing."""
    code = name.strip().upper()
    return code if code in CURRENCIES else ""


def money(value: Any, name: str, places: int = 2) -> Decimal:
    """An amount with so many decimals at most. Raises Reject."""
    try:
        return _amount(text(value, name), places)
    except ValueError as problem:
        raise Reject(f"{name} {problem}") from None


# So near to a cent, an amount is that cent: somebody wrote it by way of a float.
NOISE = Decimal("0.0000001")
_SIGNS = dict.fromkeys(map(ord, "\u2212\u2013"), "-")
# A sign or bracket, a currency's letters, the digits, letters, a sign or bracket.
_DRESSED = re.compile(
    r"([-+(]?)(?:[^\W\d_]{1,4}\.?)?([-+]?)(\d[\d.,_]*|[.,]\d+)(?:[^\W\d_]{1,4}\.?)?([-)]?)"
)
_AMBIGUOUS = re.compile(r"[^\d.,]*\d{1,3}[.,]\d{3}[^\d.,]*")
_GROUPED = re.compile(r"\d{1,3}([.,_])\d{3}(?:\1\d{3})*")


@lru_cache(maxsize=10_000)
def _amount(text: str, places: int) -> Decimal:
    try:
        amount = Decimal(text.strip() or 0)
    except InvalidOperation:
        amount = _undressed(text, "." if places == 3 else "")
    return _rounded(amount, places)


def _rounded(amount: Decimal, places: int) -> Decimal:
    if not amount.is_finite() or abs(amount) > MAX_AMOUNT:
        raise ValueError("is out of range")
    rounded = round(amount, places)
    if abs(amount - rounded) > NOISE:
        raise ValueError("has fractions of a cent")
    return shortest(rounded)


def other_reading(value: Any, places: int) -> Decimal | None:
    """What an amount says if its only separator, read as one of thousands, is that of the decimals,
    or the other way round; None where only one of the two can be."""
    written = plain(value)
    if places < 3 or not _AMBIGUOUS.fullmatch(written.strip()):
        return None
    try:
        first = _amount(written, places)
        both = {_rounded(_undressed(written, mark), places) for mark in ("", ".,")}
    except ValueError:
        return None
    return next(iter(both - {first}), None)


def _undressed(text: str, marks: str) -> Decimal:
    """An amount with a currency, separators or a bracket: `$1,234.50`, `1.234,50 €`, `(5.00)`. An
    only separator before three digits is one of thousands, unless it is among `marks`."""
    plain = "".join(c for c in text.translate(_SIGNS) if unicodedata.category(c) != "Sc").strip()
    plain = re.sub(r"(?<=\d)[\s'\u2019](?=\d)", "_", plain)
    found = _DRESSED.fullmatch("".join(plain.split()))
    if not found or (found[1] == "(") != (found[4] == ")"):
        raise ValueError("is not an amount like 45.00")
    digits = found[3]
    whole, cents = digits, ""
    last = max(digits.rfind("."), digits.rfind(","))
    # The last separator is the decimal one, unless it separates thousands like all the others.
    alone = last >= 0 and not re.search(r"[.,_]", digits[:last]) and digits[last] in marks
    if last >= 0 and (alone or not _GROUPED.fullmatch(digits)):
        whole, cents = digits[:last], digits[last + 1 :]
    if whole and not (whole.isdecimal() or _GROUPED.fullmatch(whole)):
        raise ValueError("is not an amount like 45.00")
    amount = Decimal(f"{re.sub('[.,_]', '', whole) or 0}.{cents or 0}")
    return -amount if "-" in found[1] + found[2] + found[4] or found[1] == "(" else amount


def moment(value: Any, name: str, zone: str = "") -> datetime:
    """An aware time. Acuity writes offsets without a colon (`-0500`); one that comes without is
    taken in `zone`."""
    try:
        at = datetime.fromisoformat(text(value, name).strip())
    except ValueError:
        raise Reject(f"{name} is not a time like 2026-06-15T09:30:00-0500") from None
    if at.tzinfo is None:
        if (assumed := zones.zone(zone)) is None:
            raise Reject(f"{name} has no offset")
        at = at.replace(tzinfo=assumed)
    if not 1900 <= at.year <= 2200:
        raise Reject(f"{name} is in the year {at.year}")
    return at


LARGEST = 2**31 - 1


def count(value: Any, name: str) -> int | None:
    """How many, in whatever unit; None where nothing is said."""
    if value is None or value is False or value == "":
        return None
    if (found := int(number(value, name))) > LARGEST:
        raise Reject(f"{name} is out of range")
    return found


def optional_money(value: Any, name: str, places: int = 3) -> Decimal | None:
    """None where nothing is said. Raises Reject."""
    return None if value is None or value is False or value == "" else money(value, name, places)


def ids(value: Any, name: str) -> list[str]:
    """The IDs of a list, as text."""
    if (found := listed(value)) is None:
        raise Reject(f"{name} is not a list")
    return [number(each, name) for each in found]


_WHOLE = re.compile(r"([0-9]{1,19})(?:\.0*)?")


def number(value: Any, name: str) -> str:
    """A whole number as text, whichever way it came: 60, `"60"`, `"60.0"`."""
    if type(value) is int and 0 <= value < 10**19:
        return str(value)
    digits = _WHOLE.fullmatch(text(value, name).strip())
    if not digits:
        raise Reject(f"{name} is not a number")
    return str(int(digits[1]))


def key_of(payload: Any) -> str:
    """The ID of a payload, as its row has it; as it came where that is no number, empty without one."""
    value = payload.get("id") if isinstance(payload, dict) else None
    try:
        return number(value, "id")
    except Reject:
        return str(value or "")
