"""What people do in an account while it is being imported, or between two imports."""

import random
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from tests.worlds.world import Booking, World

Event = Callable[[World, random.Random], None]


def some_booking(
    world: World, rng: random.Random, fits: Callable[[Booking], bool] = lambda one: True
) -> Booking | None:
    fitting = [one for one in world.bookings.values() if fits(one)]
    return rng.choice(fitting) if fitting else None


def booking_moves(world: World, rng: random.Random) -> None:
    """A booking moves earlier or later, by days or by a month."""
    if one := some_booking(world, rng, lambda one: not one.canceled):
        one.starts += timedelta(days=rng.choice([-40, -1, 1, 35]), minutes=rng.choice([0, 30]))


def booking_is_canceled(world: World, rng: random.Random) -> None:
    if one := some_booking(world, rng, lambda one: not one.canceled):
        one.canceled, one.no_show = True, rng.random() < 0.5


def booking_is_made(world: World, rng: random.Random) -> None:
    """By somebody of the client list, so that no new name comes up."""
    if not world.entries:
        return
    entry = rng.choice(world.entries)
    day = rng.choice([one.starts for one in world.bookings.values()] or [None])
    when = f"{day:%Y-%m-%d} 10:00" if day else "2025-06-02 10:00"
    made = world.book("Somebody New", when, email=entry.email, phone=entry.phone)
    made.first, made.last = entry.first, entry.last


def booking_is_repriced(world: World, rng: random.Random) -> None:
    if one := some_booking(world, rng):
        one.price += Decimal("7.50")
        one.price_sold = one.price


def payment_is_corrected(world: World, rng: random.Random) -> None:
    """Taken down as cash, it was a card: the sum stays."""
    by_cash = some_booking(
        world, rng, lambda one: any(pay.processor == "cash" for pay in one.payments)
    )
    if by_cash:
        pay = next(pay for pay in by_cash.payments if pay.processor == "cash")
        pay.processor, pay.transaction_id = "stripe", f"ch_{by_cash.id}"


def payment_is_refunded(world: World, rng: random.Random) -> None:
    """A row with a minus, and the booking shows less paid."""
    if one := some_booking(world, rng, lambda one: one.amount_paid > 0 and bool(one.payments)):
        first = one.payments[0]
        world.pay(one, -first.amount, first.processor, first.transaction_id)


def payment_is_taken(world: World, rng: random.Random) -> None:
    if one := some_booking(world, rng, lambda one: one.price > 0 and not one.shows_money):
        world.pay(one, one.price, "cash")


def client_is_renamed(world: World, rng: random.Random) -> None:
    """With the bookings, as a marriage does it."""
    named_once = [
        entry
        for entry in world.entries
        if sum(same_name(entry, other) for other in world.entries) == 1
    ]
    if not named_once:
        return
    entry = rng.choice(named_once)
    theirs = [one for one in world.bookings.values() if same_name(one, entry)]
    for row in [entry, *theirs]:
        row.last = f"Married {len(world.past)}"


def client_is_deleted(world: World, rng: random.Random) -> None:
    """The bookings stay, and keep the name."""
    if world.entries:
        world.entries.remove(rng.choice(world.entries))


def booking_vanishes(world: World, rng: random.Random) -> None:
    """No listing shows it and its address is a 404."""
    if one := some_booking(world, rng):
        del world.bookings[one.id]


def same_name(one: object, other: object) -> bool:
    def name(row: object) -> tuple[str, str]:
        return row.first.strip().casefold(), row.last.strip().casefold()  # type: ignore[attr-defined]

    return name(one) == name(other)


EVENTS: list[Event] = [
    booking_moves,
    booking_is_canceled,
    booking_is_made,
    booking_is_repriced,
    payment_is_corrected,
    payment_is_refunded,
    payment_is_taken,
    client_is_renamed,
    client_is_deleted,
    booking_vanishes,
]
