"""What do a client's entries mean? A typed record, or a `Reject` that says why not."""

from typing import Any

import msgspec

from integrations.acuity.reading.identity import Identity
from integrations.acuity.reading.values import as_object, clean, digest, plain, text, unescaped


class ClientRecord(msgspec.Struct, frozen=True):
    key: str
    name_key: str
    first_name: str
    last_name: str
    email: str
    phone: str
    notes: str
    entries: list[dict[str, Any]]
    content_hash: str


def parse_client(entries: list[dict[str, Any]], identity: Identity) -> ClientRecord:
    """One client from the entries that share its key: the first value that is not empty wins."""
    entries = [as_object(clean(entry)) for entry in entries]

    def first(name: str) -> str:
        return next((v for e in entries if (v := text(e.get(name), name).strip())), "")

    key, name_key = identity.keys(entries[0])
    return ClientRecord(
        key=key,
        name_key=name_key,
        first_name=unescaped(entries[0].get("firstName"), "firstName"),
        last_name=unescaped(entries[0].get("lastName"), "lastName"),
        email=first("email"),
        phone=first("phone"),
        notes=next((v for e in entries if (v := plain(e.get("notes")).strip())), ""),
        entries=entries,
        content_hash=digest(entries),
    )
