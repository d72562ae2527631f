"""Can every state at every time be rebuilt from the history, and who changed it?"""

import itertools
import json
import random
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.utils import timezone

from bookings import history
from bookings.models import Appointment, Change, Label, Payment, Tenant
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.resources import RESOURCES
from integrations.acuity.sandbox import Sandbox
from integrations.acuity.source.throttle import shared_throttle
from integrations.acuity.sync import refresh
from integrations.models import AcuityAccount
from tests.conftest import import_all, prove_again
from tests.later import prove_later
from tests.worlds.helpers import minutes_later

pytestmark = [
    pytest.mark.money,
    pytest.mark.django_db(transaction=True),
    pytest.mark.sandbox(clients=12, appointments=40, months=2),
]
Journal = list[tuple[datetime, dict[str, Any]]]


def source(box: Sandbox) -> dict[str, Any]:
    """What the sandbox has, in its own words: start, price and payments of each booking."""
    return {
        str(row["id"]): (
            datetime.fromisoformat(row["datetime"]).timestamp(),
            row["price"],
            row["notes"],
            row["canceled"],
        )
        for row in box.account.appointments
    }


def rebuilt(at: datetime) -> dict[str, Any]:
    tenant = Tenant.objects.get()
    return {
        key: (
            datetime.fromisoformat(row["starts_at"]).timestamp(),
            row["price"],
            row["notes"],
            row["canceled"],
        )
        for key, row in history.as_of(tenant, at, "appointments")
        if row["removed_at"] is None
    }


def edit(box: Sandbox, rng: random.Random, number: int) -> None:
    account = box.account
    match rng.randrange(5):
        case 0:
            account.edit(number, price=f"{rng.randint(10, 99)}.00")
        case 1:
            account.edit(number, notes=f"Note {rng.random()}")
        case 2:
            moved = account.bookings[number].local + timedelta(days=rng.randint(1, 3))
            account.move(number, moved)
        case 3:
            account.cancel(number)
        case 4:
            account.add_appointment(account.bookings[number].local + timedelta(minutes=15))


def live(box: Sandbox, turns: int, edits: int) -> Journal:
    """The source's own journal of so many imports, every fourth of them by webhooks alone."""
    rng = random.Random(4)
    import_all(box)
    account, journal = AcuityAccount.objects.get(), [(timezone.now(), source(box))]
    for turn in range(turns):
        known = set(box.account.bookings)
        chosen = rng.sample(sorted(known), edits)
        for number in chosen:
            edit(box, rng, number)
        if turn % 4 == 3:
            for number in [*chosen, *sorted(box.account.bookings.keys() - known)]:
                refresh.request(account, str(number))
                refresh.perform(account.pk, str(number))
        else:
            import_all(box)
        journal.append((timezone.now(), source(box)))
    return journal


@pytest.mark.long
def test_every_state_at_every_time_is_rebuilt(box: Sandbox) -> None:
    journal = live(box, turns=8, edits=6)

    for at, state in journal:
        assert rebuilt(at) == state
    assert set(Change.objects.values_list("by", flat=True)) >= {"import", "webhook"}


@pytest.mark.endurance
@pytest.mark.sandbox(clients=40, appointments=300, months=6)
def test_a_thousand_edits_in_twenty_imports_are_rebuilt(box: Sandbox) -> None:
    journal = live(box, turns=20, edits=50)

    states = [state for _, state in journal]
    assert len(journal) == 21 and all(a != b for a, b in itertools.pairwise(states))
    for at, state in journal:
        assert rebuilt(at) == state
    print(f"{Change.objects.count():,} changes, {len(journal)} states rebuilt")


@pytest.mark.long
def test_a_first_sight_is_no_change_and_neither_are_other_bytes(box: Sandbox) -> None:
    import_all(box)
    assert not Change.objects.exists()
    number = next(iter(box.account.bookings))
    box.account.edit(number, somethingNew="in another key")

    import_all(box)

    assert not Change.objects.exists()


@pytest.mark.long
def test_a_change_says_what_when_and_by_which_run(box: Sandbox) -> None:
    import_all(box)
    number = next(iter(box.account.bookings))
    old = box.account.appointment(number)["price"]
    box.account.edit(number, price="96.00")

    run = import_all(box)

    change = Change.objects.get()
    assert (change.resource, change.external_id) == ("appointments", str(number))
    assert change.changed == {"price": [old, "96.00"]}
    assert (change.run, change.by) == (run.pk, "import")


@pytest.mark.long
def test_what_the_proof_finds_gone_is_a_change_by_it(box: Sandbox) -> None:
    run = import_all(box)
    number = next(iter(box.account.bookings))
    box.account.delete(number)

    prove_again(run)
    assert not Change.objects.exists()
    prove_later(run)

    change = Change.objects.get(resource="appointments")
    assert (change.by, change.external_id) == ("verify", str(number))
    before, after = change.changed["removed_at"]
    assert before is None and after


@pytest.mark.long
@pytest.mark.money(False)
def test_a_label_and_a_payment_have_a_history_too(box: Sandbox) -> None:
    import_all(box)
    box.account.lists["labels"][0]["color"] = "blue"
    payment = Payment.objects.select_related("appointment").first()
    assert payment is not None
    number = int(payment.appointment.external_id)
    box.account.edit(number, paid="no", amountPaid="0.00", payments=[])

    import_all(box)

    changed = {c.resource: c.changed for c in Change.objects.exclude(resource="appointments")}
    assert changed["labels"] == {"color": ["green", "blue"]}
    assert changed["payments"]["removed_at"][0] is None


