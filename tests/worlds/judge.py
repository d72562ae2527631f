"""Is it true? Holds an import's words and rows against the world, by rules of its own.

Who is who follows acuity-api.md, section 5: a client is a name, and with `clientsDistinctByPhone` a
name and a phone; a booking belongs to the client of its key, else to the one of its name and e-mail,
else it makes a client of its own.
"""

import html
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from tests.worlds.world import Booking, Entry, Moment, Pay, World, phone_key

Identity = tuple[str, str, str]
FALSE_VERIFIED, FALSE_GAP, FALSE_GONE = "false_verified", "false_gap", "false_gone"
LOST, ENDLESS = "lost", "endless"
KINDS = [FALSE_VERIFIED, FALSE_GAP, FALSE_GONE, LOST, ENDLESS]


@dataclass(frozen=True)
class Verdict:
    kind: str
    reason: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}"


@dataclass(frozen=True)
class Fault:
    """One thing in the database that is not as in the world."""

    resource: str
    what: str
    # missing, wrong, extra, whose
    kind: str = "wrong"


# Who is who


MARKS = str.maketrans({"’": "'", "‘": "'", "`": "'", "‐": "-", "‑": "-", "–": "-", "—": "-"})


@cache
def folded(name: str) -> str:
    """What two spellings of one name have in common: no case, blanks or invisible characters."""
    text = unicodedata.normalize("NFKC", html.unescape(name)).translate(MARKS)
    visible = "".join(char for char in text if unicodedata.category(char) != "Cf")
    return " ".join(visible.casefold().split())


def identity(world: World, row: Entry | Booking) -> Identity:
    phone = phone_key(row.phone, world.country) if world.by_phone else ""
    return folded(row.first), folded(row.last), phone


def listed_identities(world: World, moment: Moment) -> set[Identity]:
    return {identity(world, entry) for entry in moment.entries}


def owner(world: World, booking: Booking, moment: Moment) -> Identity:
    """The client of a booking."""
    own = identity(world, booking)
    listed = listed_identities(world, moment)
    if own in listed or not world.by_phone or not booking.email:
        return own
    same = {
        identity(world, entry)
        for entry in moment.entries
        if identity(world, entry)[:2] == own[:2]
        and entry.email.casefold() == booking.email.casefold()
    }
    return same.pop() if len(same) == 1 else own


# What an import covers


@dataclass(frozen=True)
class Bounds:
    first: date | None = None
    last: date | None = None

    def hold(self, days: Iterable[date]) -> bool:
        """Whether a booking is inside, whichever zone a day is of."""
        return all(
            (not self.first or day >= self.first) and (not self.last or day <= self.last)
            for day in days
        )


def days_of(world: World, booking: Booking) -> set[date]:
    zones = ("", "UTC", world.calendar_of(booking).timezone)
    return {world.day(booking, zone) for zone in zones}


def payments(rows: Iterable[Pay]) -> Counter[tuple[str, Decimal]]:
    return Counter((pay.processor, pay.amount.normalize()) for pay in rows)


