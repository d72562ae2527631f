"""How is a list imported that only comes whole? At once: whatever has one is a `Whole`."""

from collections.abc import Callable, Iterable
from typing import Any

from django.utils import timezone

from integrations.acuity.reading.values import key_of
from integrations.acuity.resources.base import (
    Checked,
    Context,
    Fetched,
    Foreseen,
    Found,
    Line,
    Log,
    Said,
)
from integrations.acuity.resources.records import Record, list_digest, resolved
from integrations.acuity.resources.scope import Extent, Scope
from integrations.acuity.resources.whole import check, said
from integrations.acuity.resources.whole.listing import REFUSALS, Listing
from integrations.acuity.store.bulk import insert
from integrations.acuity.store.history import Parts, update
from integrations.acuity.store.references import Keys, Ref, find, find_or_make
from integrations.acuity.store.rejects import reject, resolve
from integrations.acuity.store.upsert import Counts, told_apart, undone, upsert
from integrations.models import RejectedRecord


class Whole(Listing):
    """One request, one page, one transaction: for the hundreds of rows that a business sets up.

    A subclass says `name`, `title`, `noun`, `model`, `path`, the `columns` that it fills besides
    the ID, and how a payload is `read` into them. A list that Acuity refuses to this account is not
    asked for, and the scope says so.
    """

    @property
    def task(self) -> str:  # type: ignore[override]
        return f"acuity.import_{self.name}"

    @property
    def log(self) -> Log:  # type: ignore[override]
        return Log(self.name, self.name, 25)

    def fetch(self, context: Context) -> Fetched:
        try:
            shown = self.listing(context)
        except REFUSALS as refusal:
            if self.always:
                raise
            return Fetched([], {"refused": refusal.status}, done=True, total=0)
        rows = shown.rows
        read_at = timezone.now().isoformat()
        cursor = {"listed": len(rows), "digest": list_digest(rows), "read_at": read_at}
        cursor |= {"ignored": shown.ignored} if shown.ignored else {}
        return Fetched(rows, cursor, done=True, total=len(rows), gaps=shown.gaps)

    def save(self, context: Context, page: Fetched) -> Counts:
        return self._save(context, page.records)

    def gone(self, scope: Scope) -> int:
        return scope.account.rows(self.model).exclude(removed_at=None).count()

    @property
    def line(self) -> str:  # type: ignore[override]
        return "|".join(["id", *self.columns])

    def lines(self, extent: Extent) -> Iterable[Line]:
        rows = extent.rows(self.model).filter(known_from="", removed_at=None)
        found = rows.values_list("external_id", *self.columns)
        return (Line("all", "|".join(map(str, row))) for row in found.iterator())

    def dry_run(self, context: Context, saw: Callable[[list[Any]], None]) -> Foreseen:
        try:
            payloads = self.listing(context).rows
        except REFUSALS:
            payloads = []
        parsed = self.parse(context, payloads)
        saw(parsed.records)
        records = {record.key: record for record in parsed.records}
        keys = find(context.account, (ref for r in parsed.records for ref in r.refs()))
        hashes = {key: record.content_hash(keys) for key, record in records.items()}
        fresh, other = told_apart(self.model, context.account, hashes)
        counts = Counts(created=len(fresh), unchanged=len(records) - len(fresh) - len(other))
        if other:
            with undone():
                counts += self._save(context.trial, [records[key].payload for key in other])
        return Foreseen.of(len(payloads), counts + Counts(rejected=len(parsed.rejects)))

    def read_one(self, context: Context, record: RejectedRecord) -> None:
        """The listing is all there is to ask. One that is listed no longer stays rejected."""
        rows = self.listing(context).rows
        self._save(context, [row for row in rows if key_of(row) == record.external_id])

    def check(self, context: Context, cursor: dict[str, Any]) -> Checked:
        return check.check(self, context, cursor)

    def heal(self, context: Context, found: Found) -> Counts:
        counts = self._save(context, found.save, anew=True)
        # Without its hash, the row is written again when it comes back.
        gone = self.model._default_manager.filter(pk__in=found.gone)
        update(context.seen(self.name), gone, removed_at=timezone.now(), content_hash="")
        return counts

    def statement(self, context: Context, cursor: dict[str, Any]) -> Said:
        return said.statement(self, context, cursor)

    def _save(self, context: Context, payloads: list[Any], *, anew: bool = False) -> Counts:
        if not payloads:
            return Counts()
        parsed = self.parse(context, payloads)
        records: list[Record] = parsed.records
        refs = (ref for record in records for ref in record.refs())
        keys = find_or_make(context.account, refs, self.name)
        names = ["external_id", *self.columns, "known_from", "removed_at", "raw", "content_hash"]
        rows = [
            (r.key, *resolved(r.values, keys), "", None, r.kept, r.content_hash(keys))
            for r in records
        ]
        seen = context.seen(self.name)
        written = upsert(context.account, self.model, names, rows, seen=seen, anew=anew)
        counts, stored = written.counts, written.updated | written.restated
        if written.fresh or stored:
            made = find(context.account, [Ref(self.model, row[0]) for row in written.fresh])
            pks = made.get(self.model, {}) | {row[0]: pk for pk, row in stored.items()}
            named = {pks[r.key]: r for r in records if r.key in pks}
            changed = self.written(context, named, keys, written.known)
            counts = written.corrected(len(changed & written.restated.keys()))
        resolve(context.scope.origin, self.name, [r.key for r in records])
        return counts + reject(context.scope.origin, self.name, parsed.rejects)

    def written(
        self, context: Context, records: dict[int, Record], keys: Keys, known: set[int]
    ) -> set[int]:
        """After these records were written, by primary key: rows that belong to them. Of which
        records those were others, which history keeps where the record was `known` before."""
        changed = set[int]()
        for n, part in enumerate(self.parts):
            had = part.stored(records)
            now = {pk: record.owned(n, keys) for pk, record in records.items()}
            others = [pk for pk in records if had[pk] != now[pk]]
            before = Parts(self.model, part.model, known.intersection(others))
            part.model._default_manager.filter(**{f"{part.parent}__in": others}).delete()
            if rows := [(pk, *values) for pk in others for values in now[pk]]:
                insert(part.model, [part.parent, *part.columns], rows)
            before.keep(context.seen(self.name))
            changed |= set(others)
        return changed
