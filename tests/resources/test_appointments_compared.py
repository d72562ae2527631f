"""What does the proof find of bookings? Accounts made up here, stored row by row, and a source that lies."""

import itertools
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import pytest
from django.utils import timezone

from bookings.models import Appointment, AppointmentType, Calendar, Client
from integrations.acuity.errors import Forbidden
from integrations.acuity.reading.findings import Gap
from integrations.acuity.reading.listing import Row
from integrations.acuity.reading.stored import as_json
from integrations.acuity.resources.appointments import Appointments, check, cuts, otherwise
from integrations.acuity.resources.appointments.cursors import ProofCursor
from integrations.acuity.resources.appointments.save import save_appointments
from integrations.acuity.resources.base import Context, Said
from integrations.acuity.resources.scope import Position, Scope
from integrations.acuity.source.fetching import Fetcher
from integrations.models import ImportRun, RejectedRecord
from tests.proof.test_rules import run  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.database]
Told = dict[str, Any]
Lie = Callable[[Told, dict[str, str]], bool]
ONE_OF_ALL = "/appointments/"


def told(n: int, at: str = "", calendar: int = 1, **fields: Any) -> Told:
    """Booking n, on the n-th of May unless `at` says otherwise, as Acuity tells it."""
    return {
        "id": n,
        "firstName": "Ann",
        "lastName": "Lee",
        "phone": "",
        "email": "ann@example.com",
        "datetime": f"{at or f'2025-05-{n:02}'}T12:00:00-0400",
        "price": "50.00",
        "paid": "no",
        "amountPaid": "0.00",
        "type": "Cut",
        "appointmentTypeID": 7,
        "duration": "60",
        "calendar": f"Chair {calendar}",
        "calendarID": calendar,
        "certificate": None,
        "notes": "",
        "timezone": "America/New_York",
        "calendarTimezone": "America/New_York",
        "canceled": False,
        "labels": None,
        **fields,
    }


@dataclass
class Book:
    """Answers for bookings as Acuity does, unless it is told to lie."""

    rows: list[Told]
    # Parameters that it takes no notice of.
    ignores: set[str] = field(default_factory=set)
    # So many rows of an answer come at most.
    cut: int = 10**6
    # The direction of one that takes no notice of it.
    always: str = "ASC"
    # What an answer leaves out, by its parameters, and what it tells otherwise.
    hides: Lie = lambda row, asked: False
    tells: Callable[[Told, dict[str, str]], Told] = lambda row, asked: row
    # Rows at the head of an answer, whatever was asked.
    heads: Callable[[dict[str, str]], list[Told]] = lambda asked: []
    # What happens just before an answer.
    before: Callable[[dict[str, str]], None] = lambda asked: None
    # What answers to an ID instead of the booking.
    by_id: dict[int, Any] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    singly: list[str] = field(default_factory=list)
    ahead: list[dict[str, str]] = field(default_factory=list)

    def get(self, path: str, decode: Callable[[bytes], Any], **params: Any) -> Any:
        assert path == "/appointments" and params.pop("excludeForms", "true") == "true"
        asked = {name: str(value) for name, value in params.items()}
        self.asked.append(asked)
        self.before(asked)
        heard = {name: value for name, value in asked.items() if name not in self.ignores}
        rows = [row for row in self.rows if _selects(heard, row) and not self.hides(row, asked)]
        direction = self.always if "direction" in self.ignores else asked.get("direction")
        newest = direction != "ASC"
        # Ties are by ID, both ways.
        rows.sort(key=lambda row: row["id"])
        rows.sort(
            key=lambda row: datetime.fromisoformat(row["datetime"]).timestamp(), reverse=newest
        )
        shown = [*self.heads(asked), *rows][: min(self.cut, int(heard.get("max", 100)))]
        return decode(json.dumps([self.tells(row, asked) for row in shown]).encode())

    def each(self, paths: Iterable[str], decode: Callable[[bytes], Any]) -> list[Any]:
        keys = [path.removeprefix(ONE_OF_ALL) for path in paths]
        self.singly += keys
        known = {str(row["id"]): row for row in self.rows} | {
            str(n): answer for n, answer in self.by_id.items()
        }
        answers = [known.get(key) for key in keys]
        return [
            decode(json.dumps(one | {"forms": []}).encode()) if isinstance(one, dict) else one
            for one in answers
        ]

    def prefetch(self, path: str, decode: Any, **params: Any) -> None:
        assert (path, params.pop("excludeForms")) == ("/appointments", "true")
        self.ahead.append({name: str(value) for name, value in params.items()})

    def parse_prefetched(self) -> None:
        pass


def _selects(asked: dict[str, str], row: Told) -> bool:
    day = row["datetime"][:10]
    return (
        asked.get("minDate", "") <= day <= asked.get("maxDate", "9999")
        and asked.get("calendarID", str(row["calendarID"])) == str(row["calendarID"])
        and asked.get("appointmentTypeID", str(row["appointmentTypeID"]))
        == str(row["appointmentTypeID"])
        and ("showall" in asked or row["canceled"] == (asked.get("canceled") == "true"))
    )