@pytest.mark.long
def test_what_is_rolled_back_leaves_no_history(
    box: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_all(box)
    number = next(iter(box.account.bookings))
    box.account.edit(number, price="96.00")
    save = RESOURCES["appointments"].save

    def save_and_fail(context: Any, found: Any) -> None:
        save(context, found)
        assert Change.objects.exists()
        raise OSError("after the rows were written")

    monkeypatch.setattr(RESOURCES["appointments"], "save", save_and_fail, raising=False)

    with pytest.raises(OSError, match="after the rows"):
        import_all(box)

    assert not Change.objects.exists()
    assert not Appointment.objects.filter(price="96.00").exists()


@pytest.mark.long
def test_the_command_says_what_was_and_what_changed(box: Sandbox) -> None:
    import_all(box)
    at = timezone.now()
    number = min(box.account.bookings)
    old = box.account.appointment(number)["price"]
    box.account.edit(number, price="96.00")
    import_all(box)

    was = said("--as-of", at.isoformat(), "--resource", "appointments", "--id", str(number))
    assert [line["row"]["price"] for line in was] == [old]
    *changes, last = said("--since", at.isoformat())
    assert [(c["id"], c["changed"]) for c in changes] == [(str(number), {"price": [old, "96.00"]})]
    assert last == {"closed_months": {}}


@pytest.mark.long
def test_a_closed_month_that_changed_is_named_with_its_figures(box: Sandbox) -> None:
    import_all(box)
    at = timezone.now()
    first = Appointment.objects.order_by("service_date").first()
    assert first is not None
    month = f"{first.service_date:%Y-%m}"
    before = Appointment.objects.filter(service_date__startswith=month).count()
    box.account.delete(int(first.external_id))
    prove_later(import_all(box))

    with minutes_later():
        *changes, last = said("--since", at.isoformat())

    assert last["closed_months"][month]["bookings"] == [before, before - 1]
    assert changes[0]["id"] == first.external_id


def months_now() -> dict[str, tuple[int, int]]:
    """What stands there, row by row."""
    found: dict[str, tuple[int, int]] = {}
    for booking in Appointment.objects.filter(removed_at=None).prefetch_related("payments"):
        rows = [row for row in booking.payments.all() if row.removed_at is None]
        for day, n, cents in [
            (booking.service_date, 1, 0),
            *((row.service_date, 0, round(row.amount * 100)) for row in rows),
        ]:
            had = found.get(f"{day:%Y-%m}", (0, 0))
            found[f"{day:%Y-%m}"] = (had[0] + n, had[1] + cents)
    return found


@pytest.mark.slow
def test_the_months_of_each_time_are_told_as_they_were(box: Sandbox) -> None:
    rng, said = random.Random(11), []
    for turn in range(5):
        with time_machine.travel(datetime.now(UTC) + timedelta(hours=turn), tick=True):
            shared_throttle.cache_clear()
            for number in rng.sample(sorted(box.account.bookings), 6) if turn else ():
                edit(box, rng, number)
            paid, moved, gone = rng.sample(sorted(box.account.bookings), 3)
            row = {"transactionID": "", "created": "2026-05-05T10:00:00-0500", "processor": "cash"}
            payment = row | {"amount": "31.50"}
            box.account.edit(paid, payments=[payment], paid="yes", amountPaid="31.50")
            box.account.move(moved, box.account.bookings[moved].local + timedelta(days=40))
            if turn % 2:
                box.account.delete(gone)
            prove_later(import_all(box))
            said.append((timezone.now() + timedelta(minutes=10), months_now()))
    shared_throttle.cache_clear()

    tenant = Tenant.objects.get()
    assert len({str(months) for _, months in said}) == len(said)
    for at, months in said:
        assert history.months(tenant, at) == months


@pytest.mark.parametrize(
    ("args", "word"),
    [
        (("--as-of", "yesterday"), "neither a day"),
        (("--as-of", "2025-10-31", "--resource", "sales"), "choose from"),
    ],
)
def test_bad_input_gets_one_sentence(box: Sandbox, args: tuple[str, ...], word: str) -> None:
    import_all(box, only=("labels",))

    with pytest.raises(ConfigurationError, match=word):
        call_command("acuity_history", *args)


def test_every_resource_has_its_table() -> None:
    assert {name: r.model for name, r in RESOURCES.items()}.items() <= history.TABLES.items()


def said(*args: str) -> list[dict[str, Any]]:
    out = StringIO()
    call_command("acuity_history", *args, stdout=out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.mark.long
@pytest.mark.money(False)
def test_columns_that_an_upgrade_has_added_are_filled_without_a_change(box: Sandbox) -> None:
    import_all(box)
    label = box.account.lists["labels"][0]
    Label.objects.filter(external_id=label["id"]).update(color="", content_hash="unread:-")
    Appointment.objects.update(price_sold=None, content_hash="unread:-", fingerprint="")

    import_all(box)

    assert Label.objects.get(external_id=label["id"]).color == label["color"]
    assert not Appointment.objects.filter(price_sold=None).exists()
    assert not Change.objects.exists()
