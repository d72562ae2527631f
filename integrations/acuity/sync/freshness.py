"""How old is what is stored? Said of bookings, of payments and of the proof, each for itself."""

from datetime import datetime
from typing import NamedTuple

from django.db.models import Count, Max, Min, Q, QuerySet

from integrations.acuity.reading.zones import zone
from integrations.acuity.resources.base import kept
from integrations.acuity.resources.scope import Scope
from integrations.models import AcuityAccount, ImportStep


class Freshness(NamedTuple):
    """Times in UTC, None where nothing of the kind has happened."""

    # When the last complete listing of all days began.
    bookings: datetime | None
    # The oldest reading of a payment list, and how many lists nobody has read.
    payments: datetime | None
    unread: int
    proven: datetime | None

    def words(self, timezone: str) -> str:
        """`bookings as of 26 Nov 14:02, payments audited since 18 Nov, 12 lists never read`."""
        at = zone(timezone)
        if self.bookings is None:
            return "never imported whole"
        said = [f"bookings as of {self.bookings.astimezone(at):%-d %b %H:%M}"]
        if self.payments:
            said.append(f"payments audited since {self.payments.astimezone(at):%-d %b}")
        if self.unread:
            said.append(f"{self.unread:,} payment lists never read")
        return ", ".join(said)

    def as_json(self) -> dict[str, str | int | None]:
        def text(at: datetime | None) -> str | None:
            return at.isoformat() if at else None

        return {
            "bookings_as_of": text(self.bookings),
            "payments_since": text(self.payments),
            "payments_unread": self.unread,
            "proven_at": text(self.proven),
        }


def listings(account: int) -> QuerySet[ImportStep]:
    """The steps that have listed its bookings to the end."""
    return ImportStep.objects.filter(run__account=account, resource="appointments", status="done")


def of(account: AcuityAccount) -> Freshness:
    listed = listings(account.pk).filter(run__min_date=None, run__max_date=None)
    # Of columns that one index has: the tenant's, so that no row is looked at.
    unread = Count("tenant", filter=Q(payments_read_at=None))
    ages = kept(Scope(account).extent).aggregate(since=Min("payments_read_at"), unread=unread)
    return Freshness(
        bookings=listed.aggregate(at=Max("run__created_at"))["at"],
        payments=ages["since"],
        unread=ages["unread"],
        proven=account.runs.aggregate(at=Max("verified_at"))["at"],
    )