@dataclass
class Account:
    """Some bookings at Acuity and in the database, and their proof."""

    run: ImportRun
    book: Book
    position: dict[str, Any] = field(default_factory=dict)
    prefetch: bool = False

    def context(self) -> Context:
        position = Position(**self.position)
        context = Context.of(Scope.of(self.run), cast(Fetcher, self.book), position)
        context.prefetch = self.prefetch
        return context

    def store(self, rows: Iterable[Told] | None = None) -> None:
        rows = [*(self.book.rows if rows is None else rows)]
        save_appointments(self.context(), [Row.of(row) for row in rows], anywhere=True)

    def walked(self, **cursor: Any) -> None:
        """The import ended a moment ago, with this."""
        self.run.steps.filter(resource="appointments").update(status="done", cursor=cursor)

    def proven(self, **cursor: Any) -> "Proven":
        """All that a proof finds, each page of which is stored before the next."""
        resource, position, proof = Appointments(), as_json(cursor), Proven()
        for ask in (resource.check, resource.recheck):
            done = False
            while not done:
                page = ask(self.context(), position)
                proof.saved += [row.key for row in page.found.save]
                proof.gone += page.found.gone
                proof.count += page.count
                proof.totals |= {page.total} - {None}
                resource.heal(self.context(), page.found)
                position, done = as_json(page.cursor), page.done
                proof.pages += 1
                assert proof.pages < 100
        proof.cursor = ProofCursor.of(position)
        proof.said = resource.statement(self.context(), position)
        return proof


@dataclass
class Proven:
    saved: list[str] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    count: int = 0
    totals: set[int | None] = field(default_factory=set)
    pages: int = 0
    cursor: ProofCursor = field(default_factory=ProofCursor)
    said: Said = field(default_factory=lambda: Said({}))

    @property
    def gaps(self) -> list[Gap]:
        return self.said.gaps

    @property
    def kinds(self) -> list[str]:
        return [gap.kind for gap in self.said.gaps]

    @property
    def asked(self) -> list[str]:
        """In which ways, as the scope has it, without how rows were compared."""
        return [*self.said.scope["evidence"]][:-2]


@pytest.fixture
def account(run: ImportRun) -> Account:  # noqa: F811
    """Five bookings on the first days of May, of two calendars; the fourth is canceled."""
    rows = [
        told(1), told(2, calendar=2), told(3), told(4, canceled=True), told(5, calendar=2),
    ]  # fmt: skip
    account = Account(run, Book(rows))
    account.store()
    return account


def row(key: int) -> Appointment:
    return Appointment.objects.get(external_id=str(key))


def rows(*keys: int) -> Any:
    return Appointment.objects.filter(external_id__in=map(str, keys))


# What is asked


FIRST, LAST = "1900-01-01", "2199-12-31"
MOST = {"max": "2500"}
OLDEST = {"direction": "ASC", "showall": "true"}
NEWEST = {"direction": "DESC"}
BETWEEN = NEWEST | {"minDate": FIRST, "maxDate": LAST} | MOST
ANY_DAY = NEWEST | MOST
CANCELED = {"canceled": "true"}
BY_CALENDAR = [BETWEEN | {"calendarID": "1"}, BETWEEN | {"calendarID": "2"}, BETWEEN | CANCELED]


def tomorrow() -> str:
    return f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"


def test_an_honest_account_is_asked_for_in_other_ways_and_has_nothing_to_say(
    account: Account,
) -> None:
    proof = account.proven()

    assert (proof.saved, proof.gone, proof.gaps, proof.said.ignored) == ([], [], [], [])
    assert (account.book.singly, proof.count) == ([], 5)
    assert (proof.said.scope["listed"], proof.said.scope["stored"]) == (5, 5)
    assert account.book.asked == [
        OLDEST | {"minDate": FIRST, "max": "1"},
        OLDEST | {"minDate": FIRST} | MOST,
        OLDEST | {"minDate": "2025-05-05", "max": "2501"},
        # The end of the walk.
        OLDEST | {"direction": "DESC", "minDate": FIRST, "max": "1251"},
        *BY_CALENDAR,
        *(ANY_DAY | CANCELED | {"calendarID": key} for key in "12"),
        # As long as the longest answer: it may have been cut.
        *(BETWEEN | {"showall": "true", "appointmentTypeID": "7", "maxDate": day}
          for day in (LAST, "2025-05-01")),
        BETWEEN | {"minDate": tomorrow()},
    ]  # fmt: skip
    assert proof.asked == [
        "oldest first", "newest first by calendar", "canceled apart", "canceled by calendar",
        "by type", "to come apart",
    ]  # fmt: skip


def just_walked(account: Account, **cursor: Any) -> None:
    began = timezone.now().isoformat()
    months = {"2025-05": len(account.book.rows)}
    account.walked(**{"months": months, "began": began, "longest": 5} | cursor)


def test_what_the_import_has_just_walked_is_not_walked_again(account: Account) -> None:
    just_walked(account)

    proof = account.proven()

    assert account.book.asked[:3] == BY_CALENDAR
    assert all(asked["direction"] == "DESC" for asked in account.book.asked)
    assert (proof.gaps, proof.saved, proof.said.scope["listed"]) == ([], [], 5)
    assert proof.asked[:3] == [
        "oldest first by the import", "newest first by calendar", "canceled apart"
    ]  # fmt: skip
    # Progress is told by each calendar's bookings.
    assert proof.count == 4


@pytest.mark.parametrize(
    ("position", "cursor"),
    [
        ({"anew": True}, {}),
        ({}, {"began": "2025-05-05T00:00:00+00:00"}),
        ({}, {"ignored": ["maxDate"]}),
        ({}, {"months": {"2025-05": 4}}),
        ({}, {"months": None}),
    ],
)
def test_it_is_walked_again_if_it_was_not_straight_or_not_just_now(
    account: Account, position: dict[str, Any], cursor: dict[str, Any]
) -> None:
    just_walked(account, **cursor)

    proof = account.proven(**position)

    assert account.book.asked[0] == OLDEST | {"minDate": FIRST, "max": "1"}
    assert (proof.asked[0], proof.gaps) == ("oldest first", [])


