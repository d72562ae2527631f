"""What did Acuity answer? The decoded body, or one of `errors`."""

import math
import re
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from integrations.acuity import errors
from integrations.acuity.source.metrics import endpoint

LISTS = {
    "/clients",
    "/appointments",
    "/appointments/:id/payments",
    "/calendars",
    "/appointment-types",
}
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# An error is a few words; no longer body is searched for one.
ENVELOPE = 16 * 1024
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_CONTROL = re.compile(rb"[\x00-\x1f]")
_SECONDS = re.compile(r"\d{1,9}(\.\d*)?")
Headers = Mapping[str, str]
# Raises msgspec.DecodeError or UnicodeDecodeError.
Decode = Callable[[bytes], Any]


def interpret(path: str, status: int, headers: Headers, body: bytes, decode: Decode) -> Any:
    """What `decode` finds in the answer. Raises an `AcuityError`, with `retry_after` if a time was named."""
    try:
        return _interpret(endpoint(path), status, body.removeprefix(BYTE_ORDER_MARK), decode)
    except errors.AcuityError as error:
        error.retry_after = retry_after(headers)
        raise


def _interpret(name: str, status: int, body: bytes, decode: Decode) -> Any:
    said = _envelope(body)
    if said is not None and status != 429:
        # An error is one whatever status it came with (`/me`: 200 with `"status_code": 500`).
        status = _code(said) or status
    if 200 <= status < 300:
        return _content(name, status, body, decode)
    detail = f"status {status}"
    if 300 <= status < 400:
        raise errors.Redirected(detail, status=status)
    if status == 429:
        raise errors.RateLimited()
    if status == 504:
        raise errors.TimedOut(detail, status=status)
    if status >= 500 or status in (408, 425):
        raise errors.ServerTrouble(detail, status=status)
    if status == 407 or (status in (401, 403) and said is None):
        raise errors.Intercepted(detail, status=status)
    if status == 401:
        raise errors.CredentialsRefused(status=status)
    if status == 403:
        plan = "plan" in str((said or {}).get("message", "")).lower()
        raise (errors.PlanWithoutApi if plan else errors.Forbidden)(status=status)
    if status == 404:
        if name == "/appointments/:id" and body.lstrip().startswith(b"<"):
            # Only Acuity itself may say that a booking is gone.
            raise errors.Intercepted(detail, status=status)
        raise errors.NotFound(status=status)
    raise errors.BadAnswer(detail, status=status)


def _content(name: str, status: int, body: bytes, decode: Decode) -> Any:
    if status == 206:
        raise errors.Partial(f"status {status}", status=status)
    if not body.strip():
        if name not in LISTS:
            raise errors.NotJson("no body", status=status)
        if status == 204:
            return []
        raise errors.Empty(f"status {status}", status=status)
    if name == "/appointments/:id" and not body.lstrip().startswith(b"{"):
        raise errors.BadAnswer("no booking", status=status)
    try:
        return decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        try:
            return decode(_escaped(body))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise errors.NotJson(f"{len(body)} bytes", status=status) from error


def _escaped(body: bytes) -> bytes:
    """`body` with the raw control characters inside its strings written as JSON wants them."""
    return _STRING.sub(
        lambda string: _CONTROL.sub(lambda c: b"\\u%04x" % ord(c.group()), string.group()), body
    )


def _envelope(body: bytes) -> dict[str, Any] | None:
    """Acuity's own words about an error, if that is what the body is."""
    if not body[:64].lstrip().startswith(b"{") or len(body) > ENVELOPE:
        return None
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(answer, dict) or "id" in answer:
        return None
    return answer if answer.keys() & {"status_code", "error", "message"} else None


def _code(said: dict[str, Any]) -> int | None:
    """The status that the envelope names, if it is that of an error."""
    code = str(said.get("status_code", ""))
    if "error" not in said or not re.fullmatch("[45][0-9]{2}", code):
        return None
    return int(code)


def retry_after(headers: Headers) -> float | None:
    """Seconds until Acuity wants to be asked again; None if it does not say so intelligibly."""
    header = (headers.get("Retry-After") or "").strip()
    if _SECONDS.fullmatch(header):
        return float(header)
    if (until := _timestamp(header)) is None:
        return None
    now = _timestamp(headers.get("Date") or "")
    # By Acuity's own clock if it shows one; a second more, because dates have no fractions.
    seconds = until - (math.floor(time.time()) if now is None else now)
    return seconds + 1 if seconds > 0 else None


def _timestamp(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