class Judge:
    """Compares what one tenant's database holds with the world, as it is or was during the run."""

    def __init__(
        self,
        world: World,
        tenant: str,
        *,
        run_began: int | None = None,
        first_run_began: int = 0,
        mode: str = "paid",
        bounds: Bounds = Bounds(),
    ) -> None:
        self.world, self.tenant, self.mode, self.bounds = world, tenant, mode, bounds
        began = len(world.past) if run_began is None else run_began
        # What changes while a run goes on may be told as it was or as it is.
        self.moments = [*world.past[began:], world.moment]
        self.since_first = [*world.past[first_run_began:], world.moment]
        self.changing = began < len(world.past)
        # Set where an import says that it asked for every list of payments.
        self.claims_all_payments = mode == "all"

    def faults(self) -> list[Fault]:
        from bookings.models import Appointment, Client, Payment

        rows = list(Appointment.objects.filter(tenant=self.tenant).select_related("client"))
        clients = list(Client.objects.filter(tenant=self.tenant))
        paid = defaultdict(list)
        for payment in Payment.objects.filter(tenant=self.tenant, removed_at=None):
            paid[payment.appointment_id].append(payment)
        return [
            *self.of_bookings(rows),
            *self.of_payments(rows, paid),
            *self.of_clients(rows, clients),
        ]

    def states(self, number: int, moments: list[Moment] | None = None) -> list[Booking | None]:
        return [moment.bookings.get(number) for moment in moments or self.moments]

    def covered(self, booking: Booking) -> bool:
        return self.bounds.hold(days_of(self.world, booking))

    # Bookings

    def of_bookings(self, rows: list[Any]) -> list[Fault]:
        faults = []
        stored = defaultdict(list)
        for row in rows:
            stored[row.external_id].append(row)
        for number in {one for moment in self.moments for one in moment.bookings}:
            states = self.states(number)
            always_there = all(one and self.covered(one) for one in states)
            own = [row for row in stored.get(str(number), []) if not row.removed_at]
            if not own and always_there:
                faults.append(Fault("appointments", f"{number} is missing", "missing"))
            elif len(own) > 1:
                faults.append(Fault("appointments", f"{number} stands there twice"))
            elif own and always_there:
                problems = [self.differences(own[0], one) for one in states if one]
                if all(problems):
                    faults.append(Fault("appointments", f"{number}: {problems[-1]}"))
        for row in rows:
            # What is stored outside of the days is not said to be there.
            if row.removed_at or not self.bounds.hold([row.service_date]):
                continue
            states = self.states(int(row.external_id))
            if all(one is None for one in states):
                faults.append(Fault("appointments", f"{row.external_id} does not exist", "extra"))
            elif self.bounds != Bounds():
                # Told to be inside though the world has it elsewhere.
                problems = [self.differences(row, one) for one in states if one]
                if all(problems) and not any(one and self.covered(one) for one in states):
                    faults.append(Fault("appointments", f"{row.external_id}: {problems[-1]}"))
        return faults

    def differences(self, row: Any, one: Booking) -> str:
        """What of a stored booking is not as the world has it; empty where all is."""
        found = []
        for name, own, right in (
            ("starts_at", row.starts_at, one.starts),
            ("canceled", row.canceled, one.canceled),
            ("no_show", row.no_show, one.canceled and one.no_show),
            ("price", row.price, one.price),
            ("amount_paid", row.amount_paid, one.amount_paid),
        ):
            if own != right:
                found.append(f"{name} {own} instead of {right}")
        days = {self.world.day(one), self.world.day(one, self.world.calendar_of(one).timezone)}
        if row.service_date not in days:
            found.append(f"service_date {row.service_date} instead of {min(days)}")
        return ", ".join(found)

    # Payments

    def of_payments(self, rows: list[Any], paid: dict[Any, list[Any]]) -> list[Fault]:
        faults = []
        for row in rows:
            number = int(row.external_id)
            states = [one for one in self.states(number) if one]
            if row.removed_at or not states or not all(self.covered(one) for one in states):
                continue
            own = Counter((pay.processor, pay.amount.normalize()) for pay in paid[row.pk])
            if not own and not self.asked_for(states):
                continue
            if not any(own == payments(one.payments) for one in self.readings(number, states)):
                right = dict(payments(states[-1].payments))
                faults.append(
                    Fault("payments", f"of {number}: {said(own)} instead of {said(right)}")
                )
        return faults

    def asked_for(self, states: list[Booking]) -> bool:
        """Nobody asks for the payments of what shows nothing paid, unless all are wanted."""
        return self.claims_all_payments or all(one.shows_money for one in states)

    def readings(self, number: int, states: list[Booking]) -> list[Booking]:
        """The states whose payments may stand there.

        A correction that the booking itself does not show comes in when lists are read anew.
        """
        if self.mode == "all":
            return states
        now = states[-1]
        earlier = [one for one in self.states(number, self.since_first) if one]
        alike = [
            one for one in earlier if (one.paid, one.amount_paid) == (now.paid, now.amount_paid)
        ]
        return states + alike

    # Clients

    def of_clients(self, rows: list[Any], clients: list[Any]) -> list[Fault]:
        faults = [] if self.changing else self.of_the_list(clients)
        owners: dict[Identity, set[int]] = defaultdict(set)
        identities: dict[int, set[Identity]] = defaultdict(set)
        for row in rows:
            number = int(row.external_id)
            states = [one for one in self.states(number) if one]
            if row.removed_at or not states or not all(self.covered(one) for one in states):
                continue
            theirs = {
                owner(self.world, one, moment)
                for moment in self.moments
                if (one := moment.bookings.get(number))
            }
            if folded_name(row.client) not in {key[:2] for key in theirs}:
                faults.append(
                    Fault("clients", f"{number} is under a client of another name", "whose")
                )
            if len(theirs) == 1:
                owners[min(theirs)].add(row.client_id)
                identities[row.client_id] |= theirs
        # Parts of what the list says, too: the one row of an entry is the one of its bookings.
        if not self.changing:
            by_key = self.by_key(clients)
            for key in listed_identities(self.world, self.world.moment):
                listed = [row.pk for row in by_key.get(key, []) if row.listed]
                owners[key] |= set(listed[:1])
        for pks in owners.values():
            if len(pks) > 1:
                faults.append(
                    Fault("clients", f"one person stands there {len(pks)} times", "whose")
                )
        for keys in identities.values():
            if len(keys) > 1:
                faults.append(Fault("clients", f"{len(keys)} people are one client", "whose"))
        return faults

    def by_key(self, clients: list[Any]) -> dict[Identity, list[Any]]:
        found = defaultdict(list)
        for row in clients:
            phone = phone_key(row.phone, self.world.country) if self.world.by_phone else ""
            found[(*folded_name(row), phone)].append(row)
        return found

    def of_the_list(self, clients: list[Any]) -> list[Fault]:
        faults = []
        by_key = self.by_key([row for row in clients if row.listed])
        listed = listed_identities(self.world, self.world.moment)
        for key in listed:
            count = len(by_key.get(key, []))
            if not count:
                faults.append(Fault("clients", "somebody of the list is missing", "missing"))
            elif count > 1:
                faults.append(Fault("clients", f"somebody of the list stands there {count} times"))
        for _ in by_key.keys() - listed:
            faults.append(Fault("clients", "somebody is listed who isn't in the list", "extra"))
        return faults

    # Gone

    def wrongly_gone(self) -> list[str]:
        """Bookings marked as removed that live."""
        from bookings.models import Appointment

        gone = Appointment.objects.filter(tenant=self.tenant).exclude(removed_at=None)
        numbers = [int(number) for number in gone.values_list("external_id", flat=True)]
        return [str(number) for number in numbers if all(self.states(number))]


