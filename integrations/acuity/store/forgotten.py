"""Who was forgotten? Whom the source still names is not brought back."""

import hashlib
import re
from collections.abc import Iterable
from typing import Any

from bookings.models import Tenant, Tombstone
from integrations.acuity.reading.identity import NAMES, NO_NAME, Identity
from integrations.acuity.reading.values import Reject, listed

# Of a booking's content, what is left when its client is forgotten: where and when, and the money.
KEPT = frozenset(
    [
        "id",
        "date",
        "time",
        "datetime",
        "endTime",
        "dateCreated",
        "datetimeCreated",
        "timezone",
        "calendarTimezone",
        "duration",
        "type",
        "appointmentTypeID",
        "classID",
        "category",
        "calendar",
        "calendarID",
        "addonIDs",
        "price",
        "priceSold",
        "paid",
        "amountPaid",
        "canceled",
        "noShow",
    ]
)

# Of a payment: what it is recognised by, and the money.
KEPT_OF_PAYMENT = frozenset(["transactionID", "created", "processor", "amount"])

_ADDRESS = re.compile(r"[^\s,;<>]+@[^\s,;<>]+")

# What a mark begins with that is made of something else than a client's key, or name and e-mail.
EMAIL, ROW, REJECT = "email", "row", "reject"


def emails(said: str) -> list[str]:
    """What is said as an e-mail address; where it is several, each of them, too."""
    whole = said.strip().casefold()
    return [*dict.fromkeys([whole, *_ADDRESS.findall(whole)])] if whole else []


def mark(tenant: Tenant, *words: str) -> str:
    """What is kept in place of `words`: the same words of another tenant leave another mark."""
    text = "\0".join(words).encode()
    return hashlib.blake2b(text, key=tenant.pk.bytes, digest_size=20).hexdigest()


def rest(payload: Any) -> dict[str, Any]:
    """What may be kept of a record of somebody who was forgotten."""
    items = payload.items() if isinstance(payload, dict) else ()
    return {name: value for name, value in items if name in KEPT}


def rest_of_payments(rows: Any) -> list[dict[str, Any] | None] | None:
    """What may be kept of a list of their payments; None where there is no list."""
    found = listed(rows)
    if found is None:
        return None
    return [
        {name: value for name, value in row.items() if name in KEPT_OF_PAYMENT}
        if isinstance(row, dict)
        else None
        for row in found
    ]


class Forgotten:
    """A tenant's forgotten people, read at once. They are recognised by key, or by name and e-mail."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        rows = Tombstone.objects.filter(tenant=tenant)
        self._rows: dict[str, int] = dict(rows.values_list("digest", "client_id"))
        # The rows without a name to which their bookings belong.
        self.clients = set(self._rows.values())

    def __bool__(self) -> bool:
        return bool(self._rows)

    def client(self, key: str, name_key: str = "", email: str = "") -> int | None:
        """The nameless row that stands for them, or None if nobody was forgotten."""
        if not self._rows:
            return None
        found = self._rows.get(mark(self._tenant, key))
        return self._by_email(name_key, email) if found is None else found

    def _by_email(self, word: str, email: str) -> int | None:
        digests = (mark(self._tenant, word, one) for one in emails(email))
        return next((self._rows[one] for one in digests if one in self._rows), None)

    def among(self, keys: Iterable[str]) -> dict[str, int]:
        """Of these keys, those of forgotten people."""
        return {key: pk for key in keys if (pk := self.client(key)) is not None}

    def named(self, identity: Identity, payload: Any) -> int | None:
        """The same row, if the record's own words name them; also where it cannot be read in full."""
        if not self._rows or not isinstance(payload, dict):
            return None
        if not any(map(payload.get, NAMES)):
            return None
        said = {name: value for name in NAMES if isinstance(value := payload.get(name), str)}
        email = said.get("email", "").strip()
        try:
            key, name_key = identity.keys(payload)
        except Reject:
            key, name_key = "", identity.keys(said)[1]
        found = self.client(key, name_key, email)
        if found is None and name_key == NO_NAME:
            # As a certificate does, which has an address alone.
            found = self._by_email(EMAIL, email)
        return found

    def row(self, account: str, resource: str, key: str) -> int | None:
        """The same row, if the row with this ID named them when they were forgotten."""
        return self._rows.get(mark(self._tenant, ROW, account, resource, key))

    def rejected(self, digest: str) -> bool:
        """Whether a rejected record is one of theirs."""
        return bool(self._rows) and mark(self._tenant, REJECT, digest) in self._rows
