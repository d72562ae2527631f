"""What does the importer expect of a resource?"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

from bookings.models import Calendar, Tenant
from integrations.acuity.client import AcuityClient
from integrations.acuity.records import Identity
from integrations.acuity.sink import Counts
from integrations.models import AcuityAccount, ImportRun, ImportStep


@dataclass
class Context:
    """All that a page window works with."""

    run: ImportRun
    step: ImportStep
    client: AcuityClient

    @property
    def account(self) -> AcuityAccount:
        return self.run.account

    @property
    def tenant(self) -> Tenant:
        return self.run.account.tenant

    @property
    def limit(self) -> int:
        return self.run.page_limit

    @property
    def identity(self) -> Identity:
        return Identity(by_phone=self.account.clients_distinct_by_phone is not False)

    @property
    def zones(self) -> set[str]:
        """Every zone in which Acuity might begin a day."""
        calendars = Calendar.objects.filter(tenant=self.tenant).values_list("timezone", flat=True)
        return {self.account.timezone, *calendars} - {""}

    def in_window(self, day: Any) -> bool:
        low, high = self.run.min_date, self.run.max_date
        return (low is None or day >= low) and (high is None or day <= high)

    @property
    def first_day(self) -> Any:
        """A day early: nobody knows the zone in which Acuity's days begin."""
        return self.run.min_date - timedelta(days=1) if self.run.min_date else None

    @property
    def last_day(self) -> Any:
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

    @property
    def size(self) -> int:
        return len(self.records) if self.count is None else self.count


class Resource(Protocol):
    """One step of an import: `fetch` talks to Acuity, `save` to the database, never both."""

    name: str

    def fetch(self, context: Context) -> Fetched: ...

    def save(self, context: Context, page: Fetched) -> Counts: ...