def earlier(account: Account, **fields: Any) -> ImportRun:
    """Another run, which was proven yesterday."""
    usual: dict[str, Any] = {
        "status": "completed",
        "verified": True,
        "verified_at": timezone.now() - timedelta(days=1),
        "scope": {"appointments": {"evidence": ["oldest first", "newest first by calendar"]}},
    }
    return ImportRun.objects.create(account=account.run.account, **usual | fields)


def test_an_earlier_proof_is_leaned_on_and_only_the_latest_are_asked_for(account: Account) -> None:
    earlier(account)
    just_walked(account)

    proof = account.proven()

    assert account.book.asked == [BETWEEN]
    assert (proof.gaps, proof.saved, proof.said.scope["listed"]) == ([], [], 5)
    assert proof.asked[0].startswith("the import's own pages; cut differently at ")
    assert proof.asked[1:] == ["the latest, newest first"]


def test_more_kinds_of_questions_are_asked_if_they_are_few_or_the_proof_is_anew(
    account: Account,
) -> None:
    def kinds(proof: Proven) -> set[str]:
        return {*proof.asked} & {*cuts.FURTHER}

    # With two calendars' canceled ones and what is to come: eight, then nine.
    for n in range(1, 5):
        AppointmentType.objects.create(
            **account.run.account.marks, external_id=str(90 + n), name="Else"
        )
    assert kinds(account.proven()) == {*cuts.FURTHER}
    AppointmentType.objects.create(**account.run.account.marks, external_id="99", name="Else")
    assert kinds(account.proven()) == set()
    assert kinds(account.proven(anew=True)) == {*cuts.FURTHER}


def test_a_run_of_some_days_asks_for_these_and_a_day_more(account: Account) -> None:
    account.run.min_date, account.run.max_date = date(2025, 5, 2), date(2025, 5, 4)
    account.book.rows[0]["price"] = "60.00"
    account.book.rows[1]["price"] = "60.00"

    proof = account.proven()

    days = {"minDate": "2025-05-01", "maxDate": "2025-05-05"}
    assert account.book.asked[0] == OLDEST | days | MOST
    assert {(asked["minDate"], asked["maxDate"]) for asked in account.book.asked} >= {
        ("2025-05-01", "2025-05-05")
    }
    assert all(asked["minDate"] >= "2025-05-01" for asked in account.book.asked)
    # Of the days that were not asked about nothing is said.
    assert (proof.saved, proof.gaps) == (["2"], [])
    assert (proof.said.scope["listed"], proof.said.scope["stored"]) == (3, 3)
    # Nothing is to come before the last day.
    assert "to come apart" not in proof.asked


# What is found


def test_what_is_missing_new_or_stored_otherwise_is_asked_for_by_its_id(account: Account) -> None:
    book = account.book.rows
    book[0]["price"] = "60.00"
    rows(2).delete()
    book.append(told(6))
    book[2]["email"] = "new@example.com"

    proof = account.proven()

    assert proof.saved == ["1", "2", "3", "6"]
    assert (account.book.singly, proof.gaps) == (proof.saved, [])
    assert (row(1).price, row(3).email) == (60, "new@example.com")
    assert (proof.said.scope["listed"], proof.said.scope["stored"]) == (6, 6)


def test_a_proof_has_nothing_to_say_of_what_it_mended(account: Account) -> None:
    rows(2).delete()
    account.book.rows[0]["price"] = "60.00"
    account.proven()

    assert account.proven(anew=True).saved == []


def test_what_belongs_to_somebody_or_something_else_by_hand_is_found(account: Account) -> None:
    marks = account.run.account.marks
    other = Client.objects.create(**marks, external_id="bea", first_name="Bea")
    rows(1).update(client=other)
    rows(2).update(calendar=Calendar.objects.get(external_id="1"))
    rows(3).update(appointment_type=None)

    proof = account.proven()

    assert (proof.saved, proof.gaps) == (["1", "2", "3"], [])
    assert row(1).client.first_name == "Ann"
    assert (row(2).calendar_id, row(3).appointment_type.external_id) == (
        Calendar.objects.get(external_id="2").pk,
        "7",
    )


def test_a_client_who_is_another_one_by_now_is_found(account: Account) -> None:
    """The bookings are as they were, and their client was merged meanwhile."""
    ann = row(1).client
    marks = account.run.account.marks
    ann.merged_into = Client.objects.create(**marks, external_id="bea", first_name="Bea")
    ann.save()

    proof = account.proven()

    assert (proof.saved, proof.gaps) == (["1", "2", "3", "4", "5"], [])
    assert row(1).client == ann.merged_into


@pytest.mark.parametrize("anew", [False, True])
def test_a_column_altered_by_hand_is_found_by_proving_again(account: Account, anew: bool) -> None:
    rows(3).update(price=1)
    rows(4).update(canceled=False)

    proof = account.proven(anew=anew)

    # The canceled one is asked for otherwise in vain, as what it is stored as.
    assert {*proof.saved} == ({"3", "4"} if anew else {"4"})
    assert proof.gaps == []
    assert (row(3).price, row(4).canceled) == (50 if anew else 1, True)
    way = "stored rows compared column by column"
    assert (way in proof.said.scope["evidence"]) is anew


def test_what_was_rejected_is_not_asked_for_at_every_question(account: Account) -> None:
    account.book.rows += [told(6, price="much"), told(7, price="more")]
    account.store()
    assert RejectedRecord.objects.filter(external_id="7").update(resolved_at=timezone.now())

    proof = account.proven()

    # By the walk, and by each look at its month; the other questions need not. It is told as rejected.
    assert account.book.singly == ["6", "7"] * 3
    assert (proof.gaps, proof.said.scope["listed"], proof.said.scope["stored"]) == ([], 7, 5)


# What is gone, and what is not


