"""A webhook names a booking: what its address and the listing say of it, and what follows."""

from collections.abc import Iterator
from typing import Any

import pytest

from bookings.models import Appointment
from integrations.acuity.sync import refresh
from integrations.models import AcuityAccount, RefreshRequest
from tests.worlds import lies
from tests.worlds.adapter import run_import
from tests.worlds.helpers import minutes_later
from tests.worlds.source import Lie, Reply, Source
from tests.worlds.world import World

pytestmark = [pytest.mark.money, pytest.mark.django_db(transaction=True), pytest.mark.database]
NUMBER = 1550000002


@pytest.fixture(autouse=True)
def no_waiting(settings: Any) -> None:
    settings.ACUITY_REQUESTS_PER_SECOND = 0


@pytest.fixture
def source() -> Iterator[Source]:
    """Three bookings, each paid 50.00, all imported."""
    world = World()
    for day in (1, 2, 3):
        world.pay(world.book("Ada Example", f"2025-05-0{day} 09:00"), 50)
    with Source(world) as source:
        run_import(source.base_url, source.user_id, source.api_key)
        yield source


class AtItsAddress(Lie):
    """One booking's own address answers something else; the listing shows it."""

    def __init__(self, status: int, body: Any) -> None:
        self.status, self.body = status, body

    def replies(self, request: Any, reply: Reply, world: World) -> Reply:
        if request.path == f"/appointments/{NUMBER}":
            return Reply(self.status, self.body)
        return reply


def delivered(source: Source) -> str:
    source.next_run()
    account = AcuityAccount.objects.get()
    refresh.request(account, str(NUMBER))
    return refresh.perform(account.pk, str(NUMBER))


def lives() -> bool:
    return Appointment.objects.filter(external_id=str(NUMBER), removed_at=None).exists()


@pytest.mark.long
def test_a_booking_that_vanished_is_gone_at_the_second_look_a_minute_later(source: Source) -> None:
    del source.world.bookings[NUMBER]

    first = delivered(source)
    at_once = delivered(source)
    after_two = lives()
    with minutes_later():
        asked_again = refresh.overdue()
        source.next_run()
        last = refresh.perform(*asked_again[0])

    assert "second look" in first and "second look" in at_once
    assert after_two
    assert [number for _, number in asked_again] == [str(NUMBER)]
    assert last == "gone at the source"
    assert not lives()
    assert not RefreshRequest.objects.exists()


@pytest.mark.long
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, {"status_code": 404, "message": "not found", "error": "not_found"}),
        (403, {"status_code": 403, "message": "no", "error": "forbidden"}),
        (200, None),
        (410, {"status_code": 410, "message": "gone", "error": "gone"}),
    ],
)
def test_a_booking_that_the_listing_shows_stays_whatever_its_address_says(
    source: Source, status: int, body: Any
) -> None:
    source.tell([AtItsAddress(status, body)])

    delivered(source)
    with minutes_later():
        delivered(source)

    assert lives()


@pytest.mark.long
def test_a_look_that_finds_it_again_makes_the_next_one_the_first(source: Source) -> None:
    away = source.world.bookings.pop(NUMBER)
    delivered(source)
    source.world.bookings[NUMBER] = away
    delivered(source)
    del source.world.bookings[NUMBER]

    with minutes_later():
        delivered(source)

    assert lives()


@pytest.mark.long
@pytest.mark.parametrize("fault", ["404", "null", "403"])
def test_payments_that_are_refused_say_nothing_about_the_booking(
    source: Source, fault: str
) -> None:
    source.tell([lies.AtOneRecord(fault, NUMBER)])

    delivered(source)
    with minutes_later():
        delivered(source)

    assert lives()
    assert Appointment.objects.get(external_id=str(NUMBER)).payments.get().removed_at is None
