"""Does the walk lose a booking without saying so? Sources that lie, each lie alone and in pairs.

The fake source and its truth are written here; nothing of the importer judges them.
"""

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from integrations.acuity.errors import BadAnswer
from integrations.acuity.reading.findings import Gap
from integrations.acuity.source.paging import DayCursor, Keyset, Snapshot
from integrations.acuity.source.slices import Person

START = datetime(2025, 1, 1, tzinfo=UTC)
FIRST = date(1900, 1, 1)
Query = dict[str, Any]
KINDS = ["11", "12", "13"]
CALENDARS = ["1", "2"]


# By which attribute each filter selects.
SELECTED = {
    "calendarID": "calendar_id",
    "appointmentTypeID": "type_id",
    "firstName": "first_name",
    "lastName": "last_name",
    "email": "email",
    "phone": "phone",
}


@cache
def written(at: datetime) -> str:
    return at.isoformat()


@dataclass
class Booking:
    key: str
    at: datetime
    canceled: bool
    calendar_id: int
    type_id: int
    first_name: str
    last_name: str
    email: str = ""
    phone: str = ""
    zone: str = "UTC"

    @property
    def starts(self) -> str:
        return written(self.at)

    @property
    def day(self) -> str:
        return self.starts[:10]


def bookings(seed: int, count: int = 120, days: int = 90) -> list[Booking]:
    rng = random.Random(seed)
    made = []
    for n in range(count):
        at = START + timedelta(days=rng.randrange(days), hours=8 + rng.randrange(9))
        person = rng.randrange(30)
        made.append(
            Booking(
                str(rng.randrange(10**6) * 1000 + n),
                at,
                rng.random() < 0.2,
                int(rng.choice(CALENDARS)),
                int(rng.choice(KINDS)),
                f"First{person % 10}",
                f"Last{person}",
            )
        )
    return made


@dataclass
class Lying:
    """GET /appointments of an account, with parameters that it ignores and answers that it cuts."""

    rows: list[Booking]
    ignores: frozenset[str] = frozenset()
    order: str = "start"
    cap: int | None = None
    refuses_above: int | None = None
    stray: Booking | None = None
    asked: list[Query] = field(default_factory=list)

    def __call__(self, **query: Any) -> list[Booking]:
        self.asked.append(query)
        if len(self.asked) > 20_000:
            raise AssertionError("no end")
        if self.refuses_above and query["max"] > self.refuses_above:
            raise BadAnswer("max is too large", status=400)
        query = {k: v for k, v in query.items() if k not in self.ignores}
        found = [row for row in self.rows if self.selected(row, query)]
        size = query.get("max", 100)
        descending = query.get("direction", "DESC") == "DESC"
        # Those of one minute come by ID, both ways.
        found.sort(key=lambda row: row.key)
        found.sort(key=lambda row: row.at, reverse=descending)
        if self.order == "id":
            found.sort(key=lambda row: int(row.key))
        if self.order == "newest":
            found.sort(key=lambda row: row.at, reverse=True)
        if self.order == "shuffled":
            random.Random(len(self.asked)).shuffle(found)
        found = found[: min(size, self.cap or size)]
        heads = self.stray and self.stray not in found
        return [self.stray, *found][:size] if heads else found

    @staticmethod
    def selected(row: Booking, query: Query) -> bool:
        if "showall" not in query and row.canceled != (query.get("canceled") == "true"):
            return False
        if not query.get("minDate", "") <= row.day <= query.get("maxDate", "9999"):
            return False
        filters = query.keys() & SELECTED.keys()
        return all(str(getattr(row, SELECTED[name])) == query[name] for name in filters)


def walked(
    source: Lying, limit: int = 100, people: Any = (), **bounds: Any
) -> tuple[set[str], list[Gap]]:
    """What a walk finds, and its gaps."""
    cursor = DayCursor()
    found: set[str] = set()
    gaps: list[Gap] = []
    while True:
        keyset = Keyset(
            source, limit, FIRST, zones=["UTC"], calendars=CALENDARS, types=KINDS, people=people,
            **bounds,
        )  # fmt: skip
        page = keyset.page(cursor)
        found |= {row.key for row in page.records}
        gaps += page.gaps
        if page.done:
            return found, gaps
        assert page.cursor != cursor or page.records
        cursor = page.cursor


def keys(rows: list[Booking]) -> set[str]:
    return {row.key for row in rows}