def test_what_answers_to_its_id_and_is_in_no_listing_is_kept_and_named(account: Account) -> None:
    account.book.hides = lambda row, asked: row["id"] in (2, 5)

    proof = account.proven()

    assert {*account.book.singly} == {"2", "5"}
    # Nor has any other question shown all that there is.
    assert (proof.gone, proof.kinds) == ([], ["unlisted", "listing"])
    gap = proof.gaps[0]
    assert (gap.missing, gap.ids, gap.month) == (2, ["2", "5"], "")
    assert gap.reason == (
        "2 bookings exist that no listing shows (2, 5); others may too. All of them are in 2025-05."
        " All of them are in calendar Chair 2."
    )
    assert not Appointment.objects.exclude(removed_at=None, missing_since=None).exists()


def test_gone_is_only_what_was_denied_in_two_looks_a_minute_apart(account: Account) -> None:
    gone = row(2).pk
    del account.book.rows[1]

    first = account.proven()

    assert (first.gone, first.kinds) == ([], ["removals"])
    assert first.gaps[0].missing == 1
    for seconds, pks in ((55, []), (65, [gone])):
        rows(2).update(missing_since=timezone.now() - timedelta(seconds=seconds))
        proof = account.proven()
        assert (proof.gone, bool(proof.gaps)) == (pks, not pks)
    assert row(2).removed_at and account.proven().gaps == []
    assert not Appointment.objects.exclude(pk=gone).exclude(missing_since=None).exists()


def test_what_answers_again_was_not_denied_twice(account: Account) -> None:
    rows(2).update(missing_since=timezone.now() - timedelta(hours=1))
    rows(3).update(missing_since=timezone.now() - timedelta(hours=1))
    del account.book.rows[1]
    account.book.by_id = {2: told(2)}

    proof = account.proven()

    assert (proof.gone, proof.kinds) == ([], ["unlisted"])
    assert not Appointment.objects.exclude(missing_since=None).exists()


def test_a_refusal_at_its_own_address_is_no_denial(account: Account) -> None:
    rows(2).update(missing_since=timezone.now() - timedelta(hours=1))
    del account.book.rows[1]
    account.book.by_id = {2: Forbidden(status=403)}

    proof = account.proven()

    assert (proof.gone, row(2).removed_at) == ([], None)
    assert [(gap.kind, gap.month, gap.extra) for gap in proof.gaps] == [("unlisted", "2025-05", 1)]


@pytest.mark.parametrize("accepted", [False, True])
@pytest.mark.parametrize(("denied", "believed"), [(20, True), (21, False)])
def test_so_many_are_gone_only_if_somebody_says_so(
    account: Account, denied: int, believed: bool, accepted: bool
) -> None:
    vanished = [
        told(100 + n) | {"datetime": f"2025-06-{n + 1:02}T12:00:00Z"} for n in range(denied)
    ]
    account.store(vanished)
    pks = {*rows(*range(100, 130)).values_list("pk", flat=True)}
    Appointment.objects.filter(pk__in=pks).update(missing_since=timezone.now() - timedelta(hours=1))
    account.run.accept_removals = accepted

    proof = account.proven()

    goes = believed or accepted
    assert {*proof.gone} == (pks if goes else set())
    assert proof.kinds == ([] if goes else ["removals"])
    assert goes or proof.gaps[0].missing == 21


def test_of_many_bookings_a_fiftieth_may_be_gone(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "MANY_GONE", 1)
    more = [told(100 + n, f"2025-06-{n % 28 + 1:02}") for n in range(95)]
    account.store(more)
    account.book.rows += more[:-2]
    Appointment.objects.update(missing_since=timezone.now() - timedelta(hours=1))

    proof = account.proven()

    assert (len(proof.gone), proof.gaps) == (2, [])
    # Two of 98 are more than that.
    account.book.rows = account.book.rows[:-2]
    Appointment.objects.update(missing_since=timezone.now() - timedelta(hours=1))
    proof = account.proven()
    assert (proof.gone, [(gap.kind, gap.missing) for gap in proof.gaps]) == (
        [],
        [("removals", 2)],
    )


def test_only_so_many_are_asked_for_by_their_id(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "MOST_UNLISTED", 2)
    monkeypatch.setattr(otherwise, "ASKED", 0)
    account.book.hides = lambda row, asked: row["id"] in (1, 2, 3)

    proof = account.proven()

    assert {*account.book.singly} == {"1", "2"}
    gap, rest, *_ = proof.gaps
    assert gap.reason.startswith("At least 2 bookings exist that no listing shows (1, 2)")
    assert (rest.kind, rest.month, rest.extra) == ("unlisted", "2025-05", 1)


def test_a_listing_without_any_booking_is_not_believed(account: Account) -> None:
    account.book.hides = lambda row, asked: True

    proof = account.proven()

    assert (proof.gone, proof.kinds) == ([], ["unlisted", "listing"])
    assert (proof.gaps[0].missing, proof.said.scope["listed"]) == (5, 0)


def test_an_account_without_bookings_is_whole(run: ImportRun) -> None:  # noqa: F811
    proof = Account(run, Book([])).proven()

    assert (proof.gaps, proof.said.scope["listed"], proof.saved) == ([], 0, [])


def test_what_moved_out_of_the_days_is_stored_where_it_is_now(account: Account) -> None:
    account.run.min_date, account.run.max_date = date(2025, 5, 1), date(2025, 5, 31)
    account.book.rows[1] = told(2, "2025-06-01", calendar=2)
    account.book.rows[2] = told(3, "2025-07-20")

    proof = account.proven()

    # Neither is missing from the listing of May.
    assert ({*proof.saved}, proof.gaps, proof.gone) == ({"2", "3"}, [], [])
    assert (str(row(2).service_date), str(row(3).service_date)) == ("2025-06-01", "2025-07-20")
    assert (proof.said.scope["listed"], proof.said.scope["stored"]) == (3, 3)


