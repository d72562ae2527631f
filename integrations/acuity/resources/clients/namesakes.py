"""Which client may be two people? Where names alone tell clients apart, Acuity has one of each name."""

from collections.abc import Iterable
from datetime import datetime
from itertools import combinations, groupby, islice
from operator import itemgetter
from typing import NamedTuple

from django.db.models import F, Max, Min

from bookings.models import Appointment, Client, Tenant
from integrations.acuity.reading.identity import phone_key
from integrations.acuity.resources.clients.merging import Candidates
from integrations.acuity.resources.scope import Scope

WHY = "may be two people: bookings in turn under two phone numbers and two e-mail addresses"
# Of a booking, its client, how they were reached, and when it begins.
Booked = tuple[int, str, str, datetime]


class Ways(NamedTuple):
    """How one person was reached, and the times of the first and the last booking that says so."""

    words: frozenset[str]
    first: datetime
    last: datetime

    def with_(self, other: "Ways") -> "Ways":
        return Ways(
            self.words | other.words, min(self.first, other.first), max(self.last, other.last)
        )


def namesakes(tenant: Tenant, most: int | None = None) -> list[Candidates]:
    """Each by itself. Whoever changed number and address at once is none: one came after the other."""
    accounts = tenant.acuity_accounts.filter(clients_distinct_by_phone=False)
    regions = {account.source_id: Scope(account).identity.region for account in accounts}
    # Who was merged is one person: somebody has said so.
    merged = Client.objects.filter(tenant=tenant).exclude(merged_into=None).values("merged_into")
    bookings = Appointment.objects.filter(tenant=tenant, removed_at=None)
    bookings = bookings.filter(source_account__in=regions).exclude(client__in=merged)
    reached = bookings.exclude(email="").exclude(phone="").order_by()
    several = reached.values("client").annotate(
        mails=Max("email"), mail=Min("email"), phones=Max("phone"), one=Min("phone")
    )
    several = several.exclude(mails=F("mail")).exclude(phones=F("one"))
    rows = reached.filter(client__in=several.values("client")).order_by("client", "starts_at")
    found = rows.values_list("client", "source_account", "email", "phone", "starts_at")
    read = (
        (client, email.strip().casefold(), phone_key(phone, regions[account]), at)
        for client, account, email, phone, at in found.iterator()
    )
    pks = (pk for pk, booked in groupby(read, itemgetter(0)) if _are_two(booked))
    shown = list(islice(pks, most))
    clients = Client.objects.select_related("tenant").in_bulk(shown)
    return [Candidates(WHY, (clients[pk],)) for pk in shown]


def _are_two(booked: Iterable[Booked]) -> bool:
    """Whether some bookings share neither number nor address with others before and after them."""
    people: list[Ways] = []
    for _, email, phone, at in booked:
        one = Ways(frozenset({email, phone}), at, at)
        for other in [other for other in people if other.words & one.words]:
            people.remove(other)
            one = one.with_(other)
        people.append(one)
    return any(a.first <= b.last and b.first <= a.last for a, b in combinations(people, 2))
