"""Odd edits: a client is renamed, a booking is moved to another calendar, answers, labels, add-ons, the
lines of an order, a certificate's balance. Is each state rebuilt, as the sandbox itself tells it?"""

import json
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from bookings import history
from bookings.models import Change, Tenant
from integrations.acuity.sandbox import Sandbox
from integrations.acuity.sync import refresh
from integrations.models import AcuityAccount
from tests.conftest import import_all

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.sandbox(clients=12, appointments=40, months=2),
]
ADDONS = [820001, 820002]
State = dict[str, dict[str, Any]]


def cents(value: Any) -> int | None:
    return None if value is None else int(Decimal(str(value)) * 100)


def sent(box: Sandbox) -> State:
    """What the sandbox says, without what has no history."""
    lists, zone = box.account.lists, ZoneInfo(box.account.timezone)
    return json.loads(
        json.dumps(
            {
                "appointments": {
                    str(b["id"]): [
                        datetime.fromisoformat(b["datetime"]).timestamp(),
                        [b["firstName"], b["lastName"], b["email"]],
                        b["calendarID"],
                        b["appointmentTypeID"],
                        cents(b["price"]),
                        (b["labels"] or [{"id": None}])[0]["id"],
                        sorted(Counter(map(str, b["addonIDs"])).items()),
                        [[v["name"], v["value"]] for f in b["forms"] for v in f["values"]],
                    ]
                    for b in box.account.appointments
                },
                "orders": {
                    str(o["id"]): [
                        datetime.fromisoformat(o["time"]).replace(tzinfo=zone).timestamp(),
                        o["status"],
                        sorted([line["name"], line["quantity"]] for line in o["products"]),
                    ]
                    for o in lists["orders"]
                },
                "certificates": {
                    str(c["id"]): [
                        cents(c["remainingValue"]),
                        c["remainingMinutes"],
                        [
                            [key, (c["remainingCounts"] or {}).get(str(key))]
                            for key in c["appointmentTypeIDs"]
                        ],
                    ]
                    for c in lists["certificates"]
                },
                "labels": {str(row["id"]): [row["name"], row["color"]] for row in lists["labels"]},
                "appointment_types": {
                    str(t["id"]): [t["name"].strip(), cents(t["price"]), sorted(t["calendarIDs"])]
                    for t in lists["appointment-types"]
                },
            }
        )
    )


def instant(text: str) -> float:
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()


def number(key: str | None) -> int | None:
    return int(key) if key else None


# The same, of a row as history tells it.
TOLD: dict[str, Callable[[dict[str, Any]], list[Any]]] = {
    "appointments": lambda r: [
        instant(r["starts_at"]),
        [r["first_name"], r["last_name"], r["email"]],
        number(r["calendar"]),
        number(r["appointment_type"]),
        cents(r["price"]),
        number(r["label"]),
        sorted([each["addon"], each["quantity"]] for each in r["addons"]),
        [[v["name"], v["value"]] for f in r["forms"] for v in f["values"]],
    ],
    "orders": lambda r: [
        instant(r["placed_at"]),
        r["status"],
        sorted([line["product_name"], line["quantity"]] for line in r["lines"]),
    ],
    "certificates": lambda r: [
        cents(r["remaining_value"]),
        r["remaining_minutes"],
        [[int(each["appointment_type"]), each["remaining_count"]] for each in r["types"]],
    ],
    "labels": lambda r: [r["name"], r["color"]],
    "appointment_types": lambda r: [r["name"], cents(r["price"]), sorted(map(int, r["calendars"]))],
}


def told(at: datetime) -> State:
    tenant = Tenant.objects.get()
    return {
        resource: {
            key: row_told(row)
            for key, row in history.as_of(tenant, at, resource)
            if row["removed_at"] is None
        }
        for resource, row_told in TOLD.items()
    }


def odd(box: Sandbox, rng: random.Random) -> list[int]:
    """One edit of each kind. The bookings that it touched."""
    account, lists = box.account, box.account.lists
    one, two, three, four, five = rng.sample(sorted(account.bookings), 5)
    entry = rng.choice(account.clients)
    whose = {"firstName": entry["firstName"], "lastName": entry["lastName"]}
    entry["lastName"] = f"Married {rng.randrange(1000)}"
    for booking in [b for b in account.appointments if {k: b[k] for k in whose} == whose]:
        account.edit(booking["id"], lastName=entry["lastName"])
    room = rng.choice([c["id"] for c in account.calendars])
    account.edit(one, calendarID=room)
    account.edit(two, labels=rng.choice([None, [rng.choice(lists["labels"])]]))
    account.edit(three, addonIDs=rng.choices(ADDONS, k=rng.randrange(4)))
    answers = [{"id": 1, "fieldID": 7100002, "value": f"Nuts {rng.random()}", "name": "Allergies"}]
    forms = [{"id": 700001, "name": "New guest", "values": answers}]
    account.edit(four, forms=rng.choice([forms, []]))
    account.move(five, account.bookings[five].local + timedelta(days=40))
    order = rng.choice(lists["orders"])
    order["products"] = [
        {"id": 2230005, "name": "Brush", "quantity": rng.randrange(1, 9), "total": 12},
        *(
            {"id": 2230001, "name": "Gift card", "quantity": 1, "total": 25}
            for _ in range(rng.randrange(2))
        ),
    ]
    for certificate in lists["certificates"]:
        if certificate["remainingCounts"]:
            certificate["remainingCounts"] = {"5100003": rng.randrange(9)}
        elif certificate["remainingValue"] is not None:
            certificate["remainingValue"] = rng.randrange(25)
    label = rng.choice(lists["labels"])
    label["name"] = f"Seen {rng.randrange(99)}"
    kind = rng.choice(lists["appointment-types"])
    kind["calendarIDs"] = rng.sample([c["id"] for c in account.calendars], rng.randrange(1, 3))
    return [one, two, three, four, five]


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2])
def test_odd_edits_are_rebuilt_at_every_time(box: Sandbox, seed: int) -> None:
    rng, journal = random.Random(seed), []
    import_all(box)
    journal.append((timezone.now(), sent(box)))
    assert not Change.objects.exists()
    for turn in range(5):
        touched = odd(box, rng)
        if turn == 2:
            account = AcuityAccount.objects.get()
            for each in touched:
                refresh.request(account, str(each))
                refresh.perform(account.pk, str(each))
        import_all(box, verify=turn == 4)
        journal.append((timezone.now(), sent(box)))

    for at, state in journal:
        rebuilt = told(at)
        for resource, rows in state.items():
            assert rebuilt[resource] == rows, resource
    kinds = set(Change.objects.values_list("resource", flat=True))
    assert kinds >= {"appointments", "orders", "certificates", "labels", "appointment_types"}


@pytest.mark.long
def test_a_balance_is_one_change_and_the_same_again_is_none(box: Sandbox) -> None:
    import_all(box)
    certificate = next(c for c in box.account.lists["certificates"] if c["remainingCounts"])
    had = certificate["remainingCounts"]["5100003"]
    certificate["remainingCounts"] = {"5100003": 7}
    import_all(box)
    import_all(box)

    change = Change.objects.get()

    assert change.external_id == str(certificate["id"])
    before, after = ([{"appointment_type": "5100003", "remaining_count": n}] for n in (had, 7))
    assert change.changed == {"types": [before, after]}