# What only some questions show


def by_calendar(asked: dict[str, str]) -> bool:
    return "calendarID" in asked and "canceled" not in asked


@pytest.mark.parametrize("reused", [False, True])
def test_what_a_calendar_does_not_show_is_asked_for_and_another_question_put(
    account: Account, reused: bool
) -> None:
    account.book.hides = lambda row, asked: by_calendar(asked) and row["id"] == 5
    if reused:
        just_walked(account)

    proof = account.proven()

    # It is there: the calendar's answer does not show all, and what does is asked without it.
    assert ({*proof.saved}, proof.gaps, proof.gone) == ({"5"}, [], [])
    assert (proof.asked[0], proof.said.ignored) == ("oldest first", ["calendarID"])
    assert BETWEEN in account.book.asked
    assert {"newest first, between two days", "canceled apart"} <= {*proof.asked}
    assert "newest first by calendar" not in proof.asked


def test_what_no_other_question_shows_is_a_gap(account: Account) -> None:
    account.book.hides = lambda row, asked: row["id"] == 5 and asked["direction"] == "DESC"

    proof = account.proven()

    assert [(gap.kind, gap.missing) for gap in proof.gaps] == [("listing", None)]
    assert proof.gaps[0].reason == (
        "Acuity answers no other question with all the bookings that it lists: whether there are more"
        " cannot be told."
    )


@pytest.mark.parametrize("reused", [False, True])
def test_what_only_another_question_shows_is_stored(account: Account, reused: bool) -> None:
    """Each calendar shows a booking that the walk has not, and no listing of its month."""
    if reused:
        just_walked(account)
    account.book.rows += [told(6, calendar=2), told(7, canceled=True)]
    account.book.hides = lambda row, asked: row["id"] > 5 and "showall" in asked

    proof = account.proven()

    assert {*proof.saved} == {"6", "7"} and row(6).calendar_name == "Chair 2"
    assert (proof.asked[0], proof.said.scope["stored"]) == ("oldest first", 7)
    # By one listing of two, which counts; or it is said that the other does not show it.
    assert proof.said.scope["listed"] == (6 if reused else 7)
    assert proof.kinds == (["unlisted"] if reused else [])
    # Its month was listed once more.
    assert "2025-06-01" in str(account.book.asked)


def test_what_another_question_tells_otherwise_is_asked_for_by_its_id(account: Account) -> None:
    def stale(row: Told, asked: dict[str, str]) -> Told:
        old = row["id"] in (3, 4) and "calendarID" in asked
        return row | {"price": "10.00"} if old else row

    account.book.tells = stale

    proof = account.proven()

    assert {*proof.saved} == {"3", "4"} == {*account.book.singly}
    assert (proof.gaps, row(3).price) == ([], 50)


def test_two_tellings_in_one_answer_are_asked_for_by_the_id(account: Account) -> None:
    account.book.rows.append(told(3, price="10.00"))
    account.book.by_id = {3: told(3)}

    proof = account.proven()

    assert {*proof.saved} == {"3"}
    assert (proof.gaps, row(3).price) == ([], 50)


PARAMETERS = [
    ("calendarID", ["canceled apart", "newest first, between two days", "by type"]),
    ("canceled", ["newest first by calendar", "canceled ones too, by calendar", "by type"]),
    ("appointmentTypeID", ["newest first by calendar", "canceled apart", "canceled by calendar"]),
    ("showall", ["newest first by calendar", "canceled apart", "canceled by calendar"]),
]


@pytest.mark.parametrize(("parameter", "instead"), PARAMETERS)
def test_what_a_source_takes_no_notice_of_is_said_and_not_leaned_on(
    account: Account, parameter: str, instead: list[str]
) -> None:
    account.book.rows.append(told(10, "2025-05-02", calendar=3, appointmentTypeID=8))
    account.store()
    account.book.ignores = {parameter}

    proof = account.proven()

    assert (proof.asked, proof.saved, proof.gaps) == (
        ["oldest first", *instead, "to come apart"],
        # Canceled: the one that a type's question, too, should have shown.
        ["4"] if parameter == "showall" else [],
        [],
    )
    assert proof.said.ignored == [parameter]
    assert (proof.said.scope["listed"], proof.said.scope["stored"]) == (6, 6)
    # Whoever disobeys once is not asked so again, but by the walk.
    if parameter != "showall":
        assert sum(parameter in asked for asked in account.book.asked) == 1


def test_where_every_other_question_is_disobeyed_there_is_a_gap(account: Account) -> None:
    account.book.ignores = {"calendarID", "canceled", "appointmentTypeID"}
    account.book.rows.append(told(10, "2025-05-02", appointmentTypeID=8))
    account.store()

    proof = account.proven()

    assert (proof.kinds, proof.saved) == (["listing"], [])
    assert proof.said.ignored == ["appointmentTypeID", "calendarID", "canceled"]


@pytest.mark.parametrize("reused", [False, True])
def test_the_other_questions_go_on_where_their_answers_are_cut(
    account: Account, reused: bool
) -> None:
    account.book.rows += [told(n, calendar=n % 2 + 1, canceled=n % 5 == 0) for n in range(10, 25)]
    account.store()
    account.book.cut = 4
    if reused:
        just_walked(account, months={"2025-05": 20}, longest=4)

    proof = account.proven()

    assert (proof.gaps, proof.saved, proof.said.scope["listed"]) == ([], [], 20)
    assert {"newest first by calendar", "canceled apart"} <= {*proof.asked}
    last_days = [
        asked["maxDate"] for asked in account.book.asked
        if asked.get("calendarID") == "1" and "canceled" not in asked
    ]  # fmt: skip
    # Each time from the last day of the oldest that was shown.
    assert last_days == [LAST, "2025-05-16", "2025-05-03"]


