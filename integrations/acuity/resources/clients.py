"""Clients: the whole list comes at once whatever is asked, so it is staged and read by offset."""

from collections.abc import Callable
from dataclasses import asdict
from itertools import islice
from typing import Any

import msgspec
from django.utils import timezone

from bookings.models import Client
from integrations.acuity.errors import BadAnswer
from integrations.acuity.reading import listing
from integrations.acuity.reading.identity import Identity
from integrations.acuity.reading.records import ClientRecord, parse_client
from integrations.acuity.reading.values import Reject
from integrations.acuity.resources.base import Context, Fetched, Log, Resource
from integrations.acuity.source.paging import Snapshot
from integrations.acuity.store.rejects import reject
from integrations.acuity.store.upsert import Counts, Parsed, compare, upsert
from integrations.models import ImportRun, RejectedRecord, StagedPage

FIELDS = [
    "external_id",
    "first_name",
    "last_name",
    "email",
    "phone",
    "notes",
    "name_key",
    "listed",
    "raw",
    "content_hash",
]


class Clients(Resource):
    name, title, noun = "clients", "Clients", "client"
    model = Client
    log = Log(page="clients", progress="contacts", every=50)
    task = "acuity.import_clients"

    def fetch(self, context: Context) -> Fetched:
        cursor, step = context.step.cursor, context.step
        if not cursor.get("staged"):
            entries = list_clients(context)
            groups = grouped(entries, context.identity)
            return Fetched(groups, {"staged": True}, done=not groups, total=len(entries), count=0)
        staged = StagedPage.objects.filter(step=step, offset=step.offset).first()
        if staged is None:
            return Fetched([], cursor, done=True)
        groups = [opened([*map(bytes, group)]) for group in _groups.decode(staged.records)]
        count = sum(map(len, groups))
        done = step.offset + count >= (step.total or 0)
        return Fetched(groups, cursor, done=done, count=count)

    def save(self, context: Context, page: Fetched) -> Counts:
        if not context.step.cursor.get("staged"):
            _stage(context, page.records)
            return Counts()
        counts = save_clients(context, page.records)
        if page.done:
            StagedPage.objects.filter(step=context.step).delete()
        return counts

    def stored(self, run: ImportRun) -> int:
        return Client.objects.filter(tenant=run.account.tenant_id, source="acuity").count()

    def dry_run(self, context: Context, saw: Callable[[list[Any]], None]) -> dict[str, int]:
        entries, rejected = list_clients(context), 0
        records = {}
        for group in grouped(entries, context.identity):
            try:
                record = parse_client(opened(group), context.identity)
            except Reject:
                rejected += len(group)
                continue
            records[record.key] = record.content_hash
        counts = compare(Client, context.tenant, records)
        return {"fetched": len(entries)} | asdict(counts + Counts(rejected=rejected))

    def read_one(self, context: Context, record: RejectedRecord) -> None:
        """As it was kept: the source answers with all of them or none."""
        if not save_clients(context, [[record.payload]]).rejected:
            # A client has no ID by which its reject would be found.
            RejectedRecord.objects.filter(pk=record.pk).update(resolved_at=timezone.now())


def list_clients(context: Context, **search: str) -> list[bytes]:
    """The entries as they came: an account may have a hundred thousand."""
    entries = context.source.get("/clients", **search)
    if not isinstance(entries, list):
        raise BadAnswer("/clients is not a list")
    return entries


def grouped(entries: list[bytes], identity: Identity) -> list[list[bytes]]:
    """Entries that are one client, together; what has no key stands alone."""
    groups: dict[str | int, list[bytes]] = {}
    for position, entry in enumerate(entries):
        groups.setdefault(identity.key_of_entry(entry) or position, []).append(entry)
    return list(groups.values())


def opened(group: list[bytes]) -> list[Any]:
    return [listing.opened(entry) for entry in group]


def save_clients(context: Context, groups: list[list[Any]]) -> Counts:
    parsed = Parsed()
    for group in groups:
        try:
            parsed.records.append(parse_client(group, context.identity))
        except Reject as reason:
            parsed.rejects += [(entry, str(reason)) for entry in group]
    counts, _ = upsert(context.tenant, Client, FIELDS, [_row(record) for record in parsed.records])
    return counts + reject(context.run, "clients", parsed.rejects)


_groups = msgspec.json.Decoder(list[list[msgspec.Raw]])


def _text(groups: list[list[bytes]]) -> str:
    """The groups as they came, which `_groups` decodes."""
    return (b"[[" + b"],[".join(b",".join(group) for group in groups) + b"]]").decode()


def _stage(context: Context, groups: list[list[bytes]]) -> None:
    chunks = Snapshot.chunks(groups, context.limit)
    while pages := [
        StagedPage(step=context.step, offset=offset, records=_text(chunk))
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
        {"entries": r.entries},
        r.content_hash,
    )
