"""Rows of the same bytes are not parsed again, and nothing depends on it: bytes that differ are
compared by content, links are checked all the same."""

import json
from bisect import insort
from datetime import timedelta
from importlib import import_module
from typing import Any

import msgspec
import pytest
from django.db import connection

from bookings.models import Appointment, Change, Client
from integrations.acuity.reading import listing
from integrations.acuity.reading.listing import Row
from integrations.acuity.resources import appointments
from integrations.acuity.resources.appointments import compare, save
from integrations.acuity.runs.page import GROWN, grown
from integrations.acuity.sandbox import Sandbox, make_account
from integrations.models import AcuityAccount, ImportRun
from tests.conftest import (
    begin,
    ids,
    import_all,
    prove_again,
    run_to_end,
    small,
    source,
    source_ids,
)
from tests.later import prove_later

pytestmark = [pytest.mark.money, pytest.mark.django_db(transaction=True), pytest.mark.database]
BOOKING = small().appointments[0]


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    """No booking may be parsed from now on."""

    def parsed(*_: Any) -> None:
        raise AssertionError("a booking was parsed")

    monkeypatch.setattr(save, "parse_appointment", parsed)
    monkeypatch.setattr(compare, "core_of", parsed)


def turned(body: bytes) -> list[Row]:
    """The rows with their keys the other way round."""
    return [Row.of(dict(reversed(row.payload.items()))) for row in listing.decode(body)]


