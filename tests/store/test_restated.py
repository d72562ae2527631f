"""Rows that come otherwise: is a changed column told from bytes alone, and is only that a change?"""

import pytest

from bookings.models import (
    Answer,
    Appointment,
    AppointmentAddon,
    Certificate,
    Change,
    Label,
    Payment,
)
from integrations.acuity.runs import results
from integrations.acuity.sandbox import Sandbox
from integrations.models import ImportRun
from tests import invariants
from tests.conftest import import_all

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.sandbox(clients=12, appointments=40, months=2),
]


def written(run: ImportRun) -> dict[str, tuple[int, ...]]:
    """Created, updated, restated and unchanged, of the resources of which not all is unchanged."""
    names = ("created", "updated", "restated", "unchanged")
    found = {s.resource: tuple(getattr(s, name) for name in names) for s in run.steps.all()}
    return {name: counts for name, counts in found.items() if any(counts[:3])}


@pytest.mark.long
def test_what_changes_no_column_is_restated_and_what_does_is_updated(box: Sandbox) -> None:
    data = box.account
    import_all(box)
    numbers = sorted(data.bookings)
    for number in numbers:
        data.edit(number, somethingNew="in another key")
    label = data.lists["labels"][0]
    label["somethingNew"] = 1
    paid = next(n for n in numbers if data.payments.get(n))
    data.payments[paid][0]["somethingNew"] = 1
    data.edit(paid, amountPaid="0.01")

    run = import_all(box)

    assert written(run) == {
        "labels": (0, 0, 1, 2),
        "appointments": (0, 1, 39, 0),
        "payments": (0, 0, 1, run.steps.get(resource="payments").unchanged),
    }
    assert run.verified and not invariants.of_django()
    assert [change.changed.keys() for change in Change.objects.all()] == [{"amount_paid"}]
    kept = (Appointment.objects.all(), Label.objects.filter(external_id=label["id"]))
    assert all(row.raw["somethingNew"] for rows in kept for row in rows)
    assert Payment.objects.filter(raw__somethingNew=1).count() == 1
    assert written(import_all(box)) == {}


@pytest.mark.long
def test_values_of_each_kind_are_kept_with_what_they_were(box: Sandbox) -> None:
    data = box.account
    live = (n for n, b in sorted(data.bookings.items()) if not b.status)
    first, second, third, fourth = [n for n in live if data.appointment(n)["forms"]][:4]
    data.edit(first, certificate=None, notes="", labels=None)
    import_all(box)
    before = data.appointment(first)
    other = next(c["id"] for c in data.calendars if c["id"] != before["calendarID"])
    label = {key: data.lists["labels"][0][key] for key in ("id", "name", "color")}
    data.edit(first, price="12.5", notes="O'Neil: 100 % \\N", labels=[label], calendarID=other)
    data.cancel(second)
    forms = data.appointment(third)["forms"]
    data.edit(third, forms=[dict(reversed(form.items())) for form in forms])
    addon = data.lists["appointment-addons"][0]["id"]
    data.edit(fourth, addonIDs=[addon, addon])

    run = import_all(box)

    assert written(run) == {"appointments": (0, 3, 1, 36)}
    changes = {
        int(c.external_id): c.changed for c in Change.objects.filter(resource="appointments")
    }
    place = {"calendar_name": 0, "location": 0}
    assert changes[first] | place == place | {
        "price": [f"{float(before['price']):.2f}", "12.50"],
        "notes": ["", "O'Neil: 100 % \\N"],
        "label": [None, str(label["id"])],
        "labels": [[], [label]],
        "calendar": [str(before["calendarID"]), str(other)],
    }
    assert changes[second] == {"canceled": [False, True]}
    assert third not in changes
    held = AppointmentAddon.objects.get(appointment__external_id=fourth)
    assert (held.addon.external_id, held.quantity) == (str(addon), 2)


@pytest.mark.long
def test_a_balance_that_falls_is_an_update(box: Sandbox) -> None:
    counted = next(row for row in box.account.lists["certificates"] if row["remainingCounts"])
    counted["remainingCounts"] = dict.fromkeys(counted["remainingCounts"], 4)
    import_all(box, only=("products", "orders", "certificates"))
    counted["remainingCounts"] = dict.fromkeys(counted["remainingCounts"], 3)

    run = import_all(box, only=("products", "orders", "certificates"))

    step = run.steps.get(resource="certificates")
    assert (step.updated, step.restated) == (1, 0)
    row = Certificate.objects.get(external_id=counted["id"])
    assert set(row.types.values_list("remaining_count", flat=True)) == {3}


def test_restated_stands_beside_the_other_counts(box: Sandbox) -> None:
    import_all(box, only=("labels",))
    box.account.lists["labels"][0]["somethingNew"] = 1

    run = import_all(box, only=("labels",))

    assert results.result(run).as_json()["labels"] == {
        "fetched": 3,
        "stored": 3,
        "created": 0,
        "updated": 0,
        "restated": 1,
        "unchanged": 2,
        "rejected": 0,
    }


@pytest.mark.long
def test_answers_are_written_anew_only_where_they_or_their_client_are_others(box: Sandbox) -> None:
    data = box.account
    import_all(box)
    several = [n for n in sorted(data.bookings) if data.appointment(n)["forms"]][:4]
    priced, answered, emptied, given = several

    def rows(number: int) -> list[tuple[int, str]]:
        found = Answer.objects.filter(appointment__external_id=str(number)).order_by("pk")
        return list(found.values_list("pk", "value"))

    def at_source(number: int) -> list[str]:
        return [v["value"] for f in data.appointment(number)["forms"] for v in f["values"]]

    before = {number: rows(number) for number in several}
    forms = data.appointment(answered)["forms"]
    forms[0]["values"][0]["value"] = "Otherwise"
    data.edit(priced, price="1.25")
    data.edit(answered, forms=forms)
    data.edit(emptied, forms=[], price="1.25")
    data.edit(given, firstName="Some", lastName="Body", phone="", email="some@example.com")

    run = import_all(box)

    assert run.steps.get(resource="appointments").updated == 4
    assert all([value for _, value in rows(n)] == at_source(n) for n in several)
    assert rows(priced) == before[priced]
    assert "Otherwise" in at_source(answered) and not rows(emptied)
    assert {pk for pk, _ in rows(given)}.isdisjoint({pk for pk, _ in before[given]})
