"""What does the proof say of clients? Lists made up here, stored and compared without an import."""

import json
from collections.abc import Callable
from typing import Any, cast

import pytest

from bookings.models import Client
from integrations.acuity.resources.base import BY_COLUMN, BY_DIGEST, Context
from integrations.acuity.resources.clients.check import compare_all, scope
from integrations.acuity.resources.clients.save import save_clients
from integrations.acuity.resources.scope import Scope
from integrations.acuity.source.fetching import Fetcher
from integrations.models import ImportRun
from tests.proof.test_rules import run  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.database]
NAMES = ["Ann", "Bea", "Cid", "Dan", "Eve"]


def person(name: str, **fields: Any) -> dict[str, Any]:
    usual = {"firstName": name, "lastName": "Lee", "email": f"{name.lower()}@example.com"}
    return {**usual, "phone": "", "notes": "", **fields}


class People:
    """A client list; `hides` are those whom only a search for their whole name shows."""

    def __init__(self, *people: Any) -> None:
        self.people = list(people)
        self.hides: set[str] = set()
        self.cut: int | None = None
        self.searched: list[str] = []
        self.hook: Callable[[str], None] = lambda search: None

    def get(self, path: str, read: Any, search: str = "") -> list[bytes]:
        assert path == "/clients"
        self.searched += [search] * bool(search)
        self.hook(search)
        found = [p for p in self.people if self._shown(p, search)]
        return [json.dumps(p).encode() for p in found[: self.cut]]

    def _shown(self, one: Any, search: str) -> bool:
        name = str(one["firstName"])
        if name in self.hides:
            return search == name
        return search.lower() in name.lower()


@pytest.fixture
def people() -> People:
    return People(*map(person, NAMES))


@pytest.fixture
def context(run: ImportRun, people: People) -> Context:  # noqa: F811
    context = Context.of(Scope.of(run), cast(Fetcher, people))
    save_clients(context, [[one] for one in people.people])
    return context


def names(groups: list[list[Any]]) -> list[str]:
    return [group[0]["firstName"] for group in groups]


def test_a_list_that_is_stored_as_it_is_has_nothing_to_say(context: Context) -> None:
    changed, left, facts, gaps = compare_all(context)

    assert (changed, left, gaps) == ([], [], [])
    assert (facts["people"], facts["entries"], facts["alike"], facts["cut"]) == (5, 5, True, False)


def test_who_is_new_other_or_stored_otherwise_is_written_again(
    context: Context, people: People
) -> None:
    people.people[1]["notes"] = "tea"
    people.people += [person("Fay"), person("Gus", firstName={"no": "text"})]
    Client.objects.filter(first_name="Dan").update(phone="1")

    changed, left, facts, gaps = compare_all(context)

    # Whom nobody can read was rejected already.
    assert (names(changed), left, gaps) == (["Bea", "Dan", "Fay"], [], [])
    assert facts["people"] == 5


def test_who_is_listed_no_longer_is_named(context: Context, people: People) -> None:
    del people.people[2]

    changed, left, facts, gaps = compare_all(context)

    gone = Client.objects.get(first_name="Cid")
    assert (changed, left, gaps, facts["people"]) == ([], [gone.pk], [], 4)
    # They were searched for by their name first.
    assert people.searched[-1] == "Cid"
    assert compare_all(context)[1] == [gone.pk]
    Client.objects.filter(pk=gone.pk).update(listed=False)
    assert compare_all(context)[1] == []


def test_nobody_is_taken_off_a_list_that_is_cut(context: Context, people: People) -> None:
    people.cut = 3

    _, left, facts, gaps = compare_all(context)

    assert (left, facts["cut"], [gap.kind for gap in gaps]) == ([], True, ["clients"])


def test_nobody_is_taken_off_a_list_whose_search_shows_them(
    context: Context, people: People
) -> None:
    people.hides = {"Cid", "Eve"}
    people.people[0]["notes"] = "tea"

    changed, left, facts, gaps = compare_all(context)

    assert (names(changed), left, facts["cut"], facts["people"]) == (["Ann"], [], True, 3)
    assert [(gap.kind, gap.found) for gap in gaps] == [("clients", 2)]


def test_who_came_while_it_was_read_is_compared_anew(context: Context, people: People) -> None:
    people.hides = {"Cid"}

    def comes(search: str) -> None:
        if search == "Cid":
            people.hides = set()

    people.hook = comes

    changed, left, facts, gaps = compare_all(context)

    assert (changed, left, gaps, facts["people"]) == ([], [], [], 5)


def test_a_list_that_is_never_the_same_is_read_so_many_times(
    context: Context, people: People
) -> None:
    def comes(search: str) -> None:
        # Shown by the list right after they are searched for, and hidden at its next reading.
        people.hides = set() if not search and people.searched[-1:] == ["Cid"] else {"Cid"}
        people.searched += ["…"] * (not search)

    people.hook = comes

    _, left, _, gaps = compare_all(context)

    assert (left, [gap.found for gap in gaps]) == ([], [1])
    assert people.searched.count("Cid") == 3


@pytest.mark.parametrize(
    ("answers", "evidence"),
    [
        ({}, ["listed twice, not alike", "searched for a few: no others", BY_COLUMN]),
        ({"alike": True}, ["listed twice, alike", "searched for a few: no others", BY_COLUMN]),
        (
            {"alike": True, "cut": True, "held": "2025-06-01"},
            [
                "the import's own list, the one proven at 2025-06-01",
                "listed twice, alike",
                "searched: more than listed",
                BY_DIGEST,
            ],
        ),
    ],
)
def test_the_scope_says_how_the_list_was_read(
    context: Context, answers: dict[str, Any], evidence: list[str]
) -> None:
    Client.objects.filter(first_name__in=["Ann", "Bea"]).update(listed=False)

    said = scope(context, answers | {"entries": 9})

    assert said == {"listed": 9, "stored": 3, "only_in_bookings": 2, "evidence": evidence}
    Client.objects.filter(first_name="Ann").update(external_id=f"{Client.FORGOTTEN}1")
    said = scope(context, {})
    assert (said["listed"], said["only_in_bookings"], said["forgotten"]) == (0, 1, 1)
