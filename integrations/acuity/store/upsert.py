"""How are records written? Only what changed, a page in a handful of statements."""

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
from django.db import IntegrityError, transaction
from django.db.models import JSONField

from bookings.models import Appointment, Imported
from integrations.acuity.store.bulk import Row, insert
from integrations.acuity.store.history import Seen, compared, keep
from integrations.models import AcuityAccount

# In place of a content hash: nobody has read this row's columns yet, so that filling them is no change.
# It was made where something named it, or is from before there were these columns.
UNREAD = "unread:-"
LINKS: dict[type[Imported], tuple[str, ...]] = {
    Appointment: ("client_id", "calendar_id", "appointment_type_id")
}
# So often another worker may insert one of the rows at the same moment.
RIVALS = 3


@dataclass
class Counts:
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.created + other.created,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.rejected + other.rejected,
        )


class Written(NamedTuple):
    """What an upsert has done: the rows that are new, and by primary key those that changed."""

    counts: Counts
    fresh: Sequence[Row]
    updated: dict[int, Row]


@dataclass
class Parsed:
    """What a page holds: records to store and records that could not be read."""

    records: list[Any] = field(default_factory=list)
    rejects: list[tuple[Any, str]] = field(default_factory=list)


def _stored(
    model: type[Imported], account: AcuityAccount, ids: Iterable[str]
) -> dict[str, tuple[int, str]]:
    """Primary key and content hash by ID; no hash where a link is not what it was stored with."""
    rows = account.rows(model).filter(external_id__in=list(ids))
    found = rows.values_list("external_id", "pk", "content_hash", *LINKS.get(model, ()))
    return {
        key: (pk, content if content == UNREAD or linked(content, tuple(links)) else "")
        for key, pk, content, *links in found
    }


def links(*keys: int | None) -> str:
    """How a content hash ends: whom and what a row belongs to is content too."""
    return ":%s" * len(keys) % keys


def linked(content_hash: str, keys: tuple[int | None, ...]) -> bool:
    return content_hash.endswith(links(*keys))


def compare(model: type[Imported], account: AcuityAccount, hashes: dict[str, str]) -> Counts:
    """What an upsert of these content hashes by ID would do."""
    stored, counts = _stored(model, account, hashes), Counts()
    for key, content in hashes.items():
        if key not in stored:
            counts.created += 1
        elif not stored[key][1].startswith(content):
            counts.updated += 1
        else:
            counts.unchanged += 1
    return counts


def upsert(
    account: AcuityAccount,
    model: type[Imported],
    names: Sequence[str],
    rows: Sequence[Row],
    expect_new: bool = False,
    waiting: Callable[[], None] = lambda: None,
    *,
    seen: Seen,
    anew: bool = False,
) -> Written:
    """Insert or update the account's rows of `names`, by external_id.

    `names` begin with external_id and end with content_hash; a row whose hash is stored already is
    not written, unless `anew`: somebody else may have changed its columns. `waiting` is called when the rest is the database's work. What changes is kept as
    `seen`. A row that another worker inserts meanwhile is an update.
    """
    assert (names[0], names[-1]) == ("external_id", "content_hash")
    if expect_new:
        with contextlib.suppress(IntegrityError), transaction.atomic():
            insert(model, names, rows, waiting, **account.marks)
            return Written(Counts(created=len(rows)), rows, {})
    for _ in range(RIVALS):
        with contextlib.suppress(IntegrityError), transaction.atomic():
            return _upsert(account, model, names, rows, waiting, seen, anew)
    return _upsert(account, model, names, rows, waiting, seen, anew)


def _upsert(
    account: AcuityAccount,
    model: type[Imported],
    names: Sequence[str],
    rows: Sequence[Row],
    waiting: Callable[[], None],
    seen: Seen,
    anew: bool,
) -> Written:
    """As `upsert`, once. Raises IntegrityError if another worker was first with a row."""
    stored = _stored(model, account, [row[0] for row in rows])
    fresh, differing, counts = [], {}, Counts()
    for row in rows:
        pk, content = stored.get(row[0], (None, None))
        if pk is None:
            fresh.append(row)
        elif anew or content != row[-1]:
            differing[pk] = row
        else:
            counts.unchanged += 1
    for pk in _alike(model, names, differing, stored) if differing and not anew else ():
        del differing[pk]
        counts.unchanged += 1
    changed = [
        model(id=pk, **account.marks, **dict(zip(names, map(_plain, row), strict=True)))
        for pk, row in differing.items()
    ]
    if fresh:
        insert(model, names, fresh, waiting, **account.marks)
    if changed:
        read = {pk: row for pk, row in differing.items() if stored[row[0]][1] != UNREAD}
        keep(seen, model, compared(model, names, read))
        # By primary key, hence an update for every row; new rows never pass here.
        model._default_manager.bulk_create(
            changed,
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=[model._meta.get_field(name).name for name in names[1:]],
            batch_size=500,
        )
    counts.created, counts.updated = len(fresh), len(changed)
    return Written(counts, fresh, differing)


def _alike(
    model: type[Imported],
    names: Sequence[str],
    rows: dict[int, Row],
    stored: dict[str, tuple[int, str]],
) -> list[int]:
    """Of the rows whose hash differs, those that say the same in other bytes: the keys in another
    order, say. Everything that comes from the source is in a row's JSON."""
    asked = [pk for pk, row in rows.items() if _links_of(stored[row[0]][1]) == _links_of(row[-1])]
    columns = [
        n for n, name in enumerate(names) if isinstance(model._meta.get_field(name), JSONField)
    ]
    found = model._default_manager.filter(pk__in=asked).values_list(
        "pk", *(names[n] for n in columns)
    )
    return [pk for pk, *had in found if had == [_plain(rows[pk][n]) for n in columns]]


def _links_of(content_hash: str) -> str | None:
    """How a hash ends; None if there is no hash, because the row is to be written anyway."""
    return content_hash.partition(":")[2] if content_hash else None


def _plain(value: Any) -> Any:
    return msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else value
