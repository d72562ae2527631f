"""Clients: the whole list comes at once whatever is asked, so it is staged and read by offset."""

from collections.abc import Callable, Iterable
from typing import Any

from django.utils import timezone

from bookings.models import Client
from integrations.acuity.reading.findings import Gap
from integrations.acuity.reading.stored import Stored
from integrations.acuity.reading.values import Reject
from integrations.acuity.resources.base import (
    Checked,
    Context,
    Fetched,
    Foreseen,
    Found,
    Line,
    Log,
    Resource,
    Said,
)
from integrations.acuity.resources.clients import check, people, renamed, save
from integrations.acuity.resources.clients.record import parse_client
from integrations.acuity.resources.earlier import held, just_listed
from integrations.acuity.resources.scope import Extent, Scope
from integrations.acuity.store.history import update
from integrations.acuity.store.upsert import Counts, told_apart, undone
from integrations.models import RejectedRecord, StagedPage


class WholeCursor(Stored, frozen=True):
    """Whether the list was staged; from then on, the offset says which page is next. Its digest,
    and when it was read."""

    staged: bool = False
    digest: str = ""
    read_at: str = ""


class ProofCursor(Stored, frozen=True):
    """What the readings of the list have shown, as `check.compare_all` says it."""

    facts: dict[str, Any] = {}
    gaps: list[Gap] = []
    # The digest of a list that was read twice alike, and in which searching found nobody missing.
    proven: str = ""


class Clients(Resource):
    name, title, noun = "clients", "Clients", "client"
    model = Client
    read_as = "client entries"
    log = Log(page="clients", progress="contacts", every=50, summed=True)
    hourly = True
    task = "acuity.import_clients"
    line = "key|first name|last name|e-mail|phone|listed"

    def fetch(self, context: Context) -> Fetched:
        position, cursor = context.position, WholeCursor.of(context.position.cursor)
        if not cursor.staged:
            entries = save.list_clients(context)
            groups = save.grouped(entries, context.identity)
            found, n = [groups, renamed.look(context, groups)], len(entries)
            cursor = WholeCursor(True, people.digest_of(entries), timezone.now().isoformat())
            return Fetched(found, cursor, not groups, total=n, count=0, listed=n)
        staged = StagedPage.objects.filter(step=position.step, offset=position.offset).first()
        if staged is None:
            return Fetched([], cursor, done=True)
        groups = [save.opened([*map(bytes, group)]) for group in save.GROUPS.decode(staged.records)]
        count = sum(map(len, groups))
        done = position.offset + count >= (position.total or 0)
        return Fetched(groups, cursor, done=done, count=count)

    def save(self, context: Context, page: Fetched) -> Counts:
        if not WholeCursor.of(context.position.cursor).staged:
            groups, found = page.records
            save.stage(context, groups)
            renamed.write(context, found)
            return Counts()
        counts = save.save_clients(context, page.records)
        if page.done:
            StagedPage.objects.filter(step=context.position.step).delete()
            save.settle(context)
        return counts

    def stored(self, scope: Scope) -> int:
        rows = scope.account.rows(Client)
        return rows.exclude(external_id__startswith=Client.FORGOTTEN).count()

    def lines(self, extent: Extent) -> Iterable[Line]:
        rows = extent.rows(Client)
        names = ("external_id", "first_name", "last_name", "email", "phone", "listed")
        return (Line("all", "|".join(map(str, row))) for row in rows.values_list(*names).iterator())

    def dry_run(self, context: Context, saw: Callable[[list[Any]], None]) -> Foreseen:
        entries, rejected = save.list_clients(context), 0
        listed = save.grouped(entries, context.identity)
        records, groups = {}, {}
        for group in listed:
            try:
                record = parse_client(save.opened(group), context.identity)
            except Reject:
                rejected += len(group)
                continue
            records[record.key], groups[record.key] = record, group
        hashes = {key: record.content_hash for key, record in records.items()}
        fresh, other = told_apart(Client, context.account, hashes)
        again = renamed.look(context, listed)
        fresh, other = fresh - {*again.keys.values()}, other | ({*again.keys.values()} & fresh)
        unchanged = len(records) - len(fresh) - len(other)
        counts = Counts(created=len(fresh), unchanged=unchanged, rejected=rejected)
        if other:
            with undone():
                renamed.give_keys(context, again)
                counts += save.save_clients(context, [save.opened(groups[key]) for key in other])
        names = ("first_name", "last_name", "email", "phone", "notes")
        context.name_changing(self.name, Client, names, records)
        return Foreseen.of(len(entries), counts)

    def read_one(self, context: Context, record: RejectedRecord) -> None:
        """As it was kept: the source answers with all of them or none."""
        if not save.save_clients(context, [[record.payload]]).rejected:
            # A client has no ID by which its reject would be found.
            RejectedRecord.objects.filter(pk=record.pk).update(resolved_at=timezone.now())

    def check(self, context: Context, cursor: dict[str, Any]) -> Checked:
        """As it is, or as an earlier proof found the very list that was imported just now."""
        known = context.account.rows(Client).filter(listed=True)
        if not cursor.get("anew") and (had := held(context, self.name, known.count)):
            facts = had["facts"]
            if facts["strangers"] == people.strangers(context).count():
                facts |= {"held": had["held"]}
                return Checked(Found(), ProofCursor(facts), done=True)
        step = None if cursor.get("anew") else just_listed(context, self.name)
        listed = step.cursor["digest"] if step else ""
        groups, gone, facts, gaps = check.compare_all(context, had=listed)
        proven = "" if gaps else facts["digest"]
        return Checked(Found(groups, gone), ProofCursor(facts, gaps, proven), done=True)

    def heal(self, context: Context, found: Found) -> Counts:
        counts = save.save_clients(context, found.save, anew=True)
        # Without its hash, the row is written again when its client comes back.
        gone = Client.objects.filter(pk__in=found.gone)
        update(context.seen(self.name), gone, listed=False, content_hash="")
        return counts

    def statement(self, context: Context, cursor: dict[str, Any]) -> Said:
        proof = ProofCursor.of(cursor)
        return Said(check.scope(context, proof.facts), proof.gaps)

    def kept(self, part: dict[str, Any]) -> str:
        return f"{part['stored']:,} clients of its list"
