"""What does the importer expect of a resource?"""

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any, NamedTuple, Protocol

from django.db.models import Model, QuerySet

from bookings.models import Appointment, AppointmentType, Calendar, Client, Imported, Tenant
from integrations.acuity.reading.identity import Identity
from integrations.acuity.reading.zones import country
from integrations.acuity.source.fetching import Fetcher
from integrations.acuity.store.history import Seen
from integrations.acuity.store.upsert import Counts
from integrations.conf import conf
from integrations.models import AcuityAccount, ImportRun, ImportStep, RejectedRecord

# So many clients are got to know at once.
MANY_CLIENTS = 200_000
# A page without forms is small, so the proof asks for many at once.
LISTING = 2500
Gap = dict[str, Any]


@dataclass
class Context:
    """All that a page window works with. A new one is made after any fault."""

    run: ImportRun
    step: ImportStep
    source: Fetcher
    # Whether the next page will be asked for in this window, so that it may be prefetched.
    prefetch: bool = False
    # Whether most of the last page had to be written, so that the next is worth parsing ahead.
    expect_new: bool = False
    # Clients met so far: most bookings of a window belong to a few of them.
    _clients: dict[str, int] = field(default_factory=dict, repr=False)
    # Primary keys by ID of the calendars and types met so far, by model.
    catalog: dict[type[Imported], dict[str, int]] = field(default_factory=dict, repr=False)
    # In a dry run: the requests that a resource would need, by name, seen while another was read.
    foreseen: Counter[str] = field(default_factory=Counter, repr=False)
    # What history calls those who are no step of an import.
    by: str = ""

    @property
    def account(self) -> AcuityAccount:
        return self.run.account

    @property
    def tenant(self) -> Tenant:
        return self.run.account.tenant

    def seen(self, resource: str) -> Seen:
        """As what history keeps a change of this resource that is written now."""
        proof = self.step.resource == "verify"
        run = None if self.by else self.run.pk
        return Seen(self.tenant, resource, run, self.by or ("verify" if proof else "import"))

    @property
    def limit(self) -> int:
        return self.run.page_limit

    @property
    def listing(self) -> int:
        """How many the proof asks for at once: fewer after a time-out."""
        return int(self.run.tuning.get("listing", LISTING))

    @property
    def requests_per_second(self) -> float:
        return requests_per_second(self.run)

    @cached_property
    def identity(self) -> Identity:
        account = self.account
        return Identity(
            by_phone=account.clients_distinct_by_phone is not False,
            region=account.country or country(account.timezone) or "US",
            timezone=account.timezone,
        )

    def clients(self, keys: set[str]) -> dict[str, int]:
        """Primary keys by client key: of these, as far as they exist, and of others met before."""
        rows = Client.objects.filter(tenant=self.tenant, source="acuity")
        if not self._clients:
            self._clients.update(rows.values_list("external_id", "pk")[:MANY_CLIENTS])
        # Not a difference of sets, which would look at every client met before.
        if unknown := [key for key in keys if key not in self._clients]:
            self._clients.update(
                rows.filter(external_id__in=unknown).values_list("external_id", "pk")
            )
        return self._clients

    def forget(self) -> None:
        """Give back at once what would wait for the search for cycles."""
        self._clients.clear()

    @cached_property
    def awaits_rejects(self) -> bool:
        """Whether records that were rejected before may turn out to be readable now."""
        return RejectedRecord.objects.filter(account=self.account, resolved_at=None).exists()

    @cached_property
    def resources(self) -> set[str]:
        """The names of the run's steps."""
        return set(self.run.steps.values_list("resource", flat=True))

    @cached_property
    def calendars(self) -> dict[str, str]:
        """Each calendar's time zone, by ID."""
        rows = Calendar.objects.filter(tenant=self.tenant, source="acuity")
        return dict(rows.values_list("external_id", "timezone"))

    @cached_property
    def types(self) -> list[str]:
        rows = AppointmentType.objects.filter(tenant=self.tenant, source="acuity")
        return list(rows.values_list("external_id", flat=True))

    def relearn(self) -> None:
        """Forget which calendars and types there are, because one was added."""
        for name in ("calendars", "types"):
            self.__dict__.pop(name, None)

    @property
    def zones(self) -> set[str]:
        """Every zone in which Acuity might begin a day."""
        return {self.account.timezone, *self.calendars.values()} - {""}

    def in_window(self, day: date) -> bool:
        low, high = self.run.min_date, self.run.max_date
        return (low is None or day >= low) and (high is None or day <= high)

    @property
    def first_day(self) -> date | None:
        """A day early: nobody knows the zone in which Acuity's days begin."""
        return self.run.min_date - timedelta(days=1) if self.run.min_date else None

    @property
    def last_day(self) -> date | None:
        return self.run.max_date + timedelta(days=1) if self.run.max_date else None


