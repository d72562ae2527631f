"""What is stored of one payload of a listing that comes whole, and of rows that belong to it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from django.db.models import Model

from bookings.models import Listed
from integrations.acuity.reading.findings import Gap
from integrations.acuity.reading.values import digest
from integrations.acuity.resources.base import Context
from integrations.acuity.store.bulk import Row
from integrations.acuity.store.references import Keys, Ref


class Part(NamedTuple):
    """Rows that belong to one row alone, as an order's lines do: written anew whenever that is."""

    model: type[Model]
    # The column that says to which row they belong, then the others, as `read` fills them.
    parent: str
    columns: tuple[str, ...]
    read: Callable[[dict[str, Any]], Iterable[Row]]

    def stored(self, pks: Iterable[int]) -> dict[int, Counter[Row]]:
        """What belongs to these rows now, and how often it is there."""
        rows = self.model._default_manager.filter(**{f"{self.parent}__in": list(pks)})
        found: dict[int, Counter[Row]] = defaultdict(Counter)
        for pk, *values in rows.values_list(self.parent, *self.columns):
            found[pk][tuple(values)] += 1
        return found


class Record(NamedTuple):
    """What is stored of one payload. A `Ref` among the values stands for another row's key."""

    key: str
    values: Row
    parts: tuple[tuple[Row, ...], ...]
    payload: Any
    digest: str
    # What is kept of the payload, and whose it is, if it names somebody who was forgotten.
    kept: Any
    nobody: int | None = None

    def refs(self) -> Iterator[Ref]:
        for row in (self.values, *(row for rows in self.parts for row in rows)):
            yield from (value for value in row if isinstance(value, Ref))

    def owned(self, n: int, keys: Keys) -> Counter[Row]:
        """What is to belong to its row, of the `n`th of its resource's parts."""
        return Counter(dict.fromkeys((resolved(row, keys) for row in self.parts[n]), 1))

    def content_hash(self, keys: Keys) -> str:
        """Which rows it refers to is content, too."""
        found = [_key_of(ref, keys) for ref in self.refs()]
        return f"{self.digest}:{digest(found)[:16]}" if found else self.digest


@dataclass
class Shown:
    """What a question has shown: payloads, the evidence in words, and what it could not prove."""

    rows: list[Any] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    # What else the other question showed of the list, and how many rows it need not show.
    again: list[Any] = field(default_factory=list)
    may_lack: int = 0


class Personal(Protocol):
    """A resource whose columns may say who a client is."""

    name: str
    model: type[Listed]
    columns: tuple[str, ...]
    personal: tuple[str, ...]
    impersonal: frozenset[str]


def nameless(resource: Personal, context: Context, records: dict[str, Record]) -> list[Record]:
    """The records, by ID; without the name where they are of somebody who was forgotten."""
    forgotten, account = context.forgotten, context.account
    if not (resource.personal and forgotten):
        return list(records.values())
    # So were rows emptied before there were marks of them; by that alone they are known.
    empty = account.rows(resource.model).filter(raw={}, known_from="")
    nobodies = dict.fromkeys(empty.values_list("external_id", flat=True), 0)
    for key, record in records.items():
        found = forgotten.row(account.source_id, resource.name, key)
        if found is None:
            found = forgotten.named(context.identity, record.payload)
        if found is not None:
            nobodies[key] = found
    return [
        without_name(resource, record, nobodies[key]) if key in nobodies else record
        for key, record in records.items()
    ]


def without_name(resource: Personal, record: Record, nobody: int) -> Record:
    """Its digest stays, by which the next import sees that nothing has changed."""
    values = tuple(
        "" if name in resource.personal else value
        for name, value in zip(resource.columns, record.values, strict=True)
    )
    kept = {k: v for k, v in record.payload.items() if nobody and k in resource.impersonal}
    return record._replace(values=values, kept=kept, nobody=nobody)


def list_digest(payloads: Sequence[Any]) -> str:
    """Alike for equal lists in whatever order."""
    return digest(sorted(map(digest, payloads)))


def _key_of(ref: Ref, keys: Mapping[type[Listed], Mapping[str, int]]) -> int | None:
    return keys.get(ref.model, {}).get(ref.key)


def resolved(row: Row, keys: Keys) -> tuple[Any, ...]:
    return tuple(_key_of(value, keys) if isinstance(value, Ref) else value for value in row)
