"""What does the importer expect of a resource?"""

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import msgspec
from django.db.models import Model, QuerySet

from bookings.amounts import shortest
from bookings.history import plain as as_kept
from bookings.models import Appointment, Imported, Tenant
from integrations.acuity.reading.findings import Difference, Gap, Pair
from integrations.acuity.reading.identity import Identity
from integrations.acuity.reading.stored import Stored
from integrations.acuity.resources.catalog import Catalog
from integrations.acuity.resources.scope import Extent, Position, Scope
from integrations.acuity.source.fetching import Fetcher
from integrations.acuity.store.forgotten import Forgotten
from integrations.acuity.store.history import Seen
from integrations.acuity.store.upsert import Counts, changing
from integrations.models import AcuityAccount, RejectedRecord

NOWHERE = Position()
# How what is stored was compared, as a scope's evidence says it.
BY_COLUMN = "stored rows compared column by column"
BY_DIGEST = "unchanged rows compared by their digests, not column by column"
# Rows that a dry run names.
NAMED = 20
# A `Stored`, or what is in the column already.
Cursor = Stored | dict[str, Any]


class WouldChange(msgspec.Struct, frozen=True):
    """A stored row that an import would change: by column, what is stored and what would be."""

    resource: str = ""
    row: int = 0
    id: str = ""
    columns: dict[str, tuple[Any, Any]] = {}


class Foreseen(msgspec.Struct, frozen=True):
    """What an import would do of a resource, in records; in the order in which they are shown."""

    fetched: int = 0
    created: int = 0
    updated: int = 0
    restated: int = 0
    unchanged: int = 0
    rejected: int = 0

    @classmethod
    def of(cls, fetched: int, counts: Counts) -> "Foreseen":
        return cls(
            fetched,
            counts.created,
            counts.updated,
            counts.restated,
            counts.unchanged,
            counts.rejected,
        )


class Unasked(msgspec.Struct, frozen=True):
    """A resource that a dry run does not ask for, and the requests that an import would take for it."""

    requests: int = 0


@dataclass
class Context:
    """All that a page window works with. A new one is made after any fault."""

    scope: Scope
    position: Position
    source: Fetcher
    catalog: Catalog
    # Whether the next page will be asked for in this window, so that it may be prefetched.
    prefetch: bool = False
    # Whether most of the last page had to be written, so that the next is worth parsing ahead.
    expect_new: bool = False
    # In a dry run: the requests that a resource would need, by name, seen while another was read.
    foreseen: Counter[str] = field(default_factory=Counter, repr=False)
    # In a dry run: the first rows that would change.
    changing: list[WouldChange] = field(default_factory=list, repr=False)
    # Who changes what is written: import, verify or webhook, as history says it.
    by: str = "import"

    @classmethod
    def of(cls, scope: Scope, source: Fetcher, position: Position = NOWHERE) -> "Context":
        return cls(scope, position, source, Catalog(scope.account))

    @property
    def account(self) -> AcuityAccount:
        return self.scope.account

    @property
    def tenant(self) -> Tenant:
        return self.scope.account.tenant

    @property
    def trial(self) -> "Context":
        """One for what is undone again: of the rows that are made there, this one learns nothing."""
        return replace(self, catalog=self.catalog.copied())

    def seen(self, resource: str) -> Seen:
        """As what history keeps a change of this resource that is written now."""
        run = None if self.by == "webhook" else self.scope.run
        return Seen(self.tenant, resource, run, self.by)

    def name_changing(
        self, resource: str, model: type[Imported], names: Sequence[str], records: dict[str, Any]
    ) -> None:
        """In a dry run: name the rows that these records, by ID, would change; NAMED of them in all."""
        if (most := NAMED - len(self.changing)) <= 0:
            return
        for pk, external_id, columns in changing(model, self.account, names, records, most):
            said = {name: (as_kept(old), as_kept(new)) for name, (old, new) in columns.items()}
            self.changing.append(WouldChange(resource, pk, external_id, said))

    @property
    def identity(self) -> Identity:
        return self.scope.identity

    @property
    def forgotten(self) -> Forgotten:
        return self.catalog.forgotten

    @cached_property
    def awaits_rejects(self) -> bool:
        """Whether records that were rejected before may turn out to be readable now."""
        return RejectedRecord.objects.filter(account=self.account, resolved_at=None).exists()


class Fetched(msgspec.Struct, frozen=True):
    """One page as it came over the wire, not yet written."""

    records: list[Any]
    cursor: Cursor
    done: bool = False
    total: int | None = None
    gaps: list[Gap] = []
    count: int | None = None
    # Records inside the page, where they are not what the offset counts.
    fetched: int | None = None
    # Entries of an answer that is only put aside by this page, to be read by the next ones.
    listed: int | None = None
    # In a proof: how many of those compared are not as they are stored.
    differing: int = 0
    # The day from which the next page asks, where that is how one asks.
    day: str = ""

    @property
    def size(self) -> int:
        return len(self.records) if self.count is None else self.count