LIES: dict[str, dict[str, Any]] = {
    "direction: by ID": {"order": "id"},
    "direction: newest first": {"order": "newest"},
    "direction: shuffled": {"order": "shuffled"},
    "direction: ignored": {"ignores": {"direction"}},
    "minDate": {"ignores": {"minDate"}},
    "maxDate": {"ignores": {"maxDate"}},
    "showall": {"ignores": {"showall"}},
    "canceled": {"ignores": {"canceled"}},
    "calendarID": {"ignores": {"calendarID"}},
    "appointmentTypeID": {"ignores": {"appointmentTypeID"}},
    "names": {"ignores": {"firstName", "lastName", "email", "phone"}},
    "max": {"ignores": {"max"}},
    **{f"cap {n}": {"cap": n} for n in (5, 25, 60)},
    "refuses": {"refuses_above": 40},
}
# What may be lost is always said; these lose nothing at all.
HARMLESS = [lie for lie in LIES if lie != "direction: shuffled"]


def lying(rows: list[Booking], *lies: str) -> Lying:
    options: dict[str, Any] = {"ignores": frozenset()}
    for lie in lies:
        for name, value in LIES[lie].items():
            options[name] = options["ignores"] | value if name == "ignores" else value
    return Lying(rows, **options)


@pytest.mark.parametrize("limit", [10, 100])
@pytest.mark.parametrize("seed", range(40))
def test_an_honest_source_is_walked_without_a_gap(seed: int, limit: int) -> None:
    rows = bookings(seed, count=seed * 6 + 1, days=1 + seed * 3)
    source = Lying(rows)

    assert walked(source, limit) == (keys(rows), [])


def test_an_honest_source_costs_a_page_and_a_check() -> None:
    rows = bookings(1, count=1000, days=300)
    source = Lying(rows)

    walked(source)

    assert len(source.asked) <= 1000 / 90 + 4


@pytest.mark.parametrize("lie", HARMLESS)
@pytest.mark.parametrize("seed", range(10))
def test_one_lie_loses_nothing(lie: str, seed: int) -> None:
    rows = bookings(seed, count=150)
    source = lying(rows, lie)

    found, gaps = walked(source, limit=30)

    assert found == keys(rows)
    assert gaps == [], gaps


@pytest.mark.parametrize("lies", list(itertools.combinations(LIES, 2)), ids="+".join)
def test_two_lies_lose_nothing_unsaid(lies: tuple[str, str]) -> None:
    for seed in range(6):
        rows = bookings(seed, count=150)
        source = lying(rows, *lies)

        found, gaps = walked(source, limit=30)

        assert found == keys(rows) or gaps, (seed, len(found), len(rows))
        assert found <= keys(rows)


@pytest.mark.parametrize("seed", range(10))
def test_a_shuffled_source_loses_nothing(seed: int) -> None:
    rows = bookings(seed, count=150)

    assert walked(lying(rows, "direction: shuffled"), limit=30)[0] == keys(rows)


def test_two_bookings_in_the_order_they_were_made() -> None:
    rows = bookings(1, count=2)
    rows[0].at, rows[1].at = START + timedelta(days=31), START

    assert walked(Lying(rows, order="id"))[0] == keys(rows)


def test_a_row_outside_the_range_moves_nothing() -> None:
    rows = bookings(3)
    stray = bookings(4, count=1)[0]
    stray.at = datetime(1890, 1, 5, tzinfo=UTC)
    source = Lying(rows, stray=stray)

    found, gaps = walked(source)

    assert (found, gaps) == (keys(rows), [])
    assert len(source.asked) < 20


@pytest.mark.parametrize("days", [1, 2, 40])
def test_a_row_that_heads_every_answer_of_a_small_account_is_no_rule(days: int) -> None:
    rows = bookings(2, count=3)
    for n, row in enumerate(rows):
        row.at = START + timedelta(days=days if n else 0)
        row.calendar_id, row.type_id, row.canceled = 1 if n else 2, 11, False
        row.first_name, row.last_name = f"First{n}", f"Last{n}"
    people = [Person(r.first_name, r.last_name, "", "", listed=True) for r in rows]

    assert walked(Lying(rows, stray=rows[0]), people=people) == (keys(rows), [])


