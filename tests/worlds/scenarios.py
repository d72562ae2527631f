"""One seed's story: a world, what its source lies about, and what happens between two imports."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from tests.worlds import lies
from tests.worlds.adapter import run_import
from tests.worlds.events import EVENTS, Event, booking_is_made
from tests.worlds.judge import Bounds, Judge, Verdict, verdicts
from tests.worlds.source import Lie, Source
from tests.worlds.world import World, invented


@dataclass
class Import:
    """One import of the story."""

    lies: list[Lie] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    # What happens before it, and during it: after so many requests.
    before: list[Event] = field(default_factory=list)
    during: list[tuple[int, Event]] = field(default_factory=list)


@dataclass
class Scenario:
    seed: int
    world: World
    imports: list[Import]

    @property
    def kinds(self) -> list[str]:
        told = {lie.name for each in self.imports for lie in each.lies}
        happened = {event.__name__ for each in self.imports for event in each.before}
        happened |= {
            f"{event.__name__} meanwhile" for each in self.imports for _, event in each.during
        }
        return sorted(told) + sorted(happened)


@dataclass
class Outcome:
    scenario: Scenario
    verdicts: list[Verdict]
    results: list[dict[str, Any]]
    requests: int

    @property
    def verified(self) -> bool:
        return bool(self.results and self.results[-1]["verified"])


LISTING = ["direction", "showall", "canceled", "minDate", "maxDate", "max", "calendarID"]
CAPS = [5, 25, 40, 60, 100, 250, 500]


def ignored_pair(world: World, rng: random.Random) -> Lie:
    pair = rng.sample([*LISTING, "appointmentTypeID"], 2)
    if set(pair) == {"showall", "canceled"} and all(
        one.canceled for one in world.bookings.values()
    ):
        # Nothing but canceled bookings, and no question shows one: nobody could know.
        return lies.Ignore("showall")
    return lies.Ignore(*pair)


def listing_lie(world: World, rng: random.Random) -> Lie:
    # A deleted calendar that is listed only by its ID is known to nobody.
    there = [each.id for each in world.calendars if not each.deleted]
    made: list[Callable[[], Lie]] = [
        lambda: lies.Ignore(rng.choice([*LISTING, "appointmentTypeID"])),
        lambda: ignored_pair(world, rng),
        lambda: lies.CapAt(rng.choice(CAPS)),
        lambda: lies.CapAt(rng.choice(CAPS)),
        lies.ById,
        lies.Shuffled,
        lies.TiesShuffled,
        lies.HonoursOffset,
        lies.RefusesMaxAbove,
        lies.StrayRow,
        lies.DaysInUtc,
        lies.DaysOfTheCalendar,
        lambda: lies.CapClientsAt(rng.choice([3, 5, 10, 25])),
        lambda: lies.WholeListingLacksACalendar(rng.choice(there)),
    ]
    return rng.choice(made)()


def hiding_lie(world: World, rng: random.Random) -> Lie:
    days = [world.day(one) for one in world.bookings.values()] or [date(2025, 1, 1)]
    day = rng.choice(days)
    return rng.choice(
        [
            lies.hides_a_calendar(rng.choice(world.calendars).id),
            lies.hides_a_month(day.year, day.month),
            lies.hides_a_day(day),
            lies.hides_most(),
            lies.hides_a_few(),
        ]
    )


def fault(world: World, rng: random.Random) -> Lie:
    asked = [one.id for one in world.bookings.values() if one.shows_money]
    if asked and rng.random() < 0.5:
        times = rng.choice([1, 10**9])
        return lies.AtOneRecord(rng.choice(list(lies.OF_ONE_RECORD)), rng.choice(asked), times)
    if rng.random() < 0.15:
        return lies.NoContent()
    resource = rng.choice(["", "payments", "appointments", "clients", "me"])
    return lies.Once(rng.choice(list(lies.PASSING)), resource, rng.randint(1, 4))


def wording(world: World, rng: random.Random) -> Lie:
    others = lies.OTHER_NAMES.get(world.timezone)
    me: list[Lie] = [lies.MeSays(currency=world.currency.lower())]
    if others:
        me.append(lies.MeSays(timezone=rng.choice(others)))
    return rng.choice([*lies.wordings(), *me])


def who_answers(world: World, rng: random.Random, first: bool) -> Lie:
    if first:
        return lies.MeIsAnError(rng.choice([1, 10**9]))
    return rng.choice(
        [
            lies.MeIsAnError(rng.choice([1, 10**9])),
            lies.MeSays("gap", id=world.account_id + 1),
            lies.MeSays("gap", currency="CHF"),
        ]
    )


def scenario(seed: int) -> Scenario:
    """The same story for the same seed."""
    rng = random.Random(seed * 31 + 7)
    world = invented(seed)
    imports = [Import() for _ in range(rng.choice([1, 1, 2]))]
    way = rng.choices(
        ["honest", "listing", "fault", "wording", "hiding", "me"], [20, 35, 12, 20, 9, 4]
    )[0]
    if way == "listing":
        lie = listing_lie(world, rng)
        for each in imports:
            each.lies = [lie]
    elif way == "fault":
        imports[rng.randrange(len(imports))].lies = [fault(world, rng)]
    elif way == "hiding":
        # From the first import on nobody could know: there must have been one that saw them.
        imports = [Import(), Import(lies=[hiding_lie(world, rng)])]
    elif way == "me":
        number = rng.randrange(len(imports))
        imports[number].lies = [who_answers(world, rng, number == 0)]
    if way == "wording" or (way in ("listing", "fault") and rng.random() < 0.2):
        worded = wording(world, rng)
        for each in imports:
            each.lies = [*each.lies, worded]
    mode = "all" if rng.random() < 0.2 else "paid"
    for each in imports:
        each.options["payments_mode"] = mode
        if rng.random() < 0.2:
            each.options["page_limit"] = rng.choice([10, 100, 500])
    if rng.random() < 0.3:
        changes = [rng.choice(EVENTS) for _ in range(rng.randint(1, 3))]
        if way == "hiding":
            # A new booking that no listing shows is known to nobody.
            changes = [change for change in changes if change is not booking_is_made]
        if len(imports) > 1 and rng.random() < 0.6:
            imports[1].before = changes
        else:
            during = rng.choice(imports)
            during.during = sorted(
                ((rng.randint(1, 40), change) for change in changes), key=lambda one: one[0]
            )
    if world.bookings and way != "hiding" and rng.random() < 0.08:
        day = rng.choice([world.day(one) for one in world.bookings.values()])
        imports[-1].options |= {
            "min_date": day - timedelta(days=15),
            "max_date": day + timedelta(15),
        }
    return Scenario(seed, world, imports)


def play(story: Scenario) -> Outcome:
    """The story as it happens, with a verdict after each import."""
    world, found, results = story.world, [], []
    rng = random.Random(story.seed)
    with Source(world) as source:
        first_began = len(world.past)
        for number, each in enumerate(story.imports):
            for event in each.before:
                world.remember()
                event(world, rng)
            source.tell(each.lies)
            source.next_run()
            began, waiting = len(world.past), list(each.during)

            def happen(
                requests: int,
                waiting: list[tuple[int, Event]] = waiting,
            ) -> None:
                while waiting and waiting[0][0] < requests:
                    world.remember()
                    waiting.pop(0)[1](world, rng)

            source.on_request = happen
            result = run_import(source.base_url, source.user_id, source.api_key, **each.options)
            source.on_request = lambda requests: None
            if source.endless:
                result["status"] = "endless"
            results.append(result)
            options = each.options
            judge = Judge(
                world,
                result["tenant"],
                run_began=began,
                first_run_began=first_began,
                mode=options.get("payments_mode", "paid"),
                bounds=Bounds(options.get("min_date"), options.get("max_date")),
            )
            right = allowed(each, judge)
            found += [
                Verdict(one.kind, f"import {number + 1}: {one.reason}")
                for one in verdicts(judge, result, right)
            ]
    return Outcome(story, found, results, len(source.requests))


def allowed(each: Import, judge: Judge) -> str:
    """What the lies of an import leave possible, all together."""
    rights = {lie.right for lie in each.lies}
    if "gap" in rights:
        return "gap"
    only_words = lies.Worded | lies.ByteOrderMark | lies.RawControls | lies.MeSays
    shaped = [lie for lie in each.lies if not isinstance(lie, only_words)]
    vanished = any("vanishes" in event.__name__ for event in each.before)
    vanished |= any("vanishes" in event.__name__ for _, event in each.during)
    # What is gone needs two looks a minute apart; an import that stops at one says so.
    if "either" in rights or len(shaped) > 1 or vanished:
        return "either"
    return "complete"
