"""What does a listing need that only comes whole? To be read at once, and compared at once."""

from abc import abstractmethod
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from bookings.models import Listed
from integrations.acuity.errors import BadAnswer, Forbidden, NotFound, PlanWithoutApi
from integrations.acuity.reading.findings import NAMED, Gap, named
from integrations.acuity.reading.values import Reject, clean, digest, listed, number
from integrations.acuity.resources.base import (
    BY_COLUMN,
    BY_DIGEST,
    Checked,
    Context,
    Fetched,
    Foreseen,
    Found,
    Line,
    Log,
    Resource,
    Said,
    many,
)
from integrations.acuity.resources.earlier import held, just_listed
from integrations.acuity.resources.records import (
    Part,
    Record,
    Shown,
    key_of,
    list_digest,
    nameless,
    resolved,
)
from integrations.acuity.resources.scope import Extent, Scope
from integrations.acuity.store.bulk import Row, insert
from integrations.acuity.store.history import Parts, altered, update
from integrations.acuity.store.references import Keys, Ref, find, find_or_make
from integrations.acuity.store.rejects import reject, resolve
from integrations.acuity.store.upsert import Counts, Parsed, told_apart, undone, upsert
from integrations.models import RejectedRecord

# Acuity's own word that this account has no such list.
REFUSALS = (NotFound, Forbidden, PlanWithoutApi)


