"""Is a small account listed whole by each way of asking anew, and a crowded day by each way of
dividing it? The source is that of test_paging; what is right is counted by hand."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest

from integrations.acuity.source import slices
from integrations.acuity.source.checks import Days, Source
from integrations.acuity.source.closed import Everything, in_descent
from integrations.acuity.source.paging import DayCursor, Keyset
from integrations.acuity.source.slices import Person, Slices
from tests.source.test_checks import Row
from tests.source.test_paging import (
    CALENDARS,
    FIRST,
    KINDS,
    START,
    Booking,
    Lying,
    Query,
    bookings,
    keys,
    twins,
    walked,
)

DAY = timedelta(days=1)
FIRST_DAY = START.date()
ONE_DAY = {"minDate": FIRST_DAY.isoformat(), "maxDate": FIRST_DAY.isoformat(), "direction": "ASC"}
ALL_OF_IT: Query = {**ONE_DAY, "showall": "true"}


def row(n: int, days: int = 0, minutes: int = 0, **fields: Any) -> Booking:
    usual = {"canceled": False, "calendar_id": 1, "type_id": 11, "first_name": "Ann"}
    at = START + timedelta(days=days, hours=9, minutes=minutes)
    return Booking(str(n), at, **{**usual, "last_name": "Lee", **fields})


def anew(
    source: Lying,
    limit: int = 10,
    low: date | None = None,
    high: date | None = None,
    calendars: Iterable[str] = CALENDARS,
) -> tuple[set[str], Everything]:
    """What `Everything` finds, and itself."""
    values = {"calendarID": set(calendars), "appointmentTypeID": set(KINDS)}
    everything = Everything(Source(source), limit, Days(["UTC"]), values, (), low, high)
    found = everything.rows()
    assert [r.key for r in found] == [r.key for r in sorted(found, key=lambda r: (r.at, r.key))]
    return keys(found), everything


def divided(
    source: Lying, *, longest: int = 0, people: Any = (), known: bool = True, limit: int = 100
) -> tuple[set[str], bool, Source]:
    """What is found of the first day, whether that is said to be all, and the source as it was seen."""
    asking = Source(source, longest=longest)
    values = {"calendarID": set(CALENDARS), "appointmentTypeID": set(KINDS)} if known else {}
    parts = Slices(asking, limit, values, people)
    complete = parts.everything(dict(ALL_OF_IT))
    return set(parts.found), complete, asking


@pytest.mark.parametrize(
    ("starts", "descends"),
    [
        (["2025-06-01T10:00:00+00:00", "2025-06-01T09:00:00+00:00"], True),
        (["2025-06-01T09:00:00+00:00", "2025-06-01T09:00:00+00:00"], True),
        (["2025-06-01T09:00:00+00:00", "2025-06-01T10:00:00+00:00"], False),
        # By the instant they go one way, by the local time the other.
        (["2025-06-01T09:00:00+00:00", "2025-06-01T10:00:00+02:00"], True),
        (["2025-06-01T10:00:00+02:00", "2025-06-01T09:00:00+00:00"], True),
        # One local time is not the other's earlier or later, whatever the zone.
        (["2025-06-01T10:00:00+02:00", "2025-06-01T10:00:00-02:00"], True),
        # Without an offset nobody knows the instant.
        (["2025-06-01T09:00:00", "2025-06-01T10:00:00+00:00", ""], True),
        (["2025-06-01T09:00:00+00:00", "", "2025-06-01T10:00:00+00:00"], False),
    ],
)
def test_newest_first_is_by_the_instant_or_by_the_local_time(
    starts: list[str], descends: bool
) -> None:
    assert in_descent([Row(str(n), each) for n, each in enumerate(starts)]) is descends


@pytest.mark.parametrize("order", ["start", "id", "shuffled"])
@pytest.mark.parametrize("ends", [True, False])
def test_both_ends_of_what_is_listed_anew_belong_to_it(order: str, ends: bool) -> None:
    rows = [row(n, n // 25, n % 25) for n in range(100)]
    low, high = (FIRST_DAY, FIRST_DAY + 2 * DAY) if ends else (None, None)

    found, everything = anew(Lying(rows, order=order), low=low, high=high)

    assert found == keys([r for r in rows if not high or r.at.date() <= high])
    assert everything.gaps == []


@pytest.mark.parametrize("lie", ["minDate", "maxDate", "direction", "calendarID"])
def test_by_whatever_is_obeyed_everything_is_found(lie: str) -> None:
    rows = bookings(5, count=60, days=20)

    found, everything = anew(Lying(rows, frozenset({lie})), low=date(2024, 12, 1))

    assert (found, everything.gaps) == (keys(rows), [])


@pytest.mark.parametrize("low", [None, FIRST_DAY])
def test_nothing_proves_the_end_of_a_source_that_ignores_all_and_cuts_its_answers(
    low: date | None,
) -> None:
    everything_ignored = frozenset(
        [
            "minDate",
            "maxDate",
            "direction",
            "calendarID",
            "appointmentTypeID",
            "canceled",
            "showall",
            "firstName",
            "lastName",
            "email",
            "phone",
        ]
    )
    rows = [row(n, n, canceled=not n % 9) for n in range(40)]
    source = Lying(rows, everything_ignored, order="id", cap=25)

    found, everything = anew(source, low=low)

    assert len(found) == 25
    gap = everything.gaps[0]
    assert gap.kind == "listing" and gap.listed == 25 and gap.ignored and "minDate" in gap.ignored
    assert len(source.asked) < 450


def test_canceled_ones_are_asked_for_by_themselves_where_none_was_shown() -> None:
    rows = [row(n, n, canceled=n > 6) for n in range(9)]
    honest = Lying(rows, frozenset({"showall"}))
    deaf = Lying(rows[:7], frozenset({"showall", "canceled"}))

    found, everything = anew(honest)
    assert (found, everything.gaps) == (keys(rows), [])

    # It shows bookings when it is asked for canceled ones: nobody knows if it hides some.
    found, everything = anew(deaf)
    assert found == keys(rows[:7])
    assert [(gap.kind, gap.ignored) for gap in everything.gaps] == [("listing", ["canceled"])]


def test_a_source_in_no_order_is_listed_by_windows_whatever_heads_its_answers() -> None:
    rows = bookings(3, count=80, days=30)
    stray = row(1, -9000)
    source = Lying(rows, order="id", stray=stray)

    found, everything = anew(source, limit=20)

    assert (found - {stray.key}, everything.gaps) == (keys(rows), [])
    assert len(source.asked) < 120


def test_a_crowded_day_among_windows_is_divided_and_what_is_not_is_a_gap_of_its_day() -> None:
    crowd = [row(n, 5, minutes=n % 2, calendar_id=1 + n % 2) for n in range(40)]
    rows = [*crowd, *(row(n, n) for n in range(100, 130))]

    found, everything = anew(Lying(rows, order="id", cap=25))
    assert (found, everything.gaps) == (keys(rows), [])


def test_what_crowded_days_cost_is_no_reason_to_give_up_as_long_as_they_bring_something() -> None:
    # Four bookings a day in two of thirty calendars, of a source in no order that shows three at most.
    rows = [row(n, n // 4, n % 4, calendar_id=1 + n % 2) for n in range(160)]
    source = Lying(rows, order="id", cap=3)

    found, everything = anew(source, calendars=map(str, range(1, 31)))

    assert (found, everything.gaps) == (keys(rows), [])
    assert len(source.asked) > 400 + 3 * len(rows)


@pytest.mark.parametrize("order", ["start", "id"])
def test_many_rows_of_one_moment_do_not_hide_those_of_later_days(order: str) -> None:
    # The first by their ID: whether the source obeys `direction` cannot be seen from them.
    same = [row(n, 5) for n in range(40)]
    later = [row(n, n) for n in range(100, 130)]

    found, everything = anew(Lying([*same, *later], order=order, cap=25))

    assert found >= keys(later)
    assert [(gap.kind, gap.day, gap.listed) for gap in everything.gaps] == [
        ("day", (FIRST_DAY + 5 * DAY).isoformat(), 25)
    ]


class Hiding(Lying):
    """Asked for the newest first, it shows nothing of the first ten days."""

    def __call__(self, **query: Any) -> list[Booking]:
        found = super().__call__(**query)
        days = [FIRST_DAY + n * DAY for n in range(10)]
        return [r for r in found if query["direction"] != "DESC" or r.at.date() not in days]


def test_what_only_the_oldest_first_shows_is_found() -> None:
    rows = [row(n, n) for n in range(20)]

    found, everything = anew(Hiding(rows))

    assert (found, everything.gaps) == (keys(rows), [])


def test_a_small_account_of_one_moment_is_all_there_is_after_a_few_questions() -> None:
    source = Lying(twins(3))

    found, everything = anew(source)

    assert (found, everything.gaps) == (keys(source.rows), [])
    assert len(source.asked) <= 20


# A crowded day


def test_an_answer_shorter_than_another_needs_no_more_questions() -> None:
    source = Lying([row(n, minutes=n) for n in range(4)])

    found, complete, _ = divided(source, longest=5)

    assert (len(found), complete, len(source.asked)) == (4, True, 1)


def test_the_newest_and_the_oldest_rows_are_all_if_they_are_the_same() -> None:
    source = Lying([row(n, minutes=n) for n in range(4)])

    found, complete, _ = divided(source)

    assert (len(found), complete) == (4, True)
    assert [asked["direction"] for asked in source.asked] == ["ASC", "DESC"]


@pytest.mark.parametrize("way", ["calendarID", "appointmentTypeID", "canceled", "names"])
def test_a_day_is_divided_by_what_tells_its_rows_apart(way: str) -> None:
    apart: dict[str, Any] = {
        "calendarID": lambda n: {"calendar_id": 1 + n % 2},
        "appointmentTypeID": lambda n: {"type_id": 11 + n % 3},
        "canceled": lambda n: {"canceled": bool(n % 2)},
        "names": lambda n: {"first_name": f"F{n % 3}"},
    }
    rows = [row(n, **apart[way](n)) for n in range(8)]
    people = [Person(f"F{n}", "Lee", "", "", listed=True) for n in range(3)]
    source = Lying(rows, cap=5)

    found, complete, _ = divided(source, people=people)

    assert (found, complete) == (keys(rows), True)
    assert len(source.asked) <= 30


def test_values_that_only_rows_show_divide_a_day_too() -> None:
    rows = [row(n, type_id=30 + n % 4) for n in range(8)]

    assert divided(Lying(rows, cap=5), known=False)[:2] == (keys(rows), True)


def test_a_day_is_not_divided_by_what_the_source_ignores() -> None:
    rows = [row(n, calendar_id=1 + n % 2, type_id=11 + n % 2) for n in range(8)]
    source = Lying(rows, frozenset({"calendarID"}), cap=5)

    found, complete, asking = divided(source)

    assert (found, complete, asking.ignored) == (keys(rows), True, {"calendarID"})


@pytest.mark.parametrize(("longest", "complete"), [(5, False), (6, True)])
def test_rows_that_nothing_tells_apart_are_all_if_another_answer_was_longer(
    longest: int, complete: bool
) -> None:
    # A source that has answered with six rows did not cut these five.
    source = Lying(twins(5), cap=5 if longest == 5 else None)

    assert divided(source, longest=longest)[1] is complete


@pytest.mark.parametrize(("count", "all_of_it"), [(4, True), (5, False)])
def test_of_so_few_twins_it_is_believed_that_they_are_all_if_no_other_day_has_any(
    count: int, all_of_it: bool
) -> None:
    rows = twins(count)

    found, complete, _ = divided(Lying(rows))

    assert (found, complete) == (keys(rows), all_of_it)
    others = [row(n, n) for n in range(900, 900 + count)]
    assert divided(Lying([*rows, *others], cap=count))[1] is False


def test_the_budget_of_a_day_ends_its_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "BUDGET", 12)
    people = [Person(f"F{n}", f"L{n}", "", "", listed=True) for n in range(40)]
    crowd = [row(n, calendar_id=n % 2 + 1, type_id=11 + n % 3) for n in range(80)]
    source = Lying(crowd, cap=5)

    found, complete, _ = divided(source, people=people)

    assert not complete and len(found) >= 5
    assert len(source.asked) <= 30


@dataclass
class Paged(Lying):
    """It honors `offset`, up to `deepest`."""

    deepest: int = 10**6

    def __call__(self, **query: Any) -> list[Booking]:
        offset, cap = query.pop("offset", None), self.cap
        if offset is None:
            return super().__call__(**query)
        self.cap = None
        rows = super().__call__(**query | {"max": 10**6})[: self.deepest]
        self.cap = cap
        return rows[offset : offset + min(query["max"], cap or query["max"])]


@pytest.mark.parametrize(("deepest", "complete"), [(10**6, True), (12, False), (5, False)])
def test_twins_are_paged_through_where_offset_is_honored(deepest: int, complete: bool) -> None:
    rows = twins(17)
    for n, each in enumerate(rows):
        each.at = START + timedelta(minutes=n // 9)

    found, said, _ = divided(Paged(rows, cap=5, deepest=deepest))

    # Both ways have to come to the same, and to more than any answer had.
    assert said is complete
    assert found == keys(rows) or not complete


# People


def test_a_day_is_divided_by_people_only_if_all_who_booked_are_known() -> None:
    rows = [row(n, first_name=f"F{n % 4}", last_name=f"L{n % 4}") for n in range(12)]
    listed = [Person(f"F{n}", f"L{n}", "", "", listed=True) for n in range(4)]
    # Not as many as an answer has rows: such a list may be cut.
    more = [Person("Zed", name, "", "", listed=True) for name in ("Ho", "Hu")]
    for people, complete in [
        (listed + more, True),
        (listed, True),
        (listed[:3], False),
        ([person._replace(listed=False) for person in listed], False),
        # As names are compared: other blanks, other letters.
        ([p._replace(firstName=f" {p.firstName.lower()} ", lastName="") for p in listed], True),
    ]:
        found, said, _ = divided(Lying(rows, cap=5), people=people)
        assert said is complete, people
        assert found == keys(rows) or not complete


def test_a_client_list_as_long_as_the_longest_answer_may_be_cut() -> None:
    rows = [row(n, first_name=f"F{n % 5}", last_name="") for n in range(12)]
    people = [Person(f"F{n}", "", "", "", listed=True) for n in range(5)]

    assert divided(Lying(rows, cap=5), people=people)[1] is False
    assert divided(Lying(rows, cap=5), people=[*people, people[0]])[1] is True


# The walk


def test_a_source_that_ignores_the_last_day_is_walked_to_it_and_no_further() -> None:
    rows = [row(n, n // 3, n % 3) for n in range(120)]
    last = FIRST_DAY + 9 * DAY
    source = Lying(rows, frozenset({"maxDate"}))

    found, gaps = walked(source, limit=20, last_day=last)

    assert found >= keys([r for r in rows if r.at.date() <= last])
    assert gaps == []
    assert len(source.asked) < 25


def test_a_walk_ends_behind_a_last_day_that_is_crowded() -> None:
    crowd = [row(n, 3) for n in range(40)]
    source = Lying([*(row(n, n - 100) for n in range(100, 103)), *crowd], cap=25)

    found, gaps = walked(source, last_day=FIRST_DAY + 3 * DAY)

    assert len(found) == 28
    assert [(gap.kind, gap.listed) for gap in gaps] == [("day", 25)]


@pytest.mark.parametrize(
    ("cursor", "asked"),
    [
        (DayCursor(), {"minDate": "1900-01-01", "max": 100}),
        (DayCursor(day="2025-06-10"), {"minDate": "2025-06-10", "max": 100}),
        # What may come again is asked for besides.
        (
            DayCursor(day="2025-06-10", seen={"1": "", "2": ""}),
            {"minDate": "2025-06-10", "max": 102},
        ),
        (DayCursor(day="2025-06-20", ceiling=40), {"minDate": "2025-06-20", "max": 40}),
        (DayCursor(day="2025-06-21"), None),
    ],
)
def test_what_a_walk_asks_next(cursor: DayCursor, asked: dict[str, Any] | None) -> None:
    bounded = Keyset(Lying([]), 100, FIRST, last_day=date(2025, 6, 20))
    usual = {"direction": "ASC", "showall": "true"}

    assert bounded.request(cursor) == (asked and {**usual, **asked, "maxDate": "2025-06-20"})
    if asked:
        assert Keyset(Lying([]), 100, FIRST).request(cursor) == {**usual, **asked}


def test_a_row_that_another_zone_puts_two_days_later_is_known_when_it_comes_again() -> None:
    west = Row("west", "2025-06-08T23:30:00-12:00")
    rows = [
        Row("early", "2025-06-07T23:30:00-12:00"),
        west,
        Row("noon", "2025-06-10T12:00:00+00:00"),
    ]
    keyset = Keyset(lambda **_: rows, 100, FIRST, zones=["Pacific/Kiritimati"])

    page = keyset.page(DayCursor())

    assert [row.key for row in page.records] == ["early", "west", "noon"]
    assert page.cursor.day == "2025-06-10"
    assert page.cursor.seen == {"west": "2025-06-10", "noon": "2025-06-11"}
