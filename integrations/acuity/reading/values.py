"""What does a single value of a payload mean? The value, or a `Reject` that says why not."""

import hashlib
import re
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

import msgspec
import xxhash

MAX_AMOUNT = Decimal("9999999999.99")


_canonical = msgspec.json.Encoder(order="deterministic")


class Reject(Exception):
    """A record that cannot be stored; the message is the reason, without personal data."""


_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_NUL = re.compile(rb"\\u0000")
DEEPEST = 60


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


def print_of(encoded: bytes) -> str:
    """By which bytes are recognised as unchanged: 128 bits, a fifteenth of a digest's time."""
    return xxhash.xxh3_128_hexdigest(encoded)


def text(value: Any, name: str) -> str:
    if type(value) is str:
        return value
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Reject(f"{name} is not text")
    return str(value)


def money(value: Any, name: str) -> Decimal:
    try:
        return _amount(text(value, name))
    except ValueError as problem:
        raise Reject(f"{name} {problem}") from None


@lru_cache(maxsize=10_000)
def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text.strip() or 0)
    except InvalidOperation:
        raise ValueError("is not an amount like 45.00") from None
    if not amount.is_finite() or abs(amount) > MAX_AMOUNT:
        raise ValueError("is out of range")
    if amount != amount.quantize(Decimal("0.01")):
        raise ValueError("has fractions of a cent")
    return amount.quantize(Decimal("0.01"))


def moment(value: Any, name: str) -> datetime:
    """An aware time. Acuity writes offsets without a colon (`-0500`)."""
    try:
        at = datetime.fromisoformat(text(value, name))
    except ValueError:
        raise Reject(f"{name} is not a time like 2026-06-15T09:30:00-0500") from None
    if at.tzinfo is None:
        raise Reject(f"{name} has no offset")
    if not 1900 <= at.year <= 2200:
        raise Reject(f"{name} is in the year {at.year}")
    return at


def number(value: Any, name: str) -> str:
    if type(value) is int and 0 <= value < 10**19:
        return str(value)
    digits = text(value, name)
    if not digits.isascii() or not digits.isdigit() or len(digits) > 19:
        raise Reject(f"{name} is not a number")
    return str(int(digits))