class Found(msgspec.Struct, frozen=True):
    """What a resource's `heal` is to write: records as `fetch` has them, and rows that are gone."""

    save: list[Any] = []
    gone: list[int] = []
    # Rows that the source denies in this look; None where nobody looked.
    missing: list[int] | None = None


class Checked(msgspec.Struct, frozen=True):
    """One page of a resource's proof, and where that goes on."""

    found: Found
    cursor: Cursor
    done: bool = False
    # Records compared, where they are what progress is told by, and how many there may be.
    count: int = 0
    total: int | None = None


class Line(NamedTuple):
    """A stored row as a proof file counts it: its month, the text that is hashed, its money."""

    month: str
    text: str
    amount: Decimal = Decimal(0)
    # What the month's money is told apart by.
    part: str = ""


class Said(msgspec.Struct, frozen=True):
    """What a resource's proof may say: its part of the scope, its gaps, and what it knows besides."""

    scope: dict[str, Any]
    gaps: list[Gap] = []
    coverage: dict[str, Pair] = {}
    differences: list[Difference] = []
    ignored: list[str] = []


class Step(Protocol):
    """One step of an import: `fetch` talks to Acuity, `save` to the database, never both."""

    name: str
    # What people read.
    title: str
    task: str

    def fetch(self, context: Context) -> Fetched: ...

    def save(self, context: Context, page: Fetched) -> Counts: ...


class Log(NamedTuple):
    """Names in `acuity_<page>_page` and `acuity_<progress>_progress`, the latter each `every`."""

    page: str
    progress: str
    every: int
    # Whether it is counted in the run's last line, whose form others rely on.
    summed: bool = False


class Resource(Step, Protocol):
    """What can be imported by itself. It says all there is to know of it; nobody else names it."""

    # One of them, in a sentence.
    noun: str
    model: type[Model]
    log: Log
    # What its offset counts, where that is not its records.
    read_as: str = ""
    # Whether its pages have a size, so that page limit and tuning apply.
    sized: bool = False
    # Choices that a person has, the first is the default; the run keeps one in `<option>_mode`.
    options: dict[str, tuple[str, ...]] = {}
    # Resources whose records it needs.
    after: tuple[str, ...] = ()
    # Whether each run brings it, whatever else that is limited to: others' days depend on it.
    always: bool = False
    # Whether a plan's hourly pass brings it: what changes with every booking.
    hourly: bool = False
    # Kinds of its gaps that leave a month open; those of no month, all of them.
    month_gaps: tuple[str, ...] = ()

    @abstractmethod
    def stored(self, scope: Scope) -> int:
        """How many rows of the scope are now in the database."""

    def gone(self, scope: Scope) -> int | None:
        """How many rows of the scope the source no longer has; None where it never says so."""
        return None

    # What `lines` writes of a row.
    line: str

    @abstractmethod
    def lines(self, extent: Extent) -> Iterable[Line]:
        """The stored rows for a proof file, those of one month after each other."""

    @abstractmethod
    def dry_run(self, context: Context, saw: Callable[[list[Any]], None]) -> Foreseen | Unasked:
        """What an import would do. What takes one request a record is not asked for.

        Writes nothing. `saw` is told of the records, page by page.
        """

    def foresee(self, context: Context, records: list[Any]) -> None:
        """In a dry run: what it would have to ask for these records of one it comes `after`."""
        return

    @abstractmethod
    def read_one(self, context: Context, record: RejectedRecord) -> None:
        """Store a record that was rejected, if it can be read now. Raises NotFound if it is gone."""

    @abstractmethod
    def check(self, context: Context, cursor: dict[str, Any]) -> Checked:
        """Ask again, otherwise than `fetch` did, and compare. Writes nothing.

        `cursor` is this proof's position in this resource, as stored: `{"anew": bool}` at first.
        """

    def recheck(self, context: Context, cursor: dict[str, Any]) -> Checked:
        """Once every resource was checked: what did not add up, asked once more."""
        return Checked(Found(), cursor, done=True)

    @abstractmethod
    def heal(self, context: Context, found: Found) -> Counts:
        """Write what `check` found, and count what was made of its records. Never asks."""

    @abstractmethod
    def statement(self, context: Context, cursor: dict[str, Any]) -> Said:
        """What this proof, at its end, may say. Never more than was asked and compared."""

    def kept(self, part: dict[str, Any]) -> str:
        """Its words in the headline of a proof, from what `statement` said; none, and it is left out."""
        return ""

    def not_asked(self, part: dict[str, Any]) -> str:
        """The headline's sentence on what was not asked for; none if all was."""
        said: str = part.get("not_asked", "")
        return said


def in_window(context: Context) -> QuerySet[Appointment]:
    """The appointments of the run's days that the source still has."""
    return kept(context.scope.extent)


def kept(extent: Extent) -> QuerySet[Appointment]:
    """The appointments in there that the source still has."""
    return extent.period.filter(extent.rows(Appointment).filter(removed_at=None))


def plain(amount: Decimal) -> str:
    """`50.00`, `12.505`: at least two decimals, and no more than it has."""
    return f"{shortest(amount):f}"


def many(n: int, what: str) -> str:
    """`1 booking`, `1,204 bookings`."""
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"