class Whole(Resource):
    """One request, one page, one transaction: for the hundreds of rows that a business sets up.

    A subclass says `name`, `title`, `noun`, `model`, `path`, the `columns` that it fills besides
    the ID, and how a payload is `read` into them. A list that Acuity refuses to this account is not
    asked for, and the scope says so.
    """

    path: str
    # Columns of the model, in the order of what `read` returns; that of a `Ref` ends in `_id`.
    columns: tuple[str, ...]
    parts: tuple[Part, ...] = ()
    # Of these columns, those that may say who a client is. They stay empty where that client was
    # forgotten, and of such a payload only `impersonal` is kept.
    personal: tuple[str, ...] = ()
    impersonal: frozenset[str] = frozenset()
    # Sent with the request.
    params: dict[str, str] = {}
    # Sent instead by the proof, for a list of which all must be in the first one, too.
    second_look: dict[str, str] | None = None
    # Of what names rows that no list has: those by which the list is proven to be cut short.
    proves_cut: tuple[str, ...] = ()
    model: type[Listed]

    @property
    def task(self) -> str:  # type: ignore[override]
        return f"acuity.import_{self.name}"

    @property
    def log(self) -> Log:  # type: ignore[override]
        return Log(self.name, self.name, 25)

    @abstractmethod
    def read(self, payload: dict[str, Any]) -> tuple[Any, ...]:
        """The values of `columns`. Raises Reject."""

    def values(self, context: Context, payload: dict[str, Any]) -> tuple[Any, ...]:
        """As `read`, for a resource that has to know more than the payload says."""
        return self.read(payload)

    def listing(self, context: Context) -> Shown:
        """All payloads, as the import asks for them. Raises an `AcuityError`."""
        return Shown(self.ask(context, **self.params))

    def otherwise(self, context: Context, rows: list[Any]) -> Shown:
        """What another question shows, when the list has shown `rows`."""
        if self.second_look is None:
            return Shown()
        shown = self.ask(context, **self.second_look)
        asked = ", ".join(f"{k}={v}" for k, v in {**self.params, **self.second_look}.items())
        evidence = [f"asked with and without {asked}"]
        # One of them leaves out what was deleted: never most of what there is.
        return Shown(shown, evidence, may_lack=(len(rows) - 1) // 2)

    def rows(self, scope: Scope) -> QuerySet[Any]:
        """The stored rows that the list should show."""
        return scope.account.rows(self.model).filter(known_from="", removed_at=None)

    def written(
        self, context: Context, records: dict[int, Record], keys: Keys, known: set[int]
    ) -> set[int]:
        """After these records were written, by primary key: rows that belong to them. Of which
        records those were others, which history keeps where the record was `known` before."""
        changed = set[int]()
        for n, part in enumerate(self.parts):
            theirs = part.model._default_manager.filter(**{f"{part.parent}__in": list(records)})
            had: dict[int, Counter[Row]] = defaultdict(Counter)
            for pk, *values in theirs.values_list(part.parent, *part.columns):
                had[pk][tuple(values)] += 1
            now = {
                pk: Counter(dict.fromkeys((resolved(row, keys) for row in record.parts[n]), 1))
                for pk, record in records.items()
            }
            others = [pk for pk in records if had[pk] != now[pk]]
            before = Parts(self.model, part.model, known.intersection(others))
            theirs.filter(**{f"{part.parent}__in": others}).delete()
            if rows := [(pk, *values) for pk in others for values in now[pk]]:
                insert(part.model, [part.parent, *part.columns], rows)
            before.keep(context.seen(self.name))
            changed |= set(others)
        return changed

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

    def stored(self, scope: Scope) -> int:
        return self.rows(scope).count()

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
        parsed = self._parse(context, payloads)
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
        """The listing, asked anew and otherwise, against what is stored.

        It was read twice alike if the import has just had the same list; else it is read again. A
        list that an earlier proof has asked for so is not asked for once more, unless `anew`, nor is
        one of which another question shows, row by row, what the import has just listed.
        """
        had = {} if cursor.get("anew") else held(context, self.name, self.stored(context.scope))
        if had:
            names = ("listed", "alike", "evidence", "ignored", "own", "held")
            return Checked(Found(), {n: had[n] for n in names if n in had}, done=True)
        try:
            if not cursor.get("anew") and (agreed := self._agreed(context)):
                return Checked(Found(), agreed, done=True)
            shown = self.listing(context)
            first = second = shown.rows
            alike = not cursor.get("anew") and self._imported(context) == list_digest(first)
            if not alike:
                second = self.listing(context).rows
                alike = list_digest(first) == list_digest(second)
            other = self.otherwise(context, first)
            if told := self._told_otherwise(context, first, other):
                # They may have changed in between.
                first = second = self.listing(context).rows
                other = self.otherwise(context, first)
                told = self._told_otherwise(context, first, other)
        except REFUSALS as refusal:
            return Checked(Found(), {"refused": refusal.status}, done=True)
        # Where the two tell a row in two ways, what stands is the list's.
        payloads = {key_of(payload): payload for payload in [*other.rows, *first, *second]}
        parsed = self._parse(context, payloads.values())
        keys = find(context.account, (ref for record in parsed.records for ref in record.refs()))
        stored = {key: (pk, print_) for key, pk, print_ in self._stored(context)}
        altered = self._altered(parsed.records, stored, keys)
        changed = [
            record.payload
            for record in parsed.records
            if record.key in altered
            or stored.get(record.key, (0, ""))[1] != record.content_hash(keys)
        ]
        gone = {key: pk for key, (pk, _) in stored.items() if key not in payloads}
        facts: dict[str, Any] = {
            "listed": len(payloads),
            "alike": alike,
            "cut": len(other.rows and {*map(key_of, other.rows)} - {*map(key_of, first + second)}),
            "evidence": shown.evidence + other.evidence,
            "told": sorted(told),
            "gaps": shown.gaps + other.gaps,
            "ignored": sorted({*shown.ignored, *other.ignored}),
        }
        if alike and not (told or facts["cut"] or facts["gaps"]):
            facts |= {"proven": list_digest(first)}
        many_gone = len(gone) > bool(other.evidence) and 2 * len(gone) >= len(stored)
        if many_gone and not context.scope.accept_removals:
            facts |= {"refused_gone": len(gone)}
            gone = {}
        elif alike:
            facts |= {"gone": len(gone)}
        else:
            gone = {}
        return Checked(Found(changed, list(gone.values())), facts, done=True)

    def _agreed(self, context: Context) -> dict[str, Any]:
        """Where this proof ends, if another question shows the very rows that this run's import has
        listed a moment ago; nothing if not. Raises an `AcuityError`."""
        stored = {key: print_ for key, _, print_ in self._stored(context)}
        step = just_listed(context, self.name, len(stored))
        if not step:
            return {}
        had = self.rows(context.scope).values_list("external_id", "raw")
        rows = [raw or {"id": key} for key, raw in had]
        other = self.otherwise(context, rows)
        parsed = self._parse(context, [*other.rows, *other.again])
        records: list[Record] = parsed.records
        keys = find(context.account, (ref for record in records for ref in record.refs()))
        odd = any(stored.get(r.key) != r.content_hash(keys) for r in records)
        if not other.evidence or odd or parsed.rejects or other.gaps or other.ignored:
            return {}
        if len(stored) - len(records) > other.may_lack:
            return {}
        return {
            "listed": len(stored),
            "alike": True,
            "own": True,
            "evidence": other.evidence,
            "ignored": [],
            "proven": step.cursor["digest"],
        }

    def _told_otherwise(self, context: Context, rows: list[Any], other: Shown) -> set[str]:
        """IDs of which another question says something else than the list."""
        listed = {r.key: (r.values, r.parts) for r in self._parse(context, rows).records}
        again = self._parse(context, [*other.rows, *other.again]).records
        return {
            r.key for r in again if listed.get(r.key, (r.values, r.parts)) != (r.values, r.parts)
        }

    def heal(self, context: Context, found: Found) -> Counts:
        counts = self._save(context, found.save, anew=True)
        # Without its hash, the row is written again when it comes back.
        gone = self.model._default_manager.filter(pk__in=found.gone)
        update(context.seen(self.name), gone, removed_at=timezone.now(), content_hash="")
        return counts

    def statement(self, context: Context, cursor: dict[str, Any]) -> Said:
        stored = self.stored(context.scope)
        if "refused" in cursor:
            return self._not_asked(cursor["refused"], stored)
        alike, at = cursor.get("alike", False), cursor.get("held")
        held_since = [f"the import's own list, the one proven at {at}"] if at else []
        looks = ["listed twice, alike" if alike else "listed twice, not alike"]
        if cursor.get("own"):
            looks = [] if at else ["the import's own list"]
        unlisted = self.unlisted(context)
        gaps = [*map(Gap.of, cursor.get("gaps", [])), *self._gaps(cursor, unlisted)]
        scope = {
            "listed": cursor.get("listed", 0),
            "stored": stored,
            "evidence": [
                *held_since,
                *looks,
                *cursor.get("evidence", []),
                BY_DIGEST if at or cursor.get("own") else BY_COLUMN,
            ],
        }
        if unlisted:
            scope["only_named"] = unlisted
        if gone := cursor.get("gone", 0):
            scope["no_longer_listed"] = gone
        if deaf := cursor.get("ignored"):
            scope["unproven"] = (
                f"Acuity ignores {', '.join(deaf)} in its list of {self.title.lower()}: where that ends"
                " cannot be told."
            )
        if unlisted or gone:
            scope["unproven"] = (
                f"Whether {self.title.lower()} that are not listed were deleted, or are left out,"
                " their list cannot say."
            )
        return Said(scope, gaps, ignored=cursor.get("ignored", []))

    def _not_asked(self, status: int, stored: int) -> Said:
        why = f"Acuity refuses this account its {self.title.lower()} (status {status})."
        gap = Gap(self.name, f"{why} {many(stored, self.noun)} stored before.")
        return Said({"not_asked": why, "stored": stored}, [gap] if stored else [])

    def _gaps(self, cursor: dict[str, Any], unlisted: dict[str, int]) -> Iterator[Gap]:
        what = self.title.lower()
        if not cursor.get("alike", False):
            reason = f"Acuity's {what} were different each time they were listed."
            yield Gap(self.name, reason)
        if cut := cursor.get("cut", 0):
            reason = f"Acuity cuts its {what} short: another question showed {cut:,} more."
            yield Gap(self.name, reason, missing=cut)
        if told := cursor.get("told"):
            which = f"{many(len(told), self.noun)}{named(told)}"
            reason = (
                f"Acuity says two different things about {which}, depending on how it is asked."
            )
            yield Gap(self.name, reason, found=len(told), ids=told[:NAMED])
        for source in self.proves_cut:
            if n := unlisted.get(source, 0):
                which = f"{many(n, self.noun)} that {source.replace('_', ' ')} name"
                yield Gap(self.name, f"{which}, and no list shows.", missing=n)
        if n := cursor.get("refused_gone", 0):
            reason = (
                f"{many(n, self.noun)} stored that Acuity no longer lists, half or more;"
                " import with --accept-removals if that is right."
            )
            yield Gap(self.name, reason, extra=n)

    def unlisted(self, context: Context) -> dict[str, int]:
        """How many rows no list has shown, by what names them."""
        rows = context.account.rows(self.model)
        names = rows.exclude(known_from="").values_list("known_from", flat=True)
        found: dict[str, int] = {}
        for name in names:
            found[name] = found.get(name, 0) + 1
        return found

    def _imported(self, context: Context) -> str | None:
        """The digest of the list that this run has imported."""
        step = context.scope.steps.filter(resource=self.name, status="done").first()
        return step.cursor.get("digest") if step else None

    def _stored(self, context: Context) -> Iterable[tuple[str, int, str]]:
        return self.rows(context.scope).values_list("external_id", "pk", "content_hash")

    def ask(self, context: Context, path: str = "", **params: Any) -> list[Any]:
        """The payloads of one answer. Raises an `AcuityError`."""
        path = path or self.path
        rows = listed(context.source.get(path, **params))
        if rows is None:
            raise BadAnswer(f"{path} is not a list")
        return [clean(row) for row in rows]

    def _parse(self, context: Context, payloads: Iterable[Any]) -> Parsed:
        records: dict[str, Record] = {}
        parsed = Parsed()
        for payload in payloads:
            try:
                if not isinstance(payload, dict):
                    raise Reject("not an object")
                key = number(payload.get("id"), "id")
                parts = tuple(tuple(map(tuple, part.read(payload))) for part in self.parts)
                values = self.values(context, payload)
                records[key] = Record(key, values, parts, payload, digest(payload), payload)
            except Reject as reason:
                parsed.rejects.append((payload, str(reason)))
        parsed.records = nameless(self, context, records)
        return parsed

    def _altered(
        self, records: list[Record], stored: Mapping[str, tuple[int, str]], keys: Keys
    ) -> set[str]:
        """The keys of records of which a column is not as the import has written it."""
        names = ["external_id", *self.columns]
        rows = {
            stored[r.key][0]: (r.key, *resolved(r.values, keys)) for r in records if r.key in stored
        }
        return {rows[pk][0] for pk in altered(self.model, names, rows)}

    def _save(self, context: Context, payloads: list[Any], *, anew: bool = False) -> Counts:
        parsed = self._parse(context, payloads)
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
