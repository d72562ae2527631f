"""How late is each change seen? `make year`: an account's year with time moved.

DAYS=N makes it shorter, BOOKINGS=N the account larger.
"""

import os
import random
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
import time_machine

from bookings.models import Appointment, Payment
from integrations.acuity.sandbox import Sandbox
from integrations.acuity.sync import plans, refresh, webhooks
from integrations.models import AcuityAccount, ImportRun, Plan
from tests.conftest import import_all, run_to_end
from tests.web.test_api import deliver, sign

SIZE = int(os.environ.get("BOOKINGS") or 120)
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.endurance,
    pytest.mark.sandbox(appointments=SIZE, clients=SIZE // 4, months=max(4, SIZE // 130)),
]
DAYS = int(os.environ.get("DAYS") or 365)
START = datetime(2026, 6, 15, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
BOOKING = ("new", "moved", "canceled", "repriced")
PAYMENT = ("paid", "hidden refund")


# What is changed again before it was seen cannot be seen any more.
OVERTAKES = {
    "moved": {"moved"},
    "repriced": {"repriced"},
    "paid": {*PAYMENT},
    "hidden refund": {*PAYMENT},
    "deleted": {*BOOKING, *PAYMENT},
}
# A beat that slept: the day after a third of the year, and a week of it.
SLEPT = (START + DAYS // 3 * 24 * HOUR, START + (DAYS // 3 + 7) * 24 * HOUR) if DAYS > 30 else None


class Made(NamedTuple):
    """A change at the source, and how to tell that it is stored."""

    kind: str
    number: str
    at: datetime
    seen: Callable[[], bool]
    # Made while the source was away: late for that.
    hindered: bool

    def slept_through(self, now: datetime) -> bool:
        """Whether beat slept between the change and now."""
        return bool(SLEPT and self.at < SLEPT[1] and now > SLEPT[0])

    def overtaken(self, kind: str, number: str) -> bool:
        return self.number == number and self.kind in OVERTAKES.get(kind, set())


class Business:
    """Changes an account at the source, and looks in the database for what it changed."""

    def __init__(self, box: Sandbox, rng: random.Random) -> None:
        self.box, self.rng, self.n = box, rng, 0

    def change(self, kind: str, now: datetime) -> tuple[str, Callable[[], bool]]:
        """The booking's ID, and the question whether the change is stored."""
        self.n += 1
        data = self.box.account
        number = self.rng.choice([r["id"] for r in data.appointments if not r["canceled"]])
        row = Appointment.objects.filter(external_id=number)
        start = (now + timedelta(days=self.rng.randrange(1, 60))).replace(tzinfo=None, second=0)
        start = start.replace(microsecond=0)
        if kind == "new":
            number = data.add_appointment(start)
            return str(number), Appointment.objects.filter(external_id=number).exists
        if kind == "moved":
            data.move(number, start)
            at = data.bookings[number].start
            return str(number), row.filter(starts_at=datetime.fromtimestamp(at, UTC)).exists
        if kind == "canceled":
            data.cancel(number)
            return str(number), row.filter(canceled=True).exists
        if kind == "repriced":
            data.edit(number, price=f"{100 + self.n}.50")
            return str(number), row.filter(price=f"{100 + self.n}.50").exists
        if kind == "deleted":
            data.delete(number)
            # Made and deleted while beat slept, it is nowhere.
            living = row.filter(removed_at=None)
            return str(number), lambda: not living.exists()
        amounts = ["60.00"] if kind == "paid" else ["60.00", "-60.00"]
        key = f"pi_{self.n}"
        rows: list[dict[str, Any]] = [
            {
                "transactionID": f"{key}_{n}",
                "created": f"{now:%Y-%m-%dT%H:%M:%S}+0000",
                "processor": "stripe",
                "amount": amount,
            }
            for n, amount in enumerate(amounts)
        ]
        money = {"paid": "yes", "amountPaid": f"{self.n}.25"} if kind == "paid" else {}
        data.edit(number, payments=rows, **money)
        return str(number), Payment.objects.filter(transaction_id=f"{key}_0").exists


@pytest.mark.parametrize("hooked", [False, True], ids=["without webhooks", "with webhooks"])
def test_a_year_of_changes_is_seen_in_time(
    box: Sandbox, account: AcuityAccount, monkeypatch: pytest.MonkeyPatch, hooked: bool
) -> None:
    monkeypatch.setattr("integrations.acuity.runs.messages.send_chain", lambda run: None)
    rng = random.Random(19)
    waiting: list[Made] = []
    late: dict[str, list[float]] = defaultdict(list)
    requests = overtaken = 0
    with time_machine.travel(START) as clock:
        import_all(box, payments_mode="all")
        plan = plans.set_plan(AcuityAccount.objects.get(pk=account.pk))
        Plan.objects.filter(pk=plan.pk).update(created_at=START)
        if hooked:
            webhooks.register(account, "https://importer.example.com/hook")
        business = Business(box, rng)
        box.forget()
        for hour in range(DAYS * 24):
            now = START + hour * HOUR
            clock.move_to(now)
            asleep = bool(SLEPT and SLEPT[0] <= now < SLEPT[1])
            away = hour % 240 in (100, 101)
            box.options.faults, box.options.fault_kinds = float(away), ("503",)
            if rng.random() < 0.3:
                kinds = [*BOOKING, *PAYMENT] + (["deleted"] if rng.random() < 0.1 else [])
                kind = rng.choice(kinds)
                number, seen = business.change(kind, now)
                overtaken += sum(made.overtaken(kind, number) for made in waiting)
                waiting = [made for made in waiting if not made.overtaken(kind, number)]
                waiting.append(Made(kind, number, now, seen, away))
                if hooked and kind != "deleted" and rng.random() > 0.05 and not away:
                    body = f"action=changed&id={number}".encode()
                    assert deliver(account.pk, body, sign(body)).status_code == 200
                    refresh.perform(account.pk, number)
                    assert seen(), f"{kind}: told, and not stored by the read"
            waiting = _look(waiting, late, now)
            # The turn of this hour, and one minute more for a run to be over.
            clock.move_to(now + HOUR - timedelta(seconds=1))
            if not asleep:
                for run in ImportRun.objects.filter(status__in=ImportRun.WORKING):
                    run_to_end(run)
                for _ in range(2):
                    for run in plans.begin_due():
                        run_to_end(run)
            waiting = _look(waiting, late, now + HOUR)
        requests = sum(box.counts().values())

    _report(late, waiting, overtaken, requests)
    old = START + DAYS * 24 * HOUR - timedelta(days=plan.nights + 1)
    assert not [made for made in waiting if made.at < old]
    # No kind may pass because it never came.
    assert DAYS < 90 or all(late[kind] for kind in (*BOOKING, *PAYMENT, "deleted"))
    for kind in BOOKING:
        assert max(late[kind], default=0) <= 60
    # An audit that the source breaks off goes on as soon as it is back.
    assert max(late["hidden refund"], default=0) <= plan.nights * 24 * 60 + 180


def _look(waiting: list[Made], late: dict[str, list[float]], now: datetime) -> list[Made]:
    """Those not yet stored; of the others the minutes that it took are noted."""
    left = []
    for made in waiting:
        if made.seen():
            hindered = made.hindered or made.slept_through(now)
            key = f"{made.kind}, hindered" if hindered else made.kind
            late[key].append((now - made.at).total_seconds() / 60)
        else:
            left.append(made)
    return left


def _report(
    late: dict[str, list[float]], waiting: list[Made], overtaken: int, requests: int
) -> None:
    print(
        f"\n{DAYS} days, {requests / DAYS:,.0f} requests a day; not yet seen: {len(waiting)};"
        f" changed again before they were seen: {overtaken}"
    )
    print(f"{'minutes until seen':<26}{'n':>6}{'median':>9}{'99 %':>9}{'worst':>9}")
    for kind, minutes in sorted(late.items()):
        at = sorted(minutes)
        shown = (at[len(at) // 2], at[min(len(at) - 1, len(at) * 99 // 100)], at[-1])
        print(f"{kind:<26}{len(at):>6}" + "".join(f"{each:>9,.0f}" for each in shown))