def folded_name(row: Any) -> tuple[str, str]:
    return folded(row.first_name), folded(row.last_name)


def said(rows: Any) -> str:
    return ", ".join(f"{processor} {amount:f}" for processor, amount in sorted(rows)) or "none"


def verdicts(judge: Judge, result: dict[str, Any], right: str) -> list[Verdict]:
    """What is false in `result`, where the source allows what `right` says of it.

    "complete": all can be had and nothing hinders the proof. "gap": it may not be verified.
    "either": both are right, as long as nothing false is said.
    """
    found = [
        Verdict(FALSE_GONE, f"{number} is marked as removed and lives")
        for number in judge.wrongly_gone()
    ]
    status, verified = str(result["status"]), bool(result["verified"])
    if status.startswith(("endless", "crashed")):
        return [*found, Verdict(ENDLESS, status)]
    told = (result.get("scope") or {}).get("payments") or {}
    if told.get("unasked") == 0:
        judge.claims_all_payments = True
    faults = judge.faults()
    found += false_claims(faults, result, right)
    if verified:
        return found
    missing = [fault for fault in faults if fault.kind != "extra"]
    said_so = bool(result["gaps"]) or status not in ("completed",)
    if missing and (not said_so or right == "complete"):
        how = "with a gap that need not be" if said_so else "without a word"
        found.append(Verdict(LOST, f"{few(missing)} ({status}, {how})"))
    elif right == "complete" and not faults:
        reason = result.get("reason") or "; ".join(map(str, result["gaps"][:3]))
        found.append(Verdict(FALSE_GAP, f"{status}: all is stored, yet: {reason}"))
    return found


def false_claims(faults: list[Fault], result: dict[str, Any], right: str) -> list[Verdict]:
    if result["verified"]:
        found = [Verdict(FALSE_VERIFIED, few(faults))] if faults else []
        if right == "gap":
            found.append(Verdict(FALSE_VERIFIED, "this source can't be verified"))
        return found
    return [
        Verdict(FALSE_VERIFIED, f"{resource} alone: {few(wrong)}")
        for resource, scope in (result.get("scope") or {}).items()
        if isinstance(scope, dict) and scope.get("verified")
        if (wrong := [fault for fault in faults if fault.resource == resource])
    ]


def few(faults: list[Fault]) -> str:
    shown = "; ".join(fault.what for fault in faults[:3])
    return shown + (f"; and {len(faults) - 3} more" if len(faults) > 3 else "")
