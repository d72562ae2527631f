"""What does a listing need that only comes whole? To be read at once, and compared at once."""

from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from django.db.models import QuerySet

from bookings.models import Imported
from integrations.acuity.errors import BadAnswer
from integrations.acuity.reading.findings import Gap
from integrations.acuity.reading.stored import Stored
from integrations.acuity.reading.values import Reject, clean, digest, number
from integrations.acuity.resources.base import (
    Checked,
    Context,
    Fetched,
    Found,
    Line,
    Log,
    Resource,
    Said,
    many,
)
from integrations.acuity.resources.scope import Extent, Scope
from integrations.acuity.store.bulk import Row
from integrations.acuity.store.rejects import reject, resolve
from integrations.acuity.store.upsert import Counts, Parsed, compare, upsert
from integrations.models import AcuityAccount, RejectedRecord


class Listed(Stored, frozen=True):
    """How many rows were listed; and in a proof whether twice alike, and the IDs of stored ones
    that were not."""

    listed: int = 0
    alike: bool = False
    unlisted: list[str] = []


class Whole(Resource):
    """One request, one page, one transaction: for the hundreds of rows that a business sets up.

    A subclass says `name`, `title`, `noun`, `model`, `path`, the `columns` that it fills besides
    the ID, and how a payload is `read` into them. What is listed no longer stays stored.
    """

    path: str
    # Columns of the model, in the order of what `read` returns.
    columns: tuple[str, ...]
    # Sent with the request; the proof adds `second_look`, so as not to ask as the import did.
    params: dict[str, str] = {}
    second_look: dict[str, str] = {}
    model: type[Imported]

    @property
    def task(self) -> str:  # type: ignore[override]
        return f"acuity.import_{self.name}"

    @property
    def log(self) -> Log:  # type: ignore[override]
        return Log(self.name, self.name, 25)

    @abstractmethod
    def read(self, payload: dict[str, Any]) -> tuple[Any, ...]:
        """The values of `columns`. Raises Reject."""

    def fetch(self, context: Context) -> Fetched:
        rows = self._list(context)
        return Fetched(rows, Listed(len(rows)), done=True, total=len(rows))

    def save(self, context: Context, page: Fetched) -> Counts:
        return self._save(context, page.records)

    def stored(self, scope: Scope) -> int:
        return self._rows(scope.account).count()

    @property
    def line(self) -> str:  # type: ignore[override]
        return "|".join(["id", *self.columns])

    def lines(self, extent: Extent) -> Iterable[Line]:
        rows = extent.rows(self.model).values_list("external_id", *self.columns)
        return (Line("all", "|".join(map(str, row))) for row in rows.iterator())

    def dry_run(self, context: Context, saw: Callable[[list[Any]], None]) -> dict[str, int]:
        payloads = self._list(context)
        parsed = self._parse(payloads)
        saw(parsed.records)
        counts = compare(self.model, context.account, {row[0]: row[-1] for row in parsed.records})
        rejected = Counts(rejected=len(parsed.rejects))
        return {"fetched": len(payloads)} | asdict(counts + rejected)

    def read_one(self, context: Context, record: RejectedRecord) -> None:
        """The listing is all there is to ask. One that is listed no longer stays rejected."""
        self._save(context, [row for row in self._list(context) if _key(row) == record.external_id])

    def check(self, context: Context, cursor: dict[str, Any]) -> Checked:
        """The listing, asked twice anew, against what is stored."""
        first, second = (self._list(context, **self.second_look) for _ in range(2))
        payloads = {_key(payload): payload for payload in [*first, *second]}
        parsed = self._parse(payloads.values())
        stored = dict(self._rows(context.account).values_list("external_id", "content_hash"))
        changed = [payloads[row[0]] for row in parsed.records if stored.get(row[0]) != row[-1]]
        facts = Listed(
            listed=len(payloads),
            alike=digest(first) == digest(second),
            unlisted=[key for key in stored if key not in payloads],
        )
        return Checked(Found(changed), facts, done=True)

    def heal(self, context: Context, found: Found) -> None:
        self._save(context, found.save)

    def statement(self, context: Context, cursor: dict[str, Any]) -> Said:
        seen = Listed.of(cursor)
        alike, unlisted = seen.alike, seen.unlisted
        gaps: list[Gap] = []
        if not alike:
            reason = f"Acuity's {self.title.lower()} were others each time they were listed."
            gaps.append(Gap(self.name, reason))
        if unlisted:
            reason = f"{many(len(unlisted), self.noun)} stored that Acuity does not list."
            gaps.append(Gap(self.name, reason, extra=len(unlisted)))
        scope = {
            "listed": seen.listed,
            "stored": self.stored(context.scope),
            "evidence": ["listed twice, alike" if alike else "listed twice, not alike"],
        }
        return Said(scope, gaps)

    def _rows(self, account: AcuityAccount) -> QuerySet[Imported]:
        return account.rows(self.model)

    def _list(self, context: Context, **params: str) -> list[Any]:
        rows = context.source.get(self.path, **self.params | params)
        if not isinstance(rows, list):
            raise BadAnswer(f"{self.path} is not a list")
        return [clean(row) for row in rows]

    def _parse(self, payloads: Iterable[Any]) -> Parsed:
        rows: dict[str, Row] = {}
        parsed = Parsed()
        for payload in payloads:
            try:
                if not isinstance(payload, dict):
                    raise Reject("not an object")
                key = number(payload.get("id"), "id")
                rows[key] = (key, *self.read(payload), payload, digest(payload))
            except Reject as reason:
                parsed.rejects.append((payload, str(reason)))
        parsed.records = list(rows.values())
        return parsed

    def _save(self, context: Context, payloads: list[Any]) -> Counts:
        parsed = self._parse(payloads)
        names = ["external_id", *self.columns, "raw", "content_hash"]
        counts, _ = upsert(context.account, self.model, names, parsed.records)
        resolve(context.scope.origin, self.name, [row[0] for row in parsed.records])
        return counts + reject(context.scope.origin, self.name, parsed.rejects)


def _key(payload: Any) -> str:
    return str(payload.get("id") or "") if isinstance(payload, dict) else ""