@pytest.mark.long
@pytest.mark.parametrize("shape", ["absent", "empty"])
def test_an_unchanged_account_is_compared_without_parsing(
    shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = small()
    with source(data, exclude_forms_shape=shape) as box:
        import_all(box)
        forbid(monkeypatch)
        run = import_all(box)

    assert run.verified and run.status == "completed"
    step = run.steps.get(resource="appointments")
    assert (step.created, step.updated, step.unchanged) == (0, 0, 300)


def listings(box: Sandbox) -> list[bool]:
    """Of the requests for pages since they were forgotten: whether without forms."""
    asked = [query for _, path, query, _ in box.requests if path == "/appointments"]
    return ["excludeForms" in query for query in asked if query.get("max") != "1"]


@pytest.mark.long
def test_an_unchanged_account_is_listed_once_and_that_is_the_comparison() -> None:
    data = small()
    with source(data) as box:
        first = import_all(box)
        box.forget()
        second = import_all(box)
        once = listings(box)
        box.forget()
        prove_again(second)

        # The latest are asked for once more, newest first; the others are not.
        assert once.count(True) == 1 and once.index(True) == len(once) - 1
        assert all(listings(box))
    assert second.status == "completed" and second.verified
    assert second.coverage == first.coverage


@pytest.mark.long
@pytest.mark.parametrize("loss", ["row", "gap", "old"])
def test_what_changed_since_the_listing_is_found_by_another_one(loss: str) -> None:
    data = small()
    with source(data) as box:
        import_all(box)
        run = run_to_end(begin(box), before="verify")
        if loss == "row":
            Appointment.objects.order_by("pk")[7].delete()
        elif loss == "gap":
            ImportRun.objects.filter(pk=run.pk).update(gaps=[{"kind": "day"}])
        else:
            step = run.steps.get(resource="appointments")
            step.cursor["began"] = "2020-01-01T00:00:00+00:00"
            step.save()
        box.forget()
        run = run_to_end(run)

        assert any(listings(box))
    assert run.status == "completed" and ids() == source_ids(data)


@pytest.mark.long
def test_no_page_of_a_proof_is_asked_for_twice() -> None:
    with source(small()) as box:
        run = import_all(box)
        box.forget()

        prove_again(run)

        asked = [str(query) for _, path, query, _ in box.requests if path == "/appointments"]
    assert len(asked) == len(set(asked)) > 2


@pytest.mark.long
def test_another_order_of_the_keys_is_no_change(monkeypatch: pytest.MonkeyPatch) -> None:
    data = small()
    with source(data) as box:
        import_all(box)
        for module in ("", ".anew", ".walk"):
            asking = import_module(appointments.__name__ + module)
            monkeypatch.setattr(asking, "decode", turned)
        run = import_all(box)

        again = import_all(box)

    step = run.steps.get(resource="appointments")
    assert run.verified and (step.created, step.updated, step.restated) == (0, 0, 300)
    assert not Change.objects.exists()
    assert again.verified and again.steps.get(resource="appointments").unchanged == 300


@pytest.mark.long
def test_the_same_bytes_under_another_client_are_linked_again() -> None:
    data = small()
    with source(data) as box:
        import_all(box)
        row = Appointment.objects.order_by("pk")[5]
        owner = row.client_id
        other = Client.objects.exclude(pk=owner)[0].pk
        Appointment.objects.filter(pk=row.pk).update(client=other)

        run = import_all(box, verify=False)

    row.refresh_from_db()
    assert row.client_id == owner
    assert run.steps.get(resource="appointments").updated == 1


@pytest.mark.long
def test_another_rule_of_identity_links_every_booking_anew() -> None:
    data = small()
    with source(data) as box:
        import_all(box)
        data.me["clientsDistinctByPhone"] = True
        box.forget()
        run = import_all(box)
        asked = [path for _, path, _, _ in box.requests]

    assert AcuityAccount.objects.get().clients_distinct_by_phone is True
    assert run.verified
    names = {row.client.external_id for row in Appointment.objects.select_related("client")}
    assert all(name.count("|") == 2 for name in names)
    # By the import: verification would ask for each booking singly.
    assert not [path for path in asked if path.split("/")[1:-1] == ["appointments"]]


@pytest.mark.long
def test_a_booking_that_vanished_and_came_back_is_stored_again() -> None:
    data = small()
    number = data.appointments[10]["id"]
    booking, paid = data.bookings[number], data.payments.get(number)
    with source(data) as box:
        import_all(box)
        data.delete(number)
        prove_later(import_all(box))
        assert str(number) not in ids()

        data.bookings[number] = booking
        if paid:
            data.payments[number] = paid
        insort(data.index, (booking.start, number))
        run = import_all(box)

    assert run.verified
    assert ids() == source_ids(data)


@pytest.mark.long
def test_a_booking_that_moved_where_nothing_is_stored_is_updated() -> None:
    data = make_account(clients=1, appointments=1, months=2)
    (number,) = data.bookings
    with source(data) as box:
        import_all(box)
        data.move(number, data.starts[number].replace(tzinfo=None) + timedelta(days=90))
        run = import_all(box, verify=False)

    row = Appointment.objects.get()
    assert row.starts_at == data.starts[number]
    step = run.steps.get(resource="appointments")
    assert (step.created, step.updated) == (0, 1)


def test_all_answers_with_a_booking_share_their_core() -> None:
    full = Row.of(BOOKING)
    bare = {key: value for key, value in BOOKING.items() if key not in ("forms", "formsText")}
    empty = {**BOOKING, "forms": [], "formsText": ""}
    single = {**BOOKING, "isVerified": False, "scheduledBy": None}
    clock = {**BOOKING, "canClientCancel": True}

    assert {Row.of(other).core for other in (bare, empty, single, clock)} == {full.core}
    assert full.fingerprint != Row.of(empty).fingerprint
    assert full.core != Row.of({**BOOKING, "notes": "other"}).core


@pytest.mark.parametrize(
    "body",
    [
        # Other members between, first, twice, elsewhere too, with blanks, absent.
        {"confirmationPage": "S", "id": 5, "confirmationPagePaymentLink": "S"},
        {"id": 5, "forms": [], "confirmationPagePaymentLink": "S", "x": {"confirmationPage": "N"}},
        {"id": 5, "confirmationPage": "S", "forms": [1], "confirmationPagePaymentLink": "S"},
        {"id": 5, "x": [{"forms": [], "formsText": ""}], "forms": [], "formsText": ""},
        {"id": 5, "scheduledBy": "owner", "isVerified": None},
        {"id": 5},
    ],
)
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_the_core_has_no_secret_however_the_answer_is_written(
    body: dict[str, Any], separators: tuple[str, str]
) -> None:
    row = listing.decode_one(json.dumps(body, separators=separators).encode())

    assert msgspec.json.decode(row.core) == listing.core_of(body)


@pytest.mark.parametrize("odd", [1, None, [], "x", {}, {"id": None}, {"id": 5.5, "datetime": 3}])
def test_a_row_that_is_no_booking_is_still_a_row(odd: Any) -> None:
    (row,) = listing.decode(msgspec.json.encode([odd]))

    assert row.payload == odd
    assert row.key and row.instant is None


def test_what_is_no_listing_comes_as_it_is() -> None:
    assert listing.decode(b'{"error": "x"}') == {"error": "x"}


def test_the_planner_is_told_when_a_table_is_four_times_as_large() -> None:
    pages = [(n, n + 100) for n in range(0, 200 * GROWN, 100)]

    assert [before for before, after in pages if grown(before, after)] == [
        GROWN * 4**n - 100 for n in range(4)
    ]


def test_a_first_import_leaves_statistics() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL has them")
    with source(make_account(clients=40, appointments=GROWN + 100, months=6)) as box:
        import_all(box)

    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE relname = 'bookings_appointment'")
        assert cursor.fetchone()[0] >= GROWN
