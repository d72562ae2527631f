"""How are records written? Only what changed, a page in a handful of statements."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction

from bookings.models import Appointment, Imported
from integrations.acuity.store.bulk import Row, insert
from integrations.acuity.store.history import Difference, Seen, compared
from integrations.acuity.store.overwrite import overwrite
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
    # Stored anew, but only the bytes are others: no column is.
    restated: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.created + other.created,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.rejected + other.rejected,
            self.restated + other.restated,
        )


class Written(NamedTuple):
    """What an upsert has done: the rows that are new, and by primary key those of which a column
    changed, and those of which only the bytes did; and of these two the content hash that was stored,
    empty where what is stored may be otherwise than that says."""

    counts: Counts
    fresh: Sequence[Row]
    updated: dict[int, Row]
    restated: dict[int, Row]
    had: dict[int, str]
    # Those of which nobody had read the columns: what is filled in is no change.
    unread: set[int]

    @property
    def known(self) -> set[int]:
        """Rows that were here before, and had been read."""
        return (self.updated.keys() | self.restated.keys()) - self.unread

    def corrected(self, changed: int) -> Counts:
        """The counts, where so many of the restated were found to have other rows of their own."""
        return self.counts + Counts(updated=changed, restated=-changed)


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


class Apart(NamedTuple):
    """IDs of rows that are not stored, and of those that are, with other content or in need of a look."""

    fresh: set[str]
    other: set[str]


def told_apart(model: type[Imported], account: AcuityAccount, hashes: dict[str, str]) -> Apart:
    """What an upsert of these content hashes by ID would insert, and what it would compare."""
    stored = _stored(model, account, hashes)
    other = {key for key, (_, had) in stored.items() if not had.startswith(hashes[key])}
    return Apart(hashes.keys() - stored.keys(), other)


@contextlib.contextmanager
def undone() -> Iterator[None]:
    """All that is written within is undone: what a dry run counts so is what an import would count."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def changing(
    model: type[Imported],
    account: AcuityAccount,
    names: Sequence[str],
    records: dict[str, Any],
    most: int,
) -> list[Difference]:
    """How the columns `names` of up to `most` stored rows would change, by these records by ID."""
    stored = _stored(model, account, records)
    rows = {
        pk: (key, *(getattr(records[key], name) for name in names))
        for key, (pk, content) in stored.items()
        if not content.startswith(records[key].content_hash)
    }
    return compared(model, ["external_id", *names], dict(islice(rows.items(), most)))


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
    not compared, unless `anew`: something else may have changed its columns. `waiting` is called when
    the rest is the database's work. What changes is kept as `seen`. A row that another worker inserts
    meanwhile is an update.
    """
    assert (names[0], names[-1]) == ("external_id", "content_hash")
    if not rows:
        return Written(Counts(), [], {}, {}, {}, set())
    if expect_new:
        with contextlib.suppress(IntegrityError), transaction.atomic():
            insert(model, names, rows, waiting, **account.marks)
            return Written(Counts(created=len(rows)), rows, {}, {}, {}, set())
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
    if fresh:
        insert(model, names, fresh, waiting, **account.marks)
    changed: set[int] = set()
    unread: set[int] = set()
    if differing:
        unread = {pk for pk, row in differing.items() if stored[row[0]][1] == UNREAD}
        changed = overwrite(model, names, differing, unread, seen)
    updated = {pk: row for pk, row in differing.items() if pk in changed}
    restated = {pk: row for pk, row in differing.items() if pk not in changed}
    counts.created, counts.updated, counts.restated = len(fresh), len(updated), len(restated)
    had = {pk: "" if anew else stored[row[0]][1] for pk, row in differing.items()}
    return Written(counts, fresh, updated, restated, had, unread)