@pytest.mark.parametrize("way", ["cut", "asked for so many"])
def test_what_is_hidden_behind_a_cut_is_found(account: Account, way: str) -> None:
    account.book.rows += [told(n, calendar=n % 2 + 1, canceled=n % 5 == 0) for n in range(10, 25)]
    account.store()
    if way == "cut":
        account.book.cut = 4
    else:
        account.position = {"listing": 4}
    account.book.hides = lambda row, asked: by_calendar(asked) and row["id"] in (1, 14)

    proof = account.proven()

    assert ({*proof.saved}, proof.gaps) == ({"1", "14"}, [])
    assert proof.said.ignored == ["calendarID"]


def test_a_source_that_knows_no_order_is_asked_by_windows_of_days(account: Account) -> None:
    account.book.rows += [told(n, calendar=n % 2 + 1, canceled=n % 5 == 0) for n in range(10, 25)]
    account.store()
    account.book.ignores, account.book.cut = {"direction"}, 4

    proof = account.proven()

    # What a calendar's first answer lacks may stand behind it: by no filter is that to be seen.
    assert (proof.saved, proof.gaps, proof.said.ignored) == ([], [], ["direction"])
    ways = {"canceled apart", "newest first, between two days"}
    assert ways <= {*proof.asked} and "newest first by calendar" not in proof.asked
    assert {
        "minDate": "2050-01-01",
        "maxDate": LAST,
        "direction": "ASC",
    } | MOST in account.book.asked


def test_what_windows_of_days_do_not_show_is_asked_for(account: Account) -> None:
    account.book.rows += [told(n, calendar=n % 2 + 1, canceled=n % 5 == 0) for n in range(10, 25)]
    account.store()
    account.book.ignores, account.book.cut = {"direction"}, 4
    account.book.hides = lambda row, asked: "showall" not in asked and row["id"] in (12, 15)

    proof = account.proven()

    assert ({*proof.saved}, proof.kinds) == ({"12", "15"}, ["listing"])


def test_a_day_that_no_question_can_divide_is_a_gap(account: Account) -> None:
    account.book.rows += [told(n, "2025-05-10") for n in range(10, 15)]
    account.store()
    account.book.cut = 3

    proof = account.proven()

    day, hidden = proof.gaps
    assert (day.kind, day.day, day.listed) == ("day", "2025-05-10", 3)
    assert (hidden.kind, hidden.missing, hidden.ids) == ("unlisted", 2, ["13", "14"])
    # Behind that day the other questions go on with the day before.
    asked = [asked for asked in account.book.asked if by_calendar(asked) and len(asked) == 5]
    assert [each["maxDate"] for each in asked if each["direction"] == "DESC"][:3] == [
        LAST,
        "2025-05-10",
        "2025-05-09",
    ]


def test_members_in_another_order_are_no_change(account: Account) -> None:
    """In one listing, in another, twice in one answer; and one that says something else in it."""

    def turned(row: Told, asked: dict[str, str]) -> Told:
        return dict(reversed(row.items()))

    account.book.tells = turned
    account.book.rows.append(told(3))
    assert account.proven().saved == account.book.singly == []

    account.book.rows.append(told(3, price="10.00"))
    account.book.by_id = {3: told(3)}
    assert {*account.proven().saved} == {"3"}
    account.book.rows = [*account.book.rows[:2], told(3, price="10.00"), *account.book.rows[3:-1]]
    assert {*account.proven().saved} == {"3"}


def test_what_is_in_no_listing_and_has_no_readable_time_is_named(account: Account) -> None:
    account.book.by_id = {2: told(2) | {"datetime": "soon"}}
    del account.book.rows[1]

    proof = account.proven()

    assert proof.gaps[0].ids == ["2"] and proof.gone == []


def test_a_month_that_does_not_add_up_is_listed_twice_more(account: Account) -> None:
    account.book.rows += [told(30, "2025-06-30"), told(31, "2025-07-01"), told(32, "2025-12-31")]
    account.store()

    def is_a_look_at_months(asked: dict[str, str]) -> bool:
        return {"showall", "maxDate"} <= {*asked} and asked["direction"] == "ASC"

    account.book.hides = lambda row, asked: row["id"] in (30, 32) and not is_a_look_at_months(asked)

    proof = account.proven()

    looks = [asked for asked in account.book.asked if is_a_look_at_months(asked)]
    days = [(asked["minDate"], asked["maxDate"]) for asked in looks]
    firsts = [each for each, _ in itertools.groupby(days) if each in MONTHS]
    # A day more on each side, and each of them twice.
    assert firsts == [*MONTHS, *MONTHS]
    assert (proof.cursor.hidden, proof.saved[-2:]) == ({}, ["30", "32"])
    assert proof.said.scope["listed"] == 8


MONTHS = [("2025-05-31", "2025-07-01"), ("2025-11-30", "2026-01-01")]


def test_leaning_on_an_earlier_proof_nothing_is_asked_where_a_booking_has_no_calendar(
    account: Account,
) -> None:
    account.book.rows[0]["calendarID"] = None
    account.store()
    earlier(account)
    just_walked(account)

    proof = account.proven()

    assert (account.book.asked, proof.gaps, proof.said.scope["listed"]) == ([], [], 5)
    assert len(proof.asked) == 1
    assert proof.asked[0].startswith("the import's own pages; cut differently at ")


def test_no_more_is_asked_for_than_a_source_allows(account: Account) -> None:
    def sizes() -> set[str]:
        proof = account.proven()
        assert proof.gaps == proof.saved == []
        return {asked["max"] for asked in account.book.asked}

    just_walked(account, ceiling=3)
    assert sizes() == {"3"}
    account.book.asked, account.position = [], {"listing": 2}
    assert sizes() == {"2"}