@dataclass
class Fetched:
    """One page as it came over the wire, not yet written."""

    records: list[Any]
    cursor: dict[str, Any]
    done: bool = False
    total: int | None = None
    gaps: list[dict[str, Any]] = field(default_factory=list)
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


@dataclass
class Found:
    """What a resource's `heal` is to write: records as `fetch` has them, and rows that are gone."""

    save: list[Any] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)


@dataclass
class Checked:
    """One page of a resource's proof, and where that goes on."""

    found: Found
    cursor: dict[str, Any]
    done: bool = False
    # Records compared, where they are what progress is told by, and how many there may be.
    count: int = 0
    total: int | None = None


@dataclass
class Said:
    """What a resource's proof may say: its part of the scope, its gaps, and what it knows besides."""

    scope: dict[str, Any]
    gaps: list[Gap] = field(default_factory=list)
    coverage: dict[str, list[int]] = field(default_factory=dict)
    differences: list[dict[str, Any]] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


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


class Resource(Step, Protocol):
    """What can be imported by itself. It says all there is to know of it; nobody else names it."""

    # One of them, in a sentence.
    noun: str
    model: type[Model]
    log: Log
    # Whether its pages have a size, so that page limit and tuning apply.
    sized: bool = False
    # Choices that a person has, the first is the default; the run keeps one in `<option>_mode`.
    options: dict[str, tuple[str, ...]] = {}
    # Resources whose records it needs.
    after: tuple[str, ...] = ()
    # Whether each run brings it, whatever else that is limited to: others' days depend on it.
    always: bool = False

    @abstractmethod
    def stored(self, run: ImportRun) -> int:
        """How many rows the run's window now has in the database."""

    @abstractmethod
    def dry_run(self, context: Context, saw: Callable[[list[Any]], None]) -> dict[str, int]:
        """What an import would do: counts, or `requests` where asking would take one a record.

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

        `cursor` is this proof's position in this resource: `{"anew": bool}` at first.
        """

    def recheck(self, context: Context, cursor: dict[str, Any]) -> Checked:
        """Once every resource was checked: what did not add up, asked once more."""
        return Checked(Found(), cursor, done=True)

    @abstractmethod
    def heal(self, context: Context, found: Found) -> None:
        """Write what `check` found. Never asks."""

    @abstractmethod
    def statement(self, context: Context, cursor: dict[str, Any]) -> Said:
        """What this proof, at its end, may say. Never more than was asked and compared."""


def requests_per_second(run: ImportRun) -> float:
    """What the run may ask for; 0 means no limit."""
    whole = float(conf.ACUITY_REQUESTS_PER_SECOND)
    own = run.requests_per_second
    return min(own, whole or own) if own else whole


def in_window(context: Context) -> QuerySet[Appointment]:
    """The run's appointments that the source still has."""
    rows = Appointment.objects.filter(tenant=context.tenant, source="acuity", removed_at=None)
    return rows.filter(**window(context.run))


def many(n: int, what: str) -> str:
    """`1 booking`, `1,204 bookings`."""
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def window(run: ImportRun) -> dict[str, Any]:
    """The run's days as a filter of rows that have a `service_date`."""
    bounds = {"service_date__gte": run.min_date, "service_date__lte": run.max_date}
    return {name: day for name, day in bounds.items() if day}
