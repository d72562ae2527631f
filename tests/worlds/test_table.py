"""What a source does, and what an import of it comes to: one section for each row of the table.

Each body reads: the world, what its source does, what is right.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from bookings.models import Appointment, Client, Payment
from integrations.models import RejectedRecord
from tests.worlds import lies
from tests.worlds.helpers import (
    assert_a_gap_names,
    assert_complete,
    assert_complete_or_gap,
    assert_stopped,
    busy,
    coverage,
    everybody,
    false_in,
    import_once,
    imported,
    live_count,
    minutes_later,
    paid,
    paying,
    removed_count,
    report,
    said,
    stored,
    tenant,
)
from tests.worlds.recorded_world import RecordedWorld, recorded
from tests.worlds.source import Lie, Reply, Source
from tests.worlds.world import World, invented

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


# Ignores `direction` → complete


@pytest.mark.parametrize(
    "lie", [lies.Ignore("direction"), lies.OneDirection("ASC"), lies.OneDirection("DESC")]
)
@pytest.mark.parametrize("count", [60, 240])
def test_a_source_that_ignores_direction_is_imported_whole(lie: Lie, count: int) -> None:
    world = busy(count, days=100)

    result = import_once(world, lie)

    assert_complete(world, result)


@pytest.mark.parametrize(
    ("name", "lie"),
    [
        ("direction", lies.OneDirection("DESC")),
        ("direction", lies.OneDirection("ASC")),
        ("showall", lies.Ignore("showall")),
        ("canceled", lies.Ignore("canceled")),
    ],
)
def test_a_parameter_without_effect_is_named(name: str, lie: Lie) -> None:
    result = import_once(busy(150, days=100, canceled=20), lie)

    assert name in str(result["ignored_parameters"])


def test_an_honest_source_has_no_parameter_without_effect() -> None:
    result = import_once(busy(150, days=100, canceled=20))

    assert result["ignored_parameters"] == []


# Answers in another order than asked → complete by closed windows


@pytest.mark.parametrize("disorder", [lies.ById, lies.Shuffled])
@pytest.mark.parametrize("seed", [67, 91])
def test_answers_in_another_order_are_imported_whole(disorder: Any, seed: int) -> None:
    world = invented(seed)

    result = import_once(world, disorder())

    assert_complete(world, result)


@pytest.mark.parametrize("disorder", [lies.ById, lies.Shuffled])
def test_answers_in_another_order_and_shorter_than_the_account_are_imported_whole(
    disorder: Any,
) -> None:
    world = busy(400, days=120)

    result = import_once(world, disorder(), lies.Ignore("max"))

    assert_complete(world, result)


# Cuts every answer at 25, at 5 → complete or a gap


@pytest.mark.parametrize("cap", [25, 5, 7])
@pytest.mark.parametrize(("count", "days"), [(110, 60), (60, 1), (4, 3)])
def test_answers_cut_short_are_imported_whole_or_named(cap: int, count: int, days: int) -> None:
    world = busy(count, days=days)

    result = import_once(world, lies.CapAt(cap))

    assert_complete_or_gap(world, result)


# Ignores showall → canceled listed apart, complete


@pytest.mark.parametrize(("count", "canceled"), [(42, 13), (30, 30), (230, 100)])
def test_canceled_bookings_are_listed_apart_where_showall_has_no_effect(
    count: int, canceled: int
) -> None:
    world = busy(count, canceled=canceled)

    with Source(world, [lies.Ignore("showall")]) as source:
        result = imported(source)

    assert_complete(world, result)
    assert any(one.params.get("canceled") == "true" for one in source.asked("appointments"))


# A listing without one calendar, or 95 % of it → not verified: named


def test_bookings_of_a_calendar_that_no_listing_shows_are_named_with_it() -> None:
    world = busy(30)
    hidden = world.calendar("North chair")
    for day in range(1, 13):
        world.book("Ada Example", f"2025-02-{day:02} 09:00", calendar=hidden)
    with Source(world) as source:
        imported(source)
        source.tell([lies.hides_a_calendar(hidden.id)])
        result = imported(source)

    assert_a_gap_names(result, 12, "North chair")
    assert (live_count(), removed_count()) == (42, 0)


def test_bookings_of_a_month_that_no_listing_shows_are_named_with_it() -> None:
    world = busy(60, days=80)
    hidden = sum(world.day(one).month == 2 for one in world.bookings.values())
    with Source(world) as source:
        imported(source)
        source.tell([lies.hides_a_month(2025, 2)])
        result = imported(source)

    assert_a_gap_names(result, hidden, "2025-02")
    assert (live_count(), removed_count()) == (60, 0)


@pytest.mark.parametrize("share", [0.95, 0.5, 0.1])
@pytest.mark.parametrize("count", [40, 120])
def test_a_share_of_the_bookings_that_no_listing_shows_is_named(share: float, count: int) -> None:
    world = busy(count)
    lie = lies.hides_most(share)
    hidden = sum(lie.hidden(world, one) for one in world.bookings.values())
    with Source(world) as source:
        imported(source)
        source.tell([lie])
        result = imported(source)

    assert_a_gap_names(result, hidden)
    assert (live_count(), removed_count()) == (count, 0)


def test_a_calendar_that_is_listed_only_by_itself_is_imported_or_named() -> None:
    world = busy(30)
    apart = world.calendar("North chair")
    for day in range(1, 13):
        world.book("Ada Example", f"2025-02-{day:02} 09:00", calendar=apart)

    result = import_once(world, lies.WholeListingLacksACalendar(apart.id))

    assert_complete_or_gap(world, result)


# Unpaid bookings whose rows cancel out → the scope says what wasn't asked; `all` asks at once


def undone(count: int) -> World:
    """Bookings that show nothing paid, though each was paid and paid back."""
    world = busy(count)
    for booking in world.bookings.values():
        world.pay(booking, 50, "stripe", f"ch_{booking.id}")
        world.pay(booking, -50, "stripe", f"ch_{booking.id}")
    return world


@pytest.mark.parametrize("count", [1, 9])
def test_the_scope_says_how_many_bookings_were_not_asked_for_payments(count: int) -> None:
    world = undone(count)
    world.pay(world.book("Ada Example", "2025-06-01 09:00"), 50)

    result = import_once(world)

    assert_complete(world, result)
    scope = result["scope"]["payments"]
    assert (scope["asked"], scope["unasked"]) == (1, count)
    assert "unpaid" in scope["unasked_why"]


@pytest.mark.parametrize("count", [1, 9])
def test_all_payments_are_asked_for_at_once_where_all_are_wanted(count: int) -> None:
    world = undone(count)

    result = import_once(world, payments_mode="all")

    assert_complete(world, result, mode="all")
    assert Payment.objects.count() == 2 * count
    assert result["scope"]["payments"]["unasked"] == 0


@pytest.mark.parametrize("count", [1, 9])
def test_all_payments_are_asked_for_after_an_import_that_left_some_out(count: int) -> None:
    world = undone(count)
    with Source(world) as source:
        imported(source)
        result = imported(source, payments_mode="all")

    assert_complete(world, result, mode="all")
    assert Payment.objects.count() == 2 * count


# A payment corrected from cash to card at the same amount → read again with `all`


@pytest.mark.parametrize("first_mode", ["paid", "all"])
@pytest.mark.parametrize("corrected", [1, 3])
def test_a_corrected_payment_is_read_again_where_all_are_wanted(
    first_mode: str, corrected: int
) -> None:
    world = paying(5)
    with Source(world) as source:
        imported(source, payments_mode=first_mode)
        changed = list(world.bookings.values())[:corrected]
        for booking in changed:
            pay = booking.payments[0]
            pay.processor, pay.transaction_id = "stripe", f"ch_{booking.id}"
        result = imported(source, payments_mode="all")

    assert_complete(world, result, mode="all")
    assert [paid(booking) for booking in changed] == [["stripe 50.00"]] * corrected
    assert Payment.objects.filter(removed_at=None).count() == 5


# A paid booking moved from May to June, then May alone → it stands in June, both months are right


@pytest.mark.parametrize("moved", [1, 3])
@pytest.mark.parametrize("processor", ["cash", "paypal"])
def test_a_paid_booking_that_moved_to_june_stands_in_june_after_an_import_of_may(
    moved: int, processor: str
) -> None:
    world = World()
    stays = world.book("Ada Example", "2025-05-12 09:00")
    world.pay(stays, 20)
    moving = [world.book("Ben Example", f"2025-05-{day} 09:00") for day in range(20, 20 + moved)]
    for booking in moving:
        world.pay(booking, 50, processor)
    with Source(world) as source:
        imported(source)
        for booking in moving:
            booking.starts = booking.starts.replace(month=6)
        result = imported(source, min_date=date(2025, 5, 1), max_date=date(2025, 5, 31))

    assert (result["status"], result["verified"]) == ("completed", True), said(result)
    assert false_in(world, result, "complete") == []
    assert report() == {
        "2025-05": {"cash": "20.00"},
        "2025-06": {processor: f"{50 * moved}.00"},
    }
    assert coverage("2025-05") == [1, 1]


# One 404 or null at a booking's payments → kept, rejected, heals in the next run


@pytest.mark.parametrize("fault", ["404", "null"])
@pytest.mark.parametrize("again", ["it still answers so", "it answers"])
def test_a_404_at_payments_rejects_them_and_heals(fault: str, again: str) -> None:
    world = paying(8)
    booking = world.bookings[1550000004]
    with Source(world, [lies.AtOneRecord(fault, booking.id)]) as source:
        first = imported(source)
        open_rejects = list(RejectedRecord.objects.filter(resolved_at=None))
        if again == "it answers":
            source.tell([])
        second = imported(source)

    assert_a_gap_names(first, booking.id)
    assert [reject.external_id for reject in open_rejects] == [str(booking.id)]
    assert (live_count(), removed_count()) == (8, 0)
    if again == "it answers":
        assert_complete(world, second)
        assert not RejectedRecord.objects.filter(resolved_at=None).exists()
    else:
        assert_a_gap_names(second, booking.id)


# One record with 403, 400 or a lasting 500 → rejected, the run goes on


@pytest.mark.parametrize("fault", ["403", "400", "500"])
@pytest.mark.parametrize("count", [2, 30])
def test_one_record_that_is_refused_is_rejected_and_the_run_goes_on(fault: str, count: int) -> None:
    world = paying(count)
    booking = world.bookings[1550000002]

    result = import_once(world, lies.AtOneRecord(fault, booking.id))

    assert_a_gap_names(result, booking.id)
    assert RejectedRecord.objects.get().external_id == str(booking.id)
    assert Payment.objects.count() == count - 1


# One page of a firewall, one 408, one 302 → tried again


@pytest.mark.parametrize("fault", ["firewall's page with 403", "408", "302"])
@pytest.mark.parametrize(("resource", "at"), [("appointments", 2), ("payments", 5), ("clients", 1)])
def test_one_answer_of_something_in_between_is_tried_again(
    fault: str, resource: str, at: int
) -> None:
    world = paying(8)
    world.client("Guest1 Example")

    result = import_once(world, lies.Once(fault, resource, at))

    assert_complete(world, result)


# `/me` is an error object with 200 → the run stops before its first write


@pytest.mark.parametrize(
    "body",
    [
        {"status_code": 500, "message": "oops", "error": "internal"},
        {"message": "Service Unavailable", "error": "unavailable", "status_code": 503},
        {},
        [],
        "maintenance",
    ],
)
def test_a_source_that_does_not_say_who_it_is_stops_the_run_before_its_first_write(
    body: Any,
) -> None:
    world = paying(5)
    world.client("Guest1 Example")

    result = import_once(world, lies.Answers("me", lambda: Reply(200, body)))

    assert_stopped(result)
    assert (Appointment.objects.count(), Client.objects.count()) == (0, 0)


@pytest.mark.parametrize("missing", ["id", "timezone", "currency"])
def test_a_source_that_leaves_out_a_fact_stops_the_run_before_its_first_write(missing: str) -> None:
    world = paying(5)

    class LeavesOut(Lie):
        """`/me` has not all of its fields."""

        def words(self, what: str, row: Any, world: World) -> Any:
            return {key: value for key, value in row.items() if what != "me" or key != missing}

    result = import_once(world, LeavesOut())

    assert_stopped(result)
    assert Appointment.objects.count() == 0


def test_another_account_at_the_same_credentials_stops_the_run_and_asks() -> None:
    world = paying(5)
    with Source(world) as source:
        imported(source)
        source.tell([lies.MeSays("gap", id=world.account_id + 1)])
        world.book("Ada Example", "2025-06-01 09:00")
        result = imported(source)

    assert_stopped(result)
    assert Appointment.objects.count() == 5


# The client list is cut short → asked again, nobody unlisted, a gap if it stays


def named_guests(count: int) -> World:
    world = World()
    for number in range(count):
        world.client(f"Guest{number} Example", phone=f"(615) 555-{number:04}")
        world.book(f"Guest{number} Example", f"2025-05-{1 + number % 28:02} 09:00")
    return world


@pytest.mark.parametrize(("count", "shown"), [(40, 10), (12, 11), (6, 0)])
def test_a_client_list_that_was_cut_once_is_asked_again(count: int, shown: int) -> None:
    world = named_guests(count)
    with Source(world) as source:
        imported(source)
        source.tell([lies.CapClientsAt(shown, times=1)])
        result = imported(source)

    assert_complete(world, result)
    assert Client.objects.filter(listed=True).count() == count


@pytest.mark.parametrize(("count", "shown"), [(40, 10), (12, 8), (25, 24)])
def test_a_client_list_that_stays_cut_unlists_nobody_and_is_a_gap(count: int, shown: int) -> None:
    world = named_guests(count)
    with Source(world) as source:
        imported(source)
        source.tell([lies.CapClientsAt(shown)])
        result = imported(source)

    assert Client.objects.filter(listed=True).count() == count
    if not result["verified"]:
        assert_a_gap_names(result, "client")


# A row older than minDate in each answer → bounded requests, complete


@pytest.mark.parametrize("newest", [False, True])
@pytest.mark.parametrize(("count", "days"), [(30, 60), (150, 200)])
def test_a_row_that_heads_every_answer_costs_few_requests(
    newest: bool, count: int, days: int
) -> None:
    world = busy(count, days=days)
    with Source(world, [lies.StrayRow(newest)]) as source:
        source.most_requests = 600
        result = imported(source)

    assert_complete(world, result)
    assert len(source.requests) < 150


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Tokyo"])
def test_a_calendar_whose_days_begin_earlier_than_the_accounts_is_asked_to_its_end(
    zone: str,
) -> None:
    """The answer up to a day holds bookings that are of the next one where they take place."""
    world = World(timezone="America/St_Johns")
    home, away = world.calendar("Home"), world.calendar("Away", zone)
    for n in range(12):
        name = f"{'ABCDEFGHIJKL'[n]}da Example{n}"
        world.client(name)
        world.book(name, f"2025-07-10 {1 + n // 2 * 4 % 23:02}:{n % 2 * 15:02}", calendar=away)
    world.book("Ada Example0", "2025-07-10 12:00", calendar=home)

    with Source(world, [lies.CapAt(5)]) as source:
        source.most_requests = 400
        result = imported(source)

    assert_complete(world, result)


# Two accounts of one tenant → they never touch


def account_with(account_id: int, first_id: int, name: str, count: int = 6) -> World:
    world = World(account_id=account_id)
    world.next_id = first_id
    world.client(f"{name} Example", phone="(615) 555-0101")
    for day in range(1, count + 1):
        world.pay(world.book(f"{name} Example", f"2025-05-{day:02} 09:00"), 10 + day)
    return world


@contextmanager
def two_accounts(one: World, other: World) -> Iterator[tuple[Source, Source, Any]]:
    """Both under one tenant; `bring(source)` imports either."""
    with Source(one) as first, Source(other) as second:
        home = imported(first)["tenant"]

        def bring(source: Source) -> dict[str, Any]:
            return imported(source, tenant=home)

        yield first, second, bring


@pytest.mark.parametrize("other_first_id", [1560000001, 1550000004])
def test_two_accounts_of_one_tenant_each_keep_their_bookings(other_first_id: int) -> None:
    one, other = account_with(1, 1550000001, "Ada"), account_with(2, other_first_id, "Ben")

    with two_accounts(one, other) as (first, second, bring):
        results = [bring(source) for source in (second, first, second, first)]

    assert [result["verified"] for result in results] == [True] * 4
    assert (live_count(), removed_count()) == (12, 0)
    assert Payment.objects.filter(removed_at=None).count() == 12
    assert everybody() == ["Ada Example", "Ben Example"]
    assert Appointment.objects.filter(client__first_name="Ada").count() == 6


def test_one_name_in_two_accounts_of_one_tenant_is_two_clients() -> None:
    one, other = account_with(1, 1550000001, "Ada"), account_with(2, 1560000001, "Ada")
    other.client("Zoe Example")

    with two_accounts(one, other) as (first, second, bring):
        bring(second)
        # The other account deletes its Ada; the bookings stay.
        other.entries.pop(0)
        bring(second)
        result = bring(first)

    assert result["verified"]
    assert everybody() == ["Ada Example", "Ada Example", "Zoe Example"]
    adas = Client.objects.filter(first_name="Ada")
    assert sorted(adas.values_list("listed", flat=True)) == [False, True]


def test_what_one_account_lost_is_gone_from_that_one_alone() -> None:
    one, other = account_with(1, 1550000001, "Ada"), account_with(2, 1550000001, "Ben")

    with two_accounts(one, other) as (first, second, bring):
        bring(second)
        del other.bookings[1550000002]
        bring(second)
        with minutes_later():
            bring(second)
            result = bring(first)

    assert result["verified"]
    gone = Appointment.objects.exclude(removed_at=None)
    assert [(row.external_id, row.client.first_name) for row in gone] == [("1550000002", "Ben")]


# Other words for the same → read


@pytest.mark.parametrize("wording", lies.wordings(), ids=lambda lie: lie.name)
@pytest.mark.parametrize("seed", [2, 67])
def test_a_record_in_other_words_of_the_same_meaning_is_read(wording: Lie, seed: int) -> None:
    world = invented(seed)

    result = import_once(world, wording)

    assert_complete(world, result)


@pytest.mark.parametrize("amount", ["12.505", "0.500"])
def test_three_decimals_are_stored_where_the_currency_has_them(amount: str) -> None:
    world = World(timezone="Asia/Bahrain", country="BH", currency="BHD")
    world.pay(world.book("Ada Example", "2025-05-12 09:00", price=amount), amount)

    result = import_once(world)

    assert_complete(world, result)
    assert Payment.objects.get().amount == Decimal(amount)


@pytest.mark.parametrize(
    ("zone", "word"),
    [
        ("America/Chicago", "Central Time (US & Canada)"),
        ("Europe/Berlin", "W. Europe Standard Time"),
    ],
)
def test_a_zone_in_another_system_s_words_is_read(zone: str, word: str) -> None:
    world = paying(3, timezone=zone)

    result = import_once(world, lies.MeSays(timezone=word))

    assert_complete(world, result)
    assert tenant().timezone == zone


# Client numbers of the United Kingdom, Australia, France → one person


@pytest.mark.parametrize(
    ("country", "zone", "listed", "booked"),
    [
        ("GB", "Europe/London", "07700 900456", "447700900456"),
        ("GB", "Europe/London", "+44 161 496 0123", "01614960123"),
        ("AU", "Australia/Perth", "0491 570 157", "61491570157"),
        ("AU", "Australia/Sydney", "+61 491 570 110", "0491570110"),
        ("FR", "Europe/Paris", "06 39 98 45 67", "33639984567"),
        ("FR", "Europe/Paris", "+33 (0)6 39 98 45 67", "0639984567"),
    ],
)
def test_a_number_written_at_home_and_from_abroad_is_one_person(
    country: str, zone: str, listed: str, booked: str
) -> None:
    world = World(timezone=zone, country=country, by_phone=True)
    world.client("Ivy Kent", phone=listed)
    world.client("Ivy Kent", phone="+1 615 555 0199")
    world.book("Ivy Kent", "2025-05-12 09:00", phone=booked)

    import_once(world)

    assert everybody() == ["Ivy Kent", "Ivy Kent"]
    assert stored(1550000001).client.phone == listed


# A client renamed at the source → the same row


@pytest.mark.parametrize("by_phone", [False, True])
@pytest.mark.parametrize("bookings", [1, 4])
@pytest.mark.parametrize("email", ["ada@example.com", ""])
def test_a_renamed_client_keeps_its_row(by_phone: bool, bookings: int, email: str) -> None:
    world = World(by_phone=by_phone)
    ada = world.client("Ada Example", phone="(615) 555-0101", email=email)
    world.client("Ben Example", phone="(615) 555-0102")
    for day in range(1, bookings + 1):
        world.book("Ada Example", f"2025-05-{day:02} 09:00", phone="6155550101", email=email)
    with Source(world) as source:
        imported(source)
        row = Client.objects.get(first_name="Ada").pk
        for named in [ada, *world.bookings.values()]:
            named.last = "Married"
        result = imported(source)

    assert_complete(world, result)
    assert everybody() == ["Ada Married", "Ben Example"]
    assert Client.objects.get(first_name="Ada").pk == row


def test_two_who_might_be_the_renamed_one_are_both_kept_apart() -> None:
    world = World()
    ada = world.client("Ada Example")
    for day in range(1, 5):
        world.book("Ada Example", f"2025-05-{day:02} 09:00")
    with Source(world) as source:
        imported(source)
        row = Client.objects.get(first_name="Ada").pk
        world.entries.remove(ada)
        for name, booked in (("Cleo New", (1, 2)), ("Dee New", (3, 4))):
            world.client(name)
            for number in booked:
                booking = world.bookings[1550000000 + number]
                booking.first, booking.last = name.split()
        imported(source)

    assert Client.objects.get(pk=row).first_name == "Ada"
    assert set(everybody()) >= {"Cleo New", "Dee New"}


# The currency changed at the source → stops and asks, old amounts keep theirs


@pytest.mark.parametrize(("was", "becomes"), [("USD", "EUR"), ("GBP", "CHF")])
def test_a_currency_that_changed_stops_the_run_and_old_amounts_keep_theirs(
    was: str, becomes: str
) -> None:
    world = paying(4, currency=was)
    with Source(world) as source:
        imported(source)
        world.currency = becomes
        world.pay(world.book("Ada Example", "2025-06-01 09:00"), 80)
        result = imported(source)

    assert_stopped(result)
    assert "currency" in result["reason"].lower()
    assert list(Payment.objects.values_list("currency", flat=True)) == [was] * 4
    assert tenant().currency == was


# More than 20 bookings, or 2 %, vanish at once → none is marked gone, a gap


def without(world: World, count: int) -> World:
    for number in list(world.bookings)[:count]:
        del world.bookings[number]
    return world


@pytest.mark.parametrize(("count", "vanish"), [(60, 21), (45, 45), (1300, 27)])
def test_many_bookings_that_vanish_at_once_are_a_gap_and_stay(count: int, vanish: int) -> None:
    world = busy(count, days=200)
    with Source(world) as source:
        imported(source)
        without(world, vanish)
        results = [imported(source)]
        with minutes_later():
            results.append(imported(source))

    for result in results:
        assert_a_gap_names(result, vanish)
    assert (live_count(), removed_count()) == (count, 0)


@pytest.mark.parametrize(("count", "vanish"), [(60, 3), (60, 20), (1300, 23)])
def test_few_bookings_that_vanish_are_gone(count: int, vanish: int) -> None:
    world = busy(count, days=200)
    with Source(world) as source:
        imported(source)
        without(world, vanish)
        imported(source)
        with minutes_later():
            result = imported(source)

    assert_complete(world, result)
    assert removed_count() == vanish


def test_many_bookings_that_vanish_are_gone_once_somebody_says_yes() -> None:
    world = busy(60)
    with Source(world) as source:
        imported(source)
        without(world, 30)
        imported(source)
        with minutes_later():
            result = imported(source, accept_removals=True)

    assert_complete(world, result)
    assert removed_count() == 30


def test_bookings_that_were_marked_gone_and_answer_again_are_there_again() -> None:
    world = busy(60)
    with Source(world) as source:
        imported(source)
        away = {number: world.bookings.pop(number) for number in list(world.bookings)[:3]}
        imported(source)
        with minutes_later():
            imported(source)
            gone = removed_count()
            world.bookings.update(away)
            result = imported(source)

    assert gone == 3
    assert_complete(world, result)
    assert (live_count(), removed_count()) == (60, 0)


# A crowded day of 701 bookings with answers cut at 25 → 701 stored, no gap, at most 400 requests


def crowded_day(count: int, *, calendars: int, kinds: int) -> World:
    """As many bookings on one day, of a hundred people, about seven each."""
    firsts = ["Ada", "Ben", "Cleo", "Dora", "Eli", "Fay", "Gus", "Hana", "Ivy", "Jon"]
    lasts = ["Adler", "Brook", "Cole", "Dunn", "Ellis", "Frost", "Grant", "Hall", "Irwin", "Kent"]
    world = World()
    rooms = [world.calendar(f"Chair {number}") for number in range(calendars)]
    types = [world.kind(f"Service {number}") for number in range(kinds)]
    for first in firsts:
        for last in lasts:
            world.client(f"{first} {last}", email=f"{first}.{last}@example.com".lower())
    for number in range(count):
        first, last = firsts[number % 10], lasts[number // 10 % 10]
        world.book(
            f"{first} {last}",
            f"2025-05-12 {8 + number % 12:02}:{number % 4 * 15:02}",
            calendar=rooms[number % calendars],
            kind=types[number // 3 % kinds],
            email=f"{first}.{last}@example.com".lower(),
            canceled=number % 9 == 0,
        )
    return world


@pytest.mark.parametrize("partial", [True, False])
@pytest.mark.parametrize(("calendars", "kinds"), [(3, 4), (1, 1)])
def test_a_crowded_day_is_stored_whole_though_answers_are_cut_at_25(
    partial: bool, calendars: int, kinds: int
) -> None:
    world = crowded_day(701, calendars=calendars, kinds=kinds)
    world.partial_filters = partial

    with Source(world, [lies.CapAt(25)]) as source:
        result = imported(source)

    assert live_count() == 701
    assert_complete(world, result)
    assert len(source.requests) <= 400


# The recorded account, served as it is → complete; a second import writes nothing


def test_the_recorded_account_is_imported_whole() -> None:
    world = RecordedWorld()

    result = import_once(world)

    assert_complete(world, result)
    assert live_count() == len(recorded("appointments"))
    assert everybody() == ["Alice McTest", "Jane McTest", "Nina Test", "Temp Test", "Test User"]
    assert result["differences"] == []


@contextmanager
def writes_to_bookings() -> Iterator[list[str]]:
    """The statements that change what a business owns."""
    seen: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        changes = sql.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE"))
        if changes and '"bookings_' in sql and '"bookings_tenant"' not in sql:
            seen.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield seen


def test_a_second_import_of_the_recorded_account_writes_nothing() -> None:
    with Source(RecordedWorld()) as source:
        imported(source)
        with writes_to_bookings() as written:
            result = imported(source)

    assert result["verified"]
    assert written == []
    for resource in ("clients", "appointments", "payments"):
        counts = result[resource]
        assert (counts["created"], counts["updated"], counts["rejected"]) == (0, 0, 0)


@pytest.mark.parametrize("number", [1722092210, 1722118401])
def test_one_changed_note_of_the_recorded_account_is_one_update(number: int) -> None:
    world = RecordedWorld()
    with Source(world) as source:
        imported(source)
        world.rows[number]["notes"] = "Prefers the window"
        result = imported(source)

    assert_complete(world, result)
    counts = result["appointments"]
    assert (counts["created"], counts["updated"]) == (0, 1)
    assert stored(number).notes == "Prefers the window"
