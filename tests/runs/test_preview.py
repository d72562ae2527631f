"""Are a dry run's numbers those of the import that follows, whatever changed, and is nothing written?"""

from collections import Counter
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from integrations.acuity.reading.stored import as_json
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.base import Foreseen
from integrations.acuity.runs import preview
from integrations.acuity.sandbox import Account, Sandbox
from tests.conftest import chosen, import_all, known

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.slow,
    pytest.mark.sandbox(clients=20, appointments=80, months=3),
]
NUMBERS = ("fetched", "created", "updated", "restated", "unchanged", "rejected")


def dump() -> dict[str, list[Any]]:
    """Every row of every table."""
    with connection.cursor() as cursor:
        found = {}
        for model in apps.get_models(include_auto_created=True):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(model._meta.db_table)}")
            found[model._meta.db_table] = sorted(map(str, cursor.fetchall()))
        return found


def change(data: Account) -> None:
    """In each list a row whose columns change, one whose bytes alone do, and what is special there."""
    for rows in data.lists.values():
        rows[0]["name" if "name" in rows[0] else "notes"] = "Another"
        rows[-1]["unheardOf"] = [1]
    data.lists["forms"][0]["fields"][0]["name"] = "Another question"
    orders, labels = data.lists["orders"], data.lists["labels"]
    orders[2]["products"][0]["quantity"] = 7
    orders[3]["total"] = "much"
    orders.append(orders[0] | {"id": 162999999})
    # Of a product that no list has.
    data.lists["certificates"][2]["productID"] = 2239999
    labels.append(labels[0] | {"id": 99})
    numbers = sorted(data.bookings)
    for number, over in (
        (numbers[0], {"price": "77.00"}),
        (numbers[2], {"forms": []}),
        (numbers[3], {"addonIDs": [data.lists["appointment-addons"][0]["id"]] * 2}),
        (numbers[4], {"price": "no price"}),
        (numbers[5], {"calendarID": data.calendars[-1]["id"]}),
        (numbers[6], {"firstName": "Quite", "lastName": "New", "email": "new@example.com"}),
        (numbers[7], {"labels": [{"id": 99, "name": "New", "color": "red"}]}),
    ):
        data.edit(number, **over)
    renamed = data.calendars[0]["id"], data.appointment_types[0]["id"]
    for number in numbers[10:]:
        booking = data.bookings[number]
        if booking.calendar["id"] != renamed[0] and booking.type["id"] != renamed[1]:
            data.edit(number, unheardOf=1)
    data.move(numbers[8], data.starts[numbers[-1]])
    data.add_appointment(data.starts[numbers[9]])
    data.clients[0]["notes"] = "Another"
    data.clients[1]["unheardOf"] = 1
    data.clients[2]["email"] = {}
    data.clients.append(data.clients[0] | {"firstName": "Someone", "lastName": "Else"})
    # Renamed, with all of their bookings.
    name = {"firstName": "Newly", "lastName": "Named"}
    listed = {(entry["firstName"], entry["lastName"]) for entry in data.clients[3:]}
    booked = Counter((row["firstName"], row["lastName"]) for row in data.appointments)
    was = next(who for who, n in booked.most_common() if who in listed and n > 1)
    for row in data.appointments:
        if (row["firstName"], row["lastName"]) == was:
            data.edit(row["id"], **name)
    for entry in data.clients:
        if (entry["firstName"], entry["lastName"]) == was:
            entry |= name


def nothing(data: Account) -> None:
    pass


def test_a_dry_run_counts_what_the_import_then_does(box: Sandbox) -> None:
    account = known(box)
    # Of payments a dry run says the requests alone.
    only = tuple(name for name in RESOURCES if name != "payments")
    for begun, expected in (
        (nothing, {"fetched", "created"}),
        (change, {*NUMBERS}),
        (nothing, {"fetched", "unchanged", "rejected"}),
    ):
        begun(box.account)
        before = dump()

        foreseen = preview.dry_run(account, chosen(only=only))

        assert dump() == before
        run = import_all(box, only=only, verify=False)
        steps = {step.resource: step for step in run.steps.all()}
        counted = {n: as_json(f) for n, f in foreseen.resources.items() if isinstance(f, Foreseen)}
        assert counted == {
            name: {number: getattr(steps[name], number) for number in NUMBERS} for name in counted
        }
        sums = {n: sum(numbers[n] for numbers in counted.values()) for n in NUMBERS}
        assert {n for n in NUMBERS if sums[n]} == expected, sums
        assert begun is nothing or counted["appointments"]["restated"]
