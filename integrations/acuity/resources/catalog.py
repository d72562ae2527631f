"""Which clients, calendars and types does an account have? Each is looked up once in a window."""

from dataclasses import dataclass, field
from functools import cached_property

from django.db.models.functions import Coalesce

from bookings.models import AppointmentType, Calendar, Client, Imported
from integrations.acuity.store.forgotten import Forgotten
from integrations.models import AcuityAccount

# So many clients are got to know at once.
MANY_CLIENTS = 200_000
# The client to whom bookings belong: the row itself, or the one into which it was merged.
WHO = Coalesce("merged_into", "pk")


@dataclass
class Catalog:
    account: AcuityAccount
    # Primary keys by ID of the calendars and types met so far, by model.
    keys: dict[type[Imported], dict[str, int]] = field(default_factory=dict, repr=False)
    # Clients met so far: most bookings of a window belong to a few of them.
    _clients: dict[str, int] = field(default_factory=dict, repr=False)

    def clients(self, keys: set[str]) -> dict[str, int]:
        """Primary keys by client key: of these, as far as they exist, and of others met before."""
        rows = self.account.rows(Client)
        if not self._clients:
            self._clients.update(rows.values_list("external_id", WHO)[:MANY_CLIENTS])
        if self.forgotten:
            self._clients.update(self.forgotten.among(keys))
        # Not a difference of sets, which would look at every client met before.
        if unknown := [key for key in keys if key not in self._clients]:
            self._clients.update(
                rows.filter(external_id__in=unknown).values_list("external_id", WHO)
            )
        return self._clients

    @cached_property
    def forgotten(self) -> Forgotten:
        return Forgotten(self.account.tenant)

    @cached_property
    def calendars(self) -> dict[str, str]:
        """Each calendar's time zone, by ID."""
        rows = self.account.rows(Calendar)
        return dict(rows.values_list("external_id", "timezone"))

    @cached_property
    def types(self) -> list[str]:
        rows = self.account.rows(AppointmentType)
        return list(rows.values_list("external_id", flat=True))

    @property
    def zones(self) -> set[str]:
        """Every zone in which Acuity might begin a day."""
        return {self.account.timezone, *self.calendars.values()} - {""}

    def relearn(self) -> None:
        """Forget which calendars and types there are, because one was added."""
        for name in ("calendars", "types"):
            self.__dict__.pop(name, None)

    def copied(self) -> "Catalog":
        """One that knows the same, and from which this one learns nothing."""
        other = Catalog(self.account, {m: dict(k) for m, k in self.keys.items()}, {**self._clients})
        for name in ("forgotten", "calendars", "types"):
            if name in self.__dict__:
                other.__dict__[name] = self.__dict__[name]
        return other

    def forget(self) -> None:
        """Give back at once what would wait for the search for cycles."""
        self._clients.clear()
