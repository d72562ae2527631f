"""How are entries of the client list kept until they are read, and written?"""

from itertools import islice
from typing import Any

import msgspec
from django.utils import timezone

from bookings.models import Client
from integrations.acuity.errors import BadAnswer
from integrations.acuity.reading import listing
from integrations.acuity.reading.identity import Identity
from integrations.acuity.reading.listing import split
from integrations.acuity.reading.values import Reject
from integrations.acuity.resources.base import Context
from integrations.acuity.resources.clients.record import ClientRecord, parse_client
from integrations.acuity.source.paging import Snapshot
from integrations.acuity.store.rejects import reject
from integrations.acuity.store.upsert import Counts, Parsed, upsert
from integrations.models import RejectedRecord, StagedPage

FIELDS = [
    "external_id",
    "first_name",
    "last_name",
    "email",
    "phone",
    "notes",
    "name_key",
    "listed",
    "review",
    "raw",
    "content_hash",
]


def list_clients(context: Context, **search: str) -> list[bytes]:
    """The entries as they came: an account may have a hundred thousand. Not of forgotten people."""
    entries = context.source.get("/clients", split, **search)
    if not isinstance(entries, list):
        raise BadAnswer("/clients is not a list")
    if not (forgotten := context.forgotten):
        return entries
    whose = context.identity.whose
    return [entry for entry in entries if forgotten.client(*whose(entry)) is None]


def grouped(entries: list[bytes], identity: Identity) -> list[list[bytes]]:
    """Entries that are one client, together; what has no key stands alone."""
    groups: dict[str | int, list[bytes]] = {}
    for position, entry in enumerate(entries):
        groups.setdefault(identity.key_of_entry(entry) or position, []).append(entry)
    return list(groups.values())


def opened(group: list[bytes]) -> list[Any]:
    return [listing.opened(entry) for entry in group]


def save_clients(context: Context, groups: list[list[Any]], *, anew: bool = False) -> Counts:
    parsed = Parsed()
    for group in groups:
        try:
            parsed.records.append(parse_client(group, context.identity))
        except Reject as reason:
            parsed.rejects += [(entry, str(reason)) for entry in group]
    rows = [_row(record) for record in parsed.records]
    seen = context.seen("clients")
    written = upsert(context.account, Client, FIELDS, rows, seen=seen, anew=anew)
    return written.counts + reject(context.scope.origin, "clients", parsed.rejects)


def settle(context: Context) -> None:
    """The whole list was read: what was rejected of an earlier one and not of this is settled."""
    rejects = RejectedRecord.objects.filter(account=context.account, resource="clients")
    rejects.filter(resolved_at=None).exclude(run__in=context.scope.runs).update(
        resolved_at=timezone.now()
    )


GROUPS = msgspec.json.Decoder(list[list[msgspec.Raw]])


def text(groups: list[list[bytes]]) -> str:
    """The groups as they came, which `GROUPS` decodes."""
    return (b"[[" + b"],[".join(b",".join(group) for group in groups) + b"]]").decode()


def stage(context: Context, groups: list[list[bytes]]) -> None:
    chunks = Snapshot.chunks(groups, context.position.limit)
    while pages := [
        StagedPage(step_id=context.position.step, offset=offset, records=text(chunk))
        for offset, chunk in islice(chunks, 20)
    ]:
        StagedPage.objects.bulk_create(pages)


def _row(r: ClientRecord) -> tuple[Any, ...]:
    """As FIELDS has it."""
    return (
        r.key,
        r.first_name,
        r.last_name,
        r.email,
        r.phone,
        r.notes,
        r.name_key,
        True,
        "",
        {"entries": r.entries},
        r.content_hash,
    )