@pytest.mark.parametrize("known", [True, False])
def test_a_crowded_day_of_701_cut_at_25_is_complete_if_all_people_are_known(known: bool) -> None:
    rng = random.Random(5)
    day = START + timedelta(days=40)
    crowd = bookings(8, count=701)
    for n, row in enumerate(crowd):
        row.at = day + timedelta(hours=12) if n < 450 else day + timedelta(hours=8 + n % 9)
        person = rng.randrange(90)
        row.first_name, row.last_name = f"First{person}", f"Last{person % 45}"
        if n < 450:
            row.calendar_id, row.type_id = 1, 11
    source = Lying(crowd, cap=25)
    names = {(row.first_name, row.last_name) for row in crowd} if known else set()
    people = [Person(*name, email="", phone="", listed=True) for name in names]

    found, gaps = walked(source, people=people)

    # Without a client list, somebody of another name may have booked.
    assert (found, len(gaps)) == (keys(crowd), 0 if known else 1)
    assert len(source.asked) <= 400


@pytest.mark.parametrize("canceled", [True, False])
def test_a_crowded_day_is_divided_by_both_names_where_one_is_too_common(canceled: bool) -> None:
    crowd = bookings(8, count=400)
    for n, row in enumerate(crowd):
        row.at, row.calendar_id, row.type_id = START + timedelta(hours=12), 1, 11
        row.first_name, row.last_name = f"First{n % 4}", f"Last{n // 4 % 10}"
        row.canceled = canceled
    # Canceled ones are asked for by themselves where `showall` has no effect.
    source = Lying(crowd, cap=25, ignores=frozenset({"showall"} if canceled else ()))
    names = {(row.first_name, row.last_name) for row in crowd}
    people = [Person(*name, email="", phone="", listed=True) for name in names]

    assert walked(source, people=people) == (keys(crowd), [])


def test_a_day_that_only_addresses_divide_is_a_gap() -> None:
    crowd = twins(60)
    for n, row in enumerate(crowd):
        row.email = f"{n % 6}@example.com"
    people = [Person("Ann", "Ann", f"{n}@example.com", "", listed=True) for n in range(6)]

    found, gaps = walked(Lying(crowd, cap=25), people=people)

    # She may have booked by another address, too.
    assert found == keys(crowd) and len(gaps) == 1


def test_a_day_that_nothing_divides_is_a_gap_with_its_size() -> None:
    rows = twins(50)

    found, gaps = walked(Lying(rows, cap=25))

    assert len(found) == 25
    assert [(gap.kind, gap.day, gap.listed) for gap in gaps] == [("day", "2025-01-01", 25)]


def twins(count: int) -> list[Booking]:
    """Bookings that nothing tells apart but their IDs."""
    rows = bookings(2, count=count)
    for row in rows:
        row.at, row.calendar_id, row.type_id, row.canceled = START, 1, 11, False
        row.first_name = row.last_name = "Ann"
    return rows


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_twins_that_are_the_whole_account_are_all_of_it(count: int) -> None:
    rows = twins(count)

    assert walked(Lying(rows)) == (keys(rows), [])


@pytest.mark.parametrize("count", [1, 2, 7, 50])
def test_twins_that_are_all_of_an_import_of_one_day_are_all_of_it(count: int) -> None:
    rows = twins(count)
    others = bookings(3, count=90)
    for row in others:
        row.at += timedelta(days=5)

    found, gaps = walked(Lying(rows + others), last_day=START.date())

    assert (found & keys(rows), gaps) == (keys(rows), [])


@pytest.mark.parametrize("cap", [1, 2, 3, 4])
def test_answers_cut_at_a_few_rows_are_not_taken_for_all(cap: int) -> None:
    for seed in range(3):
        for rows in (bookings(seed, count=20), bookings(seed, count=15) + twins(cap + 1)):
            found, gaps = walked(Lying(rows, cap=cap))

            assert found == keys(rows) or gaps, (seed, len(found), len(rows))


def test_a_window_of_days_is_listed_by_any_order() -> None:
    rows = bookings(6, count=200)
    low, high = date(2025, 2, 1), date(2025, 2, 20)
    for order in ("start", "id", "newest"):
        keyset: Callable[..., Keyset] = Keyset
        source, cursor, found = Lying(rows, order=order), DayCursor(), set()
        while True:
            page = keyset(source, 20, low, last_day=high, calendars=CALENDARS).page(cursor)
            found |= keys(page.records)
            cursor = page.cursor
            if page.done:
                break
        assert found == {r.key for r in rows if low.isoformat() <= r.day <= high.isoformat()}, order
        assert page.gaps == []


def test_a_listing_in_chunks_counts_the_entries_before_each() -> None:
    groups = [[1], [2, 3], [4], [5, 6, 7], [8]]

    assert list(Snapshot.chunks(groups, 2)) == [
        (0, [[1], [2, 3]]),
        (3, [[4], [5, 6, 7]]),
        (7, [[8]]),
    ]
    assert list(Snapshot.chunks([], 2)) == []
