"""The judge is judged: what is planted in the database after an honest import, it finds."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from bookings.models import Appointment, Client, Payment
from tests.worlds.adapter import run_import
from tests.worlds.judge import Bounds, Judge, verdicts
from tests.worlds.source import Source
from tests.worlds.world import World

pytestmark = pytest.mark.django_db(transaction=True)


def small_world() -> World:
    world = World()
    world.client("Ada Example", phone="(615) 555-0101", email="ada@example.com")
    world.client("Ben Sample", phone="(615) 555-0102")
    first = world.book("Ada Example", "2025-05-01 09:00", phone="6155550101")
    world.pay(first, 50, "cash")
    world.book("Ben Sample", "2025-05-02 09:00", canceled=True, no_show=True)
    world.book("Cleo Unlisted", "2025-05-03 09:00")
    return world


@pytest.fixture
def honest() -> Iterator[tuple[World, dict[str, Any]]]:
    world = small_world()
    with Source(world) as source:
        yield world, run_import(source.base_url, source.user_id, source.api_key)


def kinds(world: World, result: dict[str, Any], right: str = "complete") -> set[str]:
    return {one.kind for one in verdicts(Judge(world, result["tenant"]), result, right)}


@pytest.mark.long
def test_an_honest_import_of_an_honest_source_is_free_of_verdicts(honest: Any) -> None:
    world, result = honest

    assert result["verified"]
    assert kinds(world, result) == set()


@pytest.mark.long
def test_a_booking_that_vanished_is_extra_only_within_the_days_of_the_import(honest: Any) -> None:
    world, result = honest
    del world.bookings[1550000002]
    bounds = {day: Bounds(date(2025, 5, day), date(2025, 5, day)) for day in (1, 2)}
    judges = {day: Judge(world, result["tenant"], bounds=each) for day, each in bounds.items()}

    assert verdicts(judges[1], result, "complete") == []
    assert {one.kind for one in verdicts(judges[2], result, "complete")} == {"false_verified"}


def gone(row: Any) -> None:
    row.removed_at = timezone.now()
    row.save()


def change(**fields: Any) -> Callable[[Any], None]:
    def apply(row: Any) -> None:
        for name, value in fields.items():
            setattr(row, name, value)
        row.save()

    return apply


@pytest.mark.long
@pytest.mark.parametrize(
    ("model", "plant"),
    [
        (Appointment, lambda row: row.delete()),
        (Appointment, lambda row: change(starts_at=row.starts_at + timedelta(minutes=1))(row)),
        (Appointment, lambda row: change(canceled=not row.canceled)(row)),
        (Appointment, lambda row: change(no_show=not row.no_show)(row)),
        (Appointment, change(price=1)),
        (Appointment, change(amount_paid=49)),
        (Appointment, change(external_id="999")),
        (Appointment, lambda row: change(client=Client.objects.get(last_name="Sample"))(row)),
        (Payment, lambda row: row.delete()),
        (Payment, gone),
        (Payment, change(processor="stripe")),
        (Payment, change(amount=49)),
        (Client, change(listed=False)),
        (Client, change(first_name="Adam")),
    ],
)
def test_each_planted_fault_makes_verified_false(honest: Any, model: Any, plant: Any) -> None:
    world, result = honest

    plant(model.objects.order_by("pk").first())

    assert "false_verified" in kinds(world, result)


@pytest.mark.long
def test_one_person_in_two_rows_is_found(honest: Any) -> None:
    world, result = honest
    ada = Client.objects.get(last_name="Example")

    ada.pk, ada.external_id, ada.listed = None, "twin", False
    ada.save()
    Appointment.objects.filter(external_id="1550000001").update(client=ada)

    assert "false_verified" in kinds(world, result)


@pytest.mark.long
def test_a_living_booking_marked_as_removed_is_false_whatever_is_said(honest: Any) -> None:
    world, result = honest

    gone(Appointment.objects.order_by("pk").first())

    assert "false_gone" in kinds(world, result | {"verified": False, "gaps": ["one"]}, "either")


@pytest.mark.long
def test_a_gap_where_all_is_stored_and_the_source_was_honest_is_false(honest: Any) -> None:
    world, result = honest
    told = result | {"verified": False, "gaps": ["one"], "status": "completed_with_gaps"}

    assert kinds(world, told) == {"false_gap"}
    assert kinds(world, told, "either") == set()


@pytest.mark.long
def test_less_than_could_be_had_without_a_word_is_lost(honest: Any) -> None:
    world, result = honest
    Appointment.objects.get(external_id="1550000003").delete()

    assert kinds(world, result | {"verified": False, "scope": {}}, "either") == {"lost"}


@pytest.mark.long
def test_an_unpaid_booking_s_undone_payment_is_covered_only_where_all_were_asked() -> None:
    world = small_world()
    unpaid = world.bookings[1550000003]
    world.pay(unpaid, 50, "stripe", "pi_1")
    world.pay(unpaid, -50, "stripe", "pi_1")
    with Source(world) as source:
        result = run_import(source.base_url, source.user_id, source.api_key)

    claims = result | {"scope": {"payments": {"unasked": 0, "verified": True}}}
    assert kinds(world, result) == set()
    assert kinds(world, claims) == {"false_verified"}