def test_an_answer_longer_than_any_of_the_walk_was_not_cut(account: Account) -> None:
    just_walked(account, longest=1)

    assert account.proven().gaps == []
    assert account.book.asked[:2] == BY_CALENDAR[:2]


@pytest.mark.parametrize("there", [False, True])
def test_leaning_on_an_earlier_proof_is_over_where_the_latest_are_otherwise(
    account: Account, there: bool
) -> None:
    earlier(account)
    just_walked(account)
    if there:
        account.book.rows.append(told(6))
    else:
        account.book.hides = lambda row, asked: row["id"] == 3 and asked == BETWEEN

    proof = account.proven()

    assert account.book.asked[:2] == [BETWEEN, OLDEST | {"minDate": FIRST, "max": "1"}]
    assert proof.asked[:2] == ["oldest first", "newest first by calendar"]
    assert (proof.saved, proof.gaps) == (["6"] if there else [], [])
    # Only once, though both have shown it.
    assert account.book.singly == proof.saved


def test_leaning_on_an_earlier_proof_takes_one_question(account: Account) -> None:
    earlier(account)
    just_walked(account, longest=2)
    account.position = {"listing": 2}
    account.book.rows[4]["price"] = "60.00"

    proof = account.proven()

    assert account.book.asked == [BETWEEN | {"max": "2"}]
    assert (proof.saved, proof.gaps) == (["5"], [])


@pytest.mark.parametrize("lie", ["calendarID", "a crowded day"])
def test_what_the_import_walked_is_walked_again_where_another_question_says_nothing(
    account: Account, lie: str
) -> None:
    if lie == "calendarID":
        account.book.ignores = {lie}
        just_walked(account)
    else:
        kinds = [told(n, "2025-05-03", appointmentTypeID=n) for n in range(10, 14)]
        account.book.rows += kinds
        account.store()
        account.book.cut = 3
        just_walked(account, months={"2025-05": 9}, longest=3)

    proof = account.proven()

    assert OLDEST | {"minDate": FIRST, "max": "1"} in account.book.asked
    assert (proof.asked[0], proof.saved, proof.gaps) == ("oldest first", [], [])


def test_progress_is_told_by_what_was_compared(account: Account) -> None:
    assert [*account.proven().totals] == [5]
    account.position = {"total": 9}
    assert [*account.proven().totals] == [9]
    just_walked(account)
    assert account.proven().totals == {5}


def test_the_next_page_of_the_listing_is_fetched_ahead(account: Account) -> None:
    account.prefetch = True

    account.proven()

    assert account.book.ahead == [OLDEST | {"minDate": "2025-05-05", "max": "2501"}]
    assert account.book.ahead[0] == account.book.asked[2]


def test_a_calendar_that_only_another_question_names_is_asked_for_too(account: Account) -> None:
    """Its canceled booking comes apart; of the others the listing says nothing, nor the calendars."""
    account.book.rows += [told(6, calendar=10, canceled=True), told(7, calendar=10)]
    for n in range(9):
        AppointmentType.objects.create(
            **account.run.account.marks, external_id=str(90 + n), name="Else"
        )
    account.book.hides = lambda row, asked: (
        row["calendarID"] == 10 and not {"calendarID", "canceled"} & {*asked}
    )

    proof = account.proven()

    assert ({*proof.saved}, rows(6, 7).count()) == ({"6", "7"}, 2)
    assert BETWEEN | {"calendarID": "10"} in account.book.asked


def meanwhile(account: Account, asked_so: Told, key: int, **changes: Any) -> None:
    """A booking becomes another one just before this question is asked."""

    def change(asked: dict[str, str]) -> None:
        if asked_so.items() <= asked.items():
            next(one for one in account.book.rows if one["id"] == key).update(changes)

    account.book.before = change


AHEAD = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}"


@pytest.mark.parametrize(
    ("asked", "key", "changes", "kind"),
    [
        (NEWEST | {"calendarID": "2"}, 5, {"calendarID": 1}, "newest first by calendar"),
        (NEWEST | {"calendarID": "2"}, 5, {"canceled": True}, "newest first by calendar"),
        (BETWEEN | CANCELED, 4, {"canceled": False}, "canceled apart"),
        (NEWEST | {"appointmentTypeID": "7"}, 3, {"appointmentTypeID": 8}, "by type"),
        (
            NEWEST | {"minDate": tomorrow()},
            6,
            {"datetime": "2025-05-05T12:00:00-0400"},
            "to come apart",
        ),
    ],
)
def test_what_became_another_one_meanwhile_is_no_fault_of_an_answer(
    account: Account, asked: Told, key: int, changes: Told, kind: str
) -> None:
    account.book.rows.append(told(6, AHEAD))
    account.store()
    meanwhile(account, asked, key, **changes)

    proof = account.proven()

    assert ({*proof.saved}, proof.gaps, proof.said.ignored) == ({str(key)}, [], [])
    assert kind in proof.asked


@pytest.mark.parametrize(
    ("asked", "key", "kind", "ignored"),
    [
        (NEWEST | {"calendarID": "2"}, 5, "newest first by calendar", "calendarID"),
        (BETWEEN | CANCELED, 4, "canceled apart", "canceled"),
        (NEWEST | {"appointmentTypeID": "7"}, 3, "by type", "appointmentTypeID"),
        (NEWEST | {"appointmentTypeID": "7"}, 4, "by type", "showall"),
        (NEWEST | CANCELED | {"calendarID": "1"}, 4, "canceled by calendar", "calendarID"),
        (NEWEST | {"minDate": tomorrow()}, 6, "to come apart", "maxDate"),
    ],
)
def test_what_an_answer_should_have_shown_is_asked_for(
    account: Account, asked: Told, key: int, kind: str, ignored: str
) -> None:
    account.book.rows.append(told(6, AHEAD))
    account.store()
    account.book.hides = lambda row, told: row["id"] == key and asked.items() <= told.items()

    proof = account.proven()

    assert ({*proof.saved}, proof.gaps, proof.said.ignored) == ({str(key)}, [], [ignored])
    assert kind not in proof.asked


