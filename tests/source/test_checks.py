"""What does one answer say of its source? Rows written by hand, each rule by itself."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pytest

from integrations.acuity.errors import BadAnswer
from integrations.acuity.source.checks import Days, Source, in_order, is_canceled, obeys, outside

JUNE = {"minDate": "2025-06-10", "maxDate": "2025-06-20", "direction": "ASC"}


@dataclass
class Row:
    key: str
    starts: str = "2025-06-15T12:00:00+00:00"
    canceled: Any = False
    calendar_id: Any = 1
    type_id: Any = 11
    first_name: Any = "Ann"
    last_name: Any = "Lee"
    email: Any = "ann@example.com"
    phone: Any = "+1 212 555 0199"
    zone: str = ""

    @property
    def at(self) -> datetime | None:
        return datetime.fromisoformat(self.starts) if self.starts else None

    @property
    def day(self) -> str:
        return self.starts[:10]


def day(n: int, key: str = "", **fields: Any) -> Row:
    return Row(key or f"d{n}", f"2025-06-{n:02}T12:00:00+00:00", **fields)


OLD = Row("old", "1990-01-01T09:00:00+00:00")


def answering(*answers: list[Row]) -> tuple[Source, list[dict[str, Any]]]:
    """A source that gives these answers one after another, and what it was asked."""
    asked: list[dict[str, Any]] = []

    def fetch(**query: Any) -> list[Row]:
        asked.append(query)
        return answers[len(asked) - 1]

    return Source(fetch), asked


@pytest.mark.parametrize(
    ("value", "canceled"),
    [
        (None, False),
        (False, False),
        (0, False),
        ("", False),
        ("0", False),
        ("False", False),
        ("NO", False),
        (True, True),
        (1, True),
        ("true", True),
        ("1", True),
        ("Yes", True),
    ],
)
def test_canceled_is_read_in_whatever_shape_it_comes(value: Any, canceled: bool) -> None:
    assert is_canceled(Row("a", canceled=value)) is canceled


@pytest.mark.parametrize(
    ("starts", "beyond"),
    [
        ("2025-06-08", set()),
        ("2025-06-07", {"minDate"}),
        ("2025-06-22", set()),
        ("2025-06-23", {"maxDate"}),
        ("", set()),
    ],
)
def test_a_row_is_outside_when_no_zone_puts_its_day_inside(starts: str, beyond: set[str]) -> None:
    assert outside(Row("a", starts), JUNE) == beyond
    assert outside(Row("a", starts), {}) == set()


@pytest.mark.parametrize(
    ("starts", "ascends", "descends"),
    [
        (["2025-06-01T09:00:00+00:00", "2025-06-01T10:00:00+00:00"], True, False),
        (["2025-06-01T10:00:00+00:00", "2025-06-01T09:00:00+00:00"], False, True),
        (["2025-06-01T09:00:00+00:00", "2025-06-01T09:00:00+00:00"], True, True),
        # By the instant they go one way, by the local time the other.
        (["2025-06-01T09:00:00+02:00", "2025-06-01T08:00:00+00:00"], True, True),
        # Of a local time without an offset nobody knows the instant.
        (["2025-06-01T10:00:00", "2025-06-01T09:00:00"], True, True),
        (["", "2025-06-01T10:00:00+00:00", "2025-06-01T09:00:00+00:00"], False, True),
        # Seconds count, what comes after them doesn't.
        (["2025-06-01T09:00:01+01:00", "2025-06-01T09:00:00+00:00"], True, True),
        (["2025-06-01T09:00:01+00:00", "2025-06-01T09:00:00+00:00"], False, True),
    ],
)
def test_the_order_of_rows(starts: list[str], ascends: bool, descends: bool) -> None:
    rows = [Row(str(n), each) for n, each in enumerate(starts)]

    assert (in_order(rows, "ASC"), in_order(rows, "DESC")) == (ascends, descends)


@pytest.mark.parametrize(
    ("name", "wanted", "obeyed"),
    [
        ("calendarID", "1", True),
        ("calendarID", "2", False),
        ("calendarID", None, True),
        ("firstName", " ann ", True),
        ("firstName", "Anna", False),
        ("email", "ann2@x.com", False),
        ("email", "ann@example.com", True),
        ("phone", "2125550199", True),
        ("phone", "(212) 555-0199", True),
        ("phone", "2125550198", False),
    ],
)
def test_a_filter_is_obeyed_by_what_means_the_same(name: str, wanted: Any, obeyed: bool) -> None:
    assert obeys([Row("a")], name, wanted) is obeyed
    assert obeys([], name, wanted)


def test_a_filter_is_not_obeyed_by_what_is_empty() -> None:
    assert not obeys([Row("a"), Row("b", calendar_id=None)], "calendarID", "1")


@pytest.mark.parametrize(
    ("row", "dates"),
    [
        (Row("a", "2025-06-01T23:00:00+00:00"), {1, 2}),
        (Row("a", "2025-06-02T00:30:00+02:00"), {1, 2}),
        (Row("a", "2025-06-01T12:00:00+00:00"), {1}),
        (Row("a", "2025-06-01T12:00:00+00:00", zone="Pacific/Auckland"), {1, 2}),
        (Row("a", "2025-06-01T12:00:00+00:00", zone="Nowhere/Land"), {1}),
        (Row("a", ""), set()),
        # No zone has a date for it.
        (Row("a", "9999-12-31T23:00:00+00:00"), set()),
    ],
)
def test_the_dates_that_a_row_may_have(row: Row, dates: set[int]) -> None:
    days = Days(["Asia/Tokyo", "", "Nowhere/At all"])

    assert {each.day for each in days.of(row)} == dates
    assert all(isinstance(each, date) for each in days.of(row))


def test_an_answer_is_whole_if_it_is_shorter_than_another_and_than_was_asked() -> None:
    five = [day(n) for n in range(10, 15)]
    source, _ = answering(five[:3], five[:2], five[:3], five, five[:3], five[:4], [])

    wholes = [source.ask(max=size, **JUNE).whole for size in (9, 9, 9, 9, 3, 9, 9)]

    assert wholes == [False, True, False, False, False, True, True]
    assert (source.longest, source.requests, source.ignored) == (5, 7, set())


def test_answers_of_the_greatest_length_in_a_row_are_counted() -> None:
    two = [day(10), day(11)]
    source, _ = answering(two, two, two, [], two, two, [day(10)])

    counted = []
    for size in (9, 9, 9, 9, 2, 9, 9):
        source.ask(max=size, **JUNE)
        counted.append(source.cut)

    # An empty answer and one as long as was asked say nothing of it.
    assert counted == [0, 1, 2, 2, 2, 3, 0]


def test_more_rows_than_were_asked_for() -> None:
    source, _ = answering([day(10), day(11)], [day(10), day(11), day(12)])

    assert source.ask(max=2, **JUNE).disobeyed == set()
    assert source.ask(max=2, **JUNE).disobeyed == source.ignored == {"max"}


@pytest.mark.parametrize("status", [400, 422])
def test_a_refused_question_is_asked_for_half_and_that_is_remembered(status: int) -> None:
    asked: list[int] = []

    def fetch(**query: Any) -> list[Row]:
        asked.append(query["max"])
        if query["max"] > 30:
            raise BadAnswer("max", status=status)
        return [day(10)]

    source = Source(fetch)
    answers = [source.ask(max=size, **JUNE) for size in (100, 60, 10)]

    assert asked == [100, 50, 25, 25, 10]
    assert (source.ceiling, source.requests) == (25, 5)
    assert [answer.rows for answer in answers] == [[day(10)]] * 3


@pytest.mark.parametrize(("size", "status", "tries"), [(100, 500, 1), (1, 400, 1), (2, 400, 2)])
def test_what_no_smaller_question_mends_is_raised(size: int, status: int, tries: int) -> None:
    def fetch(**query: Any) -> list[Row]:
        raise BadAnswer("no", status=status)

    source = Source(fetch)

    with pytest.raises(BadAnswer):
        source.ask(max=size, **JUNE)
    assert source.requests == tries


FOUR = [day(n) for n in (11, 12, 13, 14)]
CASES: dict[str, tuple[list[Row], dict[str, Any], set[str]]] = {
    "nothing": (FOUR, {}, set()),
    "minDate": ([OLD, *FOUR[:1], day(1)], {}, {"minDate"}),
    "maxDate": ([day(28), day(29), day(30), day(30, "e")], {}, {"maxDate"}),
    "half are no rule": ([day(11), day(12), day(29), day(30)], {}, set()),
    "direction": ([day(12), day(11), day(14), day(13)], {}, {"direction"}),
    "direction, newest first by itself": (FOUR, {"direction": None}, {"direction"}),
    "calendar": ([day(n, calendar_id=n) for n in range(11, 16)], {"calendarID": 1}, {"calendarID"}),
    "type": (FOUR, {"appointmentTypeID": "12"}, {"appointmentTypeID"}),
    "canceled": (FOUR, {"canceled": "true"}, {"canceled"}),
    "not canceled": ([day(n, canceled=True) for n in (11, 12)], {"canceled": "false"}, {"canceled"}),
    "canceled, obeyed": ([day(n, canceled=1) for n in (11, 12)], {"canceled": "true"}, set()),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_an_answer_disobeys(case: str) -> None:
    rows, more, disobeyed = CASES[case]
    source, _ = answering(rows, [], [])
    query = {name: value for name, value in (JUNE | more).items() if value is not None}

    answer = source.ask(max=9, **query)

    assert answer.disobeyed == source.ignored == disobeyed
    assert sorted(row.key for row in answer.all) == sorted(row.key for row in rows)


@pytest.mark.parametrize(
    ("longest", "disobeyed"), [(0, {"canceled"}), (1, {"canceled"}), (2, set())]
)
def test_a_single_row_that_is_not_canceled(longest: int, disobeyed: set[str]) -> None:
    source, _ = answering([day(11)], [day(11), day(12)])
    source.longest = longest

    # A source that ignores it would have shown two, as it has done.
    assert source.ask(max=9, **JUNE, canceled="true").disobeyed == disobeyed


@pytest.mark.parametrize("head", [OLD, day(15, "late"), day(11, "odd", calendar_id=7)])
def test_a_row_at_the_head_that_does_not_belong_there_says_nothing(head: Row) -> None:
    source, asked = answering([head, *FOUR[:3]], [head, day(13)])

    answer = source.ask(max=9, **JUNE, calendarID="1")

    assert (answer.disobeyed, source.ignored) == (set(), set())
    assert (answer.rows, answer.strays) == (FOUR[:3], [head])
    assert source.ask(max=9, **JUNE).rows == [day(13)]
    assert len(asked) == 2


def test_a_stray_at_the_head_is_known_from_then_on_and_one_further_down_is_not() -> None:
    source, _ = answering([OLD, *FOUR], [*FOUR, Row("late", "2025-07-30T09:00:00+00:00")])

    assert source.ask(max=9, **JUNE).strays == [OLD]
    assert source.intruders == {"old"}
    assert [row.key for row in source.ask(max=9, **JUNE).strays] == ["late"]
    assert source.intruders == {"old"}


@pytest.mark.parametrize(
    ("shown", "ignored"),
    [([OLD], set()), ([], {"minDate"}), ([OLD, day(11)], {"minDate"})],
)
def test_of_a_few_rows_one_more_question_tells_whether_a_row_heads_every_answer(
    shown: list[Row], ignored: set[str]
) -> None:
    source, asked = answering([OLD], shown, [OLD], [])
    source.longest = 3

    answers = [source.ask(max=9, minDate="2025-06-10", direction="ASC") for _ in range(2)]

    assert source.ignored == ignored
    assert [answer.strays for answer in answers] == [[OLD]] * 2
    # Asked once: after all days, where nothing can be.
    assert len(asked) == 3
    assert (asked[1]["minDate"], asked[1]["maxDate"]) == ("2199-12-31", "2199-12-31")
    assert (asked[1]["showall"], asked[1]["max"]) == ("true", 4)


def test_of_a_source_that_never_showed_two_rows_nobody_can_tell() -> None:
    source, asked = answering([OLD], [OLD])

    for _ in range(2):
        source.ask(max=9, minDate="2025-06-10", direction="ASC")

    assert (len(asked), source.ignored) == (2, {"minDate"})
