"""Who was forgotten? Whom the source still names is not brought back."""

import hashlib
from collections.abc import Iterable
from typing import Any

from bookings.models import Tenant, Tombstone

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


def mark(tenant: Tenant, *words: str) -> str:
    """What is kept in place of `words`: the same words of another tenant leave another mark."""
    text = "\0".join(words).encode()
    return hashlib.blake2b(text, key=tenant.pk.bytes, digest_size=20).hexdigest()


def rest(payload: Any) -> dict[str, Any]:
    """What may be kept of a record of somebody who was forgotten."""
    items = payload.items() if isinstance(payload, dict) else ()
    return {name: value for name, value in items if name in KEPT}


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
        if found is None and email:
            found = self._rows.get(mark(self._tenant, name_key, email.casefold()))
        return found

    def among(self, keys: Iterable[str]) -> dict[str, int]:
        """Of these keys, those of forgotten people."""
        return {key: pk for key in keys if (pk := self.client(key)) is not None}

    def rejected(self, digest: str) -> bool:
        """Whether a rejected record is one of theirs."""
        return bool(self._rows) and mark(self._tenant, "reject", digest) in self._rows