def test_what_may_be_of_today_in_some_zone_need_not_be_to_come(account: Account) -> None:
    account.book.rows.append(told(6, f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d}"))
    account.store()
    account.book.hides = lambda row, asked: row["id"] == 6 and asked["minDate"] == tomorrow()

    assert account.proven().saved == []


@pytest.mark.parametrize(("days", "asked"), [(0, True), (-1, False)])
def test_what_is_to_come_is_asked_for_where_the_run_has_such_days(
    account: Account, days: int, asked: bool
) -> None:
    account.run.max_date = datetime.now(UTC).date() + timedelta(days=days)

    proof = account.proven()

    assert ("to come apart" in proof.asked) is asked
    last = f"{account.run.max_date + timedelta(days=1)}"
    canceled = NEWEST | MOST | CANCELED | {"maxDate": last, "calendarID": "1"}
    assert canceled in account.book.asked
    assert OLDEST | {"minDate": FIRST, "max": "1"} in account.book.asked


@pytest.mark.parametrize(("key", "asked"), [(1, True), (4, False)])
def test_where_a_booking_has_no_calendar_all_are_asked_for_at_once(
    account: Account, key: int, asked: bool
) -> None:
    """Unless it is canceled: those are asked for without a calendar anyway."""
    account.book.rows[key - 1]["calendarID"] = None
    account.store()

    proof = account.proven()

    assert ("newest first, between two days" in proof.asked, proof.gaps) == (asked, [])


@pytest.mark.parametrize("lacks", ["", "calendarID", "appointmentTypeID"])
def test_where_canceled_ones_cannot_be_asked_for_another_way_must_show_all(
    account: Account, lacks: str
) -> None:
    if lacks:
        account.book.rows[3][lacks] = None
        account.store()
    account.book.ignores = {"canceled"}
    if lacks != "appointmentTypeID":
        # So many that types are not asked for.
        for n in range(9):
            AppointmentType.objects.create(
                **account.run.account.marks, external_id=str(90 + n), name="Else"
            )
    else:
        account.book.rows[0]["calendarID"] = None
        account.store()

    proof = account.proven()

    assert "canceled ones too, by calendar" in proof.asked
    assert proof.kinds == (["listing"] if lacks else [])


def test_a_source_that_gives_more_than_it_was_asked_for_is_believed(account: Account) -> None:
    account.book.ignores = {"max"}
    account.position = {"listing": 2}

    proof = account.proven()

    assert (proof.gaps, proof.saved, proof.said.ignored) == ([], [], ["max"])


@pytest.mark.parametrize("listing", [1, 2, 3])
def test_a_listing_is_compared_page_by_page(account: Account, listing: int) -> None:
    account.book.rows += [told(n, "2025-05-03") for n in (6, 7)]
    account.book.rows += [told(8, "2025-05-04"), told(9, "2025-06-09"), told(10, "2025-07-09")]
    account.store()
    gone = told(20, "2025-05-03"), told(21, "2025-04-20"), told(22, "2025-08-01")
    account.store(gone)
    account.position = {"listing": listing}

    proof = account.proven()

    assert (proof.saved, proof.cursor.pending, proof.kinds) == ([], 3, ["removals"])
    # And only of these was it asked if they are gone: thrice, by the two looks and by what they lack.
    assert {*account.book.singly} == {"20", "21", "22"}
    assert proof.said.scope["listed"] == 10
    assert {month: n for month, n in proof.cursor.months.items() if n} == {
        "2025-05": 8, "2025-06": 1, "2025-07": 1,
    }  # fmt: skip


@pytest.mark.parametrize("shown_to", [{"max": "1"}, {"max": "1251"}])
def test_what_only_the_first_or_the_last_question_of_a_walk_shows_is_stored(
    account: Account, shown_to: dict[str, str]
) -> None:
    account.book.rows.append(told(6, "2025-04-01", calendar=2))
    account.book.hides = lambda row, asked: row["id"] == 6 and not shown_to.items() <= asked.items()

    proof = account.proven()

    assert proof.saved[0] == "6" and row(6).calendar_name == "Chair 2"
    assert proof.cursor.apart == {"6": "2025-04"}


def test_what_a_source_that_shows_the_newest_first_lists_is_counted_once(account: Account) -> None:
    account.book.ignores, account.book.always = {"direction"}, "DESC"
    account.position = {"listing": 3}

    proof = account.proven()

    assert (proof.saved, proof.gaps, proof.said.ignored) == ([], [], ["direction"])
    assert proof.said.scope["listed"] == 5


def test_a_row_at_the_head_of_answers_where_it_does_not_belong_says_nothing(
    account: Account,
) -> None:
    """Of an answer with few rows nobody could tell, had a longer one not shown it before."""
    account.book.rows += [told(n, calendar=n % 2 + 1, canceled=n % 5 == 0) for n in range(10, 25)]
    account.store()
    account.book.cut = 5
    stray = account.book.rows[4]
    account.book.heads = lambda asked: [stray] if asked.get("calendarID") == "1" else []

    proof = account.proven()

    assert (proof.gaps, proof.saved, proof.said.ignored) == ([], [], [])
    assert "newest first by calendar" in proof.asked
