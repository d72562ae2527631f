"""What is asked for, compared and stored? An account, some days of it, and what was chosen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import msgspec
from django.db.models import Model, QuerySet

from bookings.amounts import decimals
from bookings.models import Tenant
from integrations.acuity.reading.identity import Identity
from integrations.acuity.reading.stored import Stored
from integrations.acuity.reading.zones import country
from integrations.acuity.store.rejects import Origin
from integrations.conf import conf
from integrations.models import AcuityAccount, ImportRun, ImportStep

DAY = timedelta(days=1)
# A run keeps the choice of each resource's option in a column of this name.
CHOICE = "_mode"
# A page without forms is small, so the proof asks for many at once.
LISTING = 2500
M = TypeVar("M", bound=Model)


class Period(msgspec.Struct, frozen=True):
    """The days from `first` to `last`, both included; None is an open end."""

    first: date | None = None
    last: date | None = None

    def contains(self, day: date | str) -> bool:
        """`day` may be text, as rows have it: `2026-06-15`."""
        if self.first is self.last is None:
            return True
        text = str(day)
        return (self.first is None or str(self.first) <= text) and (
            self.last is None or text <= str(self.last)
        )

    def filter(self, rows: QuerySet[M]) -> QuerySet[M]:
        """The rows whose `service_date` is one of the days."""
        bounds = {"service_date__gte": self.first, "service_date__lte": self.last}
        return rows.filter(**{name: day for name, day in bounds.items() if day})

    @property
    def widened(self) -> "Period":
        """A day more on each side: nobody knows the zone in which Acuity's days begin."""
        return Period(self.first and self.first - DAY, self.last and self.last + DAY)

    @property
    def words(self) -> str:
        return f"{self.first or 'first booking'} to {self.last or 'last booking'}"


ANY_DAY = Period()


class Reread(Stored, frozen=True):
    """The payment lists that are read again: in the order of their last reading, those up to one.

    `until` is when that one was read, None if never; `row` is its booking's key, 0: none at all.
    """

    until: datetime | None = None
    row: int = 0


NOTHING_AGAIN = Reread()


class Extent(NamedTuple):
    """Whose rows, and of which days: what a proof speaks of, without the source."""

    tenant: UUID
    # The account's ID at the source.
    account: str
    period: Period = ANY_DAY

    def rows(self, model: type[M]) -> QuerySet[M]:
        """All of them, of any day."""
        return model._default_manager.filter(
            tenant_id=self.tenant, source="acuity", source_account=self.account
        )


@dataclass(frozen=True)
class Scope:
    """What a run, a dry run, a retry or a refresh is about."""

    account: AcuityAccount
    period: Period = ANY_DAY
    # The run whose steps are looked at and under which rejects are kept, and when it was created.
    run: UUID | None = None
    began: datetime | None = None
    # What was chosen of the resources' options, by name.
    choices: Mapping[str, str] = field(default_factory=dict)
    accept_removals: bool = False
    # Payment lists that are read again, though nothing says that they changed.
    reread: Reread = NOTHING_AGAIN
    # The run's own limit, in requests a second.
    rate: float | None = None

    @classmethod
    def of(cls, run: ImportRun) -> "Scope":
        columns = [f.attname for f in ImportRun._meta.concrete_fields if f.name.endswith(CHOICE)]
        return cls(
            account=run.account,
            period=Period(run.min_date, run.max_date),
            run=run.pk,
            began=run.created_at,
            choices={name.removesuffix(CHOICE): getattr(run, name) for name in columns},
            accept_removals=run.accept_removals,
            reread=Reread.of(run.reread),
            rate=run.requests_per_second,
        )

    @property
    def tenant(self) -> Tenant:
        return self.account.tenant

    @property
    def extent(self) -> Extent:
        return Extent(self.account.tenant_id, self.account.source_id, self.period)

    @property
    def origin(self) -> Origin:
        return Origin(self.account.pk, self.run, self.identity)

    @cached_property
    def identity(self) -> Identity:
        account = self.account
        return Identity(
            by_phone=account.clients_distinct_by_phone is not False,
            region=account.country or country(account.timezone) or "US",
            timezone=account.timezone,
            decimals=decimals(self.tenant.currency),
        )

    @property
    def runs(self) -> QuerySet[ImportRun]:
        """The run's row, if there is a run."""
        return ImportRun.objects.filter(pk__in=[self.run] if self.run else [])

    @property
    def steps(self) -> QuerySet[ImportStep]:
        return ImportStep.objects.filter(run__in=self.runs)

    @cached_property
    def imported(self) -> Mapping[str, ImportStep]:
        """The run's steps by resource, as a proof finds them: only its own moves on meanwhile."""
        return {step.resource: step for step in self.steps}

    @cached_property
    def resources(self) -> set[str]:
        """The names of the run's steps."""
        return set(self.steps.values_list("resource", flat=True))

    @property
    def requests_per_second(self) -> float:
        """What may be asked for; 0 means no limit."""
        whole = float(conf.ACUITY_REQUESTS_PER_SECOND)
        return min(self.rate, whole or self.rate) if self.rate else whole


class Position(msgspec.Struct, frozen=True):
    """Where a step stands, and how many records its next page is asked for."""

    cursor: dict[str, Any] = {}
    # Records behind it, of how many, if that is known.
    offset: int = 0
    total: int | None = None
    # Records asked for at a time: by the import, and by the proof, whose rows are small.
    limit: int = 100
    listing: int = LISTING
    # Whether nothing had to be written so far, and nothing was rejected.
    unchanged: bool = True
    # Key of the step's row, under which the pages of a listing may be staged.
    step: int = 0
