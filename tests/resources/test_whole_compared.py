"""What does the proof say of a list that comes whole? Lists made up here, answered in a given order."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast

import pytest
from django.utils import timezone

from bookings.models import AppointmentType, Label, Listed, Product, ProductAppointmentType
from integrations.acuity.errors import (
    AcuityError,
    Forbidden,
    NotFound,
    PlanWithoutApi,
    ServerTrouble,
)
from integrations.acuity.reading.findings import Gap
from integrations.acuity.reading.stored import as_json
from integrations.acuity.resources.base import Context, Found
from integrations.acuity.resources.labels import Labels
from integrations.acuity.resources.products import Products
from integrations.acuity.resources.records import Shown
from integrations.acuity.resources.scope import Scope
from integrations.acuity.resources.whole import Whole
from integrations.acuity.source.fetching import Fetcher
from integrations.acuity.store.upsert import Counts
from integrations.models import AcuityAccount, ImportRun, ImportStep, RejectedRecord
from tests.proof.test_rules import run  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.database]
GAP = Gap("labels", "One day could not be read.")
Answer = Shown | AcuityError | list[Any]


def label(n: int, **fields: Any) -> dict[str, Any]:
    return {"id": n, "name": f"Label {n}", "color": "red", **fields}


def labels(*numbers: int) -> list[dict[str, Any]]:
    return [label(n) for n in numbers]


class Scripted:
    """What the list answers, and what the other question: one after the other, and the last again."""

    def __init__(self, *answers: Answer, others: Sequence[Answer] = ()) -> None:
        self.answers, self.others = [*answers], [*others]
        self.reads = 0
        # With which rows the other question was asked.
        self.asked: list[list[Any]] = []

    def listing(self, context: Context) -> Shown:
        self.reads += 1
        return said(self.answers)

    def otherwise(self, context: Context, rows: list[Any]) -> Shown:
        self.asked.append(rows)
        return said(self.others) if self.others else Shown()


def said(answers: list[Answer]) -> Shown:
    answer = answers.pop(0) if len(answers) > 1 else answers[0]
    if isinstance(answer, AcuityError):
        raise answer
    return Shown([*answer]) if isinstance(answer, list) else answer


class Shelf(Scripted, Labels):  # type: ignore[misc]
    proves_cut = ("appointment_types",)


class Goods(Scripted, Products):  # type: ignore[misc]
    pass


def context_of(run: ImportRun) -> Context:  # noqa: F811
    return Context.of(Scope.of(run), cast(Fetcher, None))


@pytest.fixture
def context(run: ImportRun) -> Context:  # noqa: F811
    return context_of(run)


def imported(context: Context, resource: Whole, rows: Iterable[Any], **cursor: Any) -> str:
    """These rows, as the import's step leaves them; its digest of them."""
    one = type(resource)([*rows])  # type: ignore[call-arg]
    page = one.fetch(context)
    counts: Counts = one.save(context, page)
    ended = cast(dict[str, Any], page.cursor) | cursor
    ImportStep.objects.update_or_create(
        run_id=context.scope.run, resource=resource.name,
        defaults={
            "position": 90, "status": "done", "cursor": ended, "created": counts.created,
            "updated": counts.updated, "unchanged": counts.unchanged, "rejected": counts.rejected,
        },
    )  # fmt: skip
    return str(ended["digest"])


def compared(context: Context, resource: Whole, **cursor: Any) -> tuple[Found, dict[str, Any]]:
    """All that a proof found, which is one page."""
    page = resource.check(context, cursor)
    assert (page.done, page.count, page.found.missing) == (True, 0, None)
    return page.found, cast(dict[str, Any], page.cursor)


def keys(found: Found) -> list[str]:
    return sorted(str(row["id"]) for row in found.save)


def pks(*numbers: int, model: type[Listed] = Label) -> list[int]:
    rows = model._default_manager.filter(external_id__in=map(str, numbers))
    return sorted(rows.values_list("pk", flat=True))


# What is found


@pytest.mark.parametrize(("first", "anew", "reads"), [(1, 0, 1), (1, 1, 2), (0, 0, 2), (0, 1, 2)])
def test_a_list_that_is_stored_as_it_is_has_nothing_to_say(
    context: Context, first: int, anew: int, reads: int
) -> None:
    """What this run's import has just listed is read once more, anything else twice."""
    shelf = Shelf(labels(3, 1, 2))
    digest = imported(context, shelf, labels(1, 2, 3))
    if not first:
        context.scope.steps.filter(resource="labels").update(status="running")

    found, facts = compared(context, shelf, anew=bool(anew))

    assert found == Found()
    assert facts == {
        "listed": 3,
        "alike": True,
        "cut": 0,
        "evidence": [],
        "told": [],
        "gaps": [],
        "ignored": [],
        "gone": 0,
        "proven": digest,
    }
    assert (shelf.reads, shelf.asked[-1]) == (reads, labels(3, 1, 2))


def test_what_is_new_other_or_altered_by_hand_is_written_again(context: Context) -> None:
    rows = [label(1), label(2, name="Second"), label(3), label(4), label(5), {"id": "x"}]
    shelf = Shelf(rows)
    imported(context, shelf, labels(1, 2, 3, 4))
    Label.objects.filter(external_id="3").update(color="green")
    Label.objects.filter(external_id="4").update(removed_at=timezone.now())

    found, facts = compared(context, shelf)

    assert (keys(found), found.gone) == (["2", "3", "4", "5"], [])
    # What nobody can read is listed, and was rejected already.
    assert (facts["listed"], facts["alike"], facts["gone"]) == (6, True, 0)
    assert shelf.heal(context, found) == Counts(created=1, updated=3)
    assert compared(context, shelf)[0] == Found()
    kept = Label.objects.filter(removed_at=None).values_list("external_id", "name", "color")
    names = {1: "Label 1", 2: "Second", 3: "Label 3", 4: "Label 4", 5: "Label 5"}
    assert set(kept) == {(str(n), name, "red") for n, name in names.items()}


def test_what_belongs_to_a_row_is_compared_too(context: Context) -> None:
    def product(n: int) -> dict[str, Any]:
        usable = {"appointmentTypeIDs": [7, 8], "appointmentTypeCounts": {"7": 2}}
        return {"id": n, "name": f"Product {n}", "price": "5.00", **usable}

    rows = [*map(product, range(1, 6))]
    goods = Goods(rows)
    imported(context, goods, rows)
    assert compared(context, goods)[0] == Found()
    before = sorted(ProductAppointmentType.objects.values_list("product_id", "count"), key=str)
    assert len(before) == 10
    of = {n: ProductAppointmentType.objects.filter(product__external_id=str(n)) for n in range(6)}
    other = AppointmentType.objects.get(external_id="8")
    of[1].filter(count=2).update(count=3)
    of[2].filter(count=2).delete()
    ProductAppointmentType.objects.create(
        product=Product.objects.get(external_id="3"),
        appointment_type=AppointmentType.objects.create(
            **context.account.marks, external_id="9", name="Else"
        ),
        count=1,
    )
    of[4].all().delete()
    Product.objects.filter(external_id="5").update(price=Decimal("5"))

    found, facts = compared(context, goods)

    assert (keys(found), facts["alike"], facts["told"]) == (["1", "2", "3", "4"], True, [])
    goods.heal(context, found)
    after = ProductAppointmentType.objects.values_list("product_id", "count")
    assert sorted(after, key=str) == before and of[2].filter(appointment_type=other).exists()
    assert compared(context, goods)[0] == Found()


def test_an_id_is_the_same_however_it_is_spelled(context: Context) -> None:
    spelled = [label(1), {**label(2), "id": "2"}, {**label(3), "id": 3.0}, {**label(4), "id": "04"}]
    shelf = Shelf(spelled, others=[Shown(labels(1, 2, 3, 4))])
    imported(context, shelf, spelled)

    found, facts = compared(context, shelf)

    assert (found, facts["gone"], facts["cut"], facts["told"]) == (Found(), 0, 0, [])
    assert Label.objects.count() == facts["listed"] == 4


def test_a_record_rejected_under_an_odd_id_is_settled_once_it_can_be_read(context: Context) -> None:
    bad = {"id": "5.0", "name": {"no": "text"}}
    imported(context, Shelf(), [bad])
    (rejected,) = RejectedRecord.objects.all()

    Shelf([{**bad, "name": "Five"}]).read_one(context, rejected)

    rejected.refresh_from_db()
    assert (rejected.external_id, rejected.resolved_at is not None) == ("5", True)
    assert Label.objects.get().name == "Five"


# What is listed no longer


@pytest.mark.parametrize(
    ("stored", "gone", "otherwise", "refused"),
    [
        (0, 0, False, False),
        (0, 0, True, False),
        (5, 0, False, False),
        (1, 0, True, False),
        (5, 1, False, False),
        (5, 2, False, False),
        (5, 3, False, True),
        (4, 2, False, True),
        (4, 2, True, True),
        (6, 3, False, True),
        (3, 1, False, False),
        # One alone is believed if it was asked for otherwise, too.
        (2, 1, False, True),
        (2, 1, True, False),
        (1, 1, False, True),
        (1, 1, True, False),
    ],
)
@pytest.mark.parametrize("accepted", [False, True])
def test_half_or_more_that_are_gone_are_a_persons_to_decide(
    run: ImportRun,  # noqa: F811
    stored: int,
    gone: int,
    otherwise: bool,
    refused: bool,
    accepted: bool,
) -> None:
    run.accept_removals = accepted
    context, left = context_of(run), labels(*range(gone, stored))
    shelf = Shelf(left, others=[Shown(evidence=["asked otherwise"] * otherwise)])
    imported(context, shelf, labels(*range(stored)))
    refused = refused and not accepted

    found, facts = compared(context, shelf, anew=True)

    counted = {name: facts[name] for name in ("gone", "refused_gone") if name in facts}
    assert counted == ({"refused_gone": gone} if refused else {"gone": gone})
    assert (found.save, sorted(found.gone)) == ([], [] if refused else pks(*range(gone)))
    assert (facts["alike"], facts["listed"]) == (True, stored - gone)
    shelf.heal(context, found)
    assert shelf.gone(context.scope) == (0 if refused else gone)


# Lists that are not alike


def test_nothing_is_gone_from_a_list_that_is_another_each_time(context: Context) -> None:
    shelf = Shelf(labels(1, 2, 3), [label(2, name="Two"), label(4), label(6)])
    imported(context, shelf, labels(1, 2, 3, 4, 5))

    found, facts = compared(context, shelf)

    # 5 is in neither. What stands is the last that was said.
    assert (keys(found), found.gone) == (["2", "6"], [])
    assert found.save[0]["name"] == "Two"
    assert (facts["alike"], facts["listed"], shelf.reads) == (False, 5, 2)
    assert not facts.keys() & {"gone", "refused_gone", "proven"}


def test_a_list_that_lost_half_is_named_even_if_it_is_another_each_time(context: Context) -> None:
    shelf = Shelf(labels(1), labels(2))
    imported(context, shelf, labels(1, 2, 3, 4))

    found, facts = compared(context, shelf)

    assert (found, facts["alike"], facts["refused_gone"]) == (Found(), False, 2)


def test_a_list_that_the_import_had_otherwise_is_read_twice(context: Context) -> None:
    shelf = Shelf(labels(1, 2, 3, 4))
    imported(context, shelf, labels(1, 2, 3))

    found, facts = compared(context, shelf)

    assert (keys(found), facts["alike"], shelf.reads) == (["4"], True, 2)


# Another question


@pytest.mark.parametrize(("rows", "cut"), [([1, 3], 0), ([3, 4], 1), ([4, 5, 6], 3)])
def test_what_only_another_question_shows_was_cut(
    context: Context, rows: list[int], cut: int
) -> None:
    shelf = Shelf(labels(1, 2, 3), others=[Shown(labels(*rows), ["asked otherwise"])])
    imported(context, shelf, labels(1, 2, 3, 4))

    found, facts = compared(context, shelf, anew=True)

    new = [str(n) for n in rows if n > 4]
    assert (keys(found), facts["cut"], facts["listed"]) == (new, cut, 3 + cut)
    # It does not show each of them: what is missing there is not gone for that.
    assert found.gone == ([] if 4 in rows else pks(4))
    assert ("proven" in facts, facts["evidence"]) == (not cut, ["asked otherwise"])


@pytest.mark.parametrize("again", [False, True])
def test_what_two_questions_tell_in_two_ways_stands_as_listed(
    context: Context, again: bool
) -> None:
    rows = [label(3, color="blue"), label(1, name="One"), label(2)]
    told = Shown([], again=rows) if again else Shown(rows)
    shelf = Shelf(labels(1, 2, 3), others=[told])
    imported(context, shelf, labels(1, 2, 3))

    found, facts = compared(context, shelf, anew=True)

    assert (found, facts["told"], facts["alike"]) == (Found(), ["1", "3"], True)
    assert ("proven" in facts, facts["cut"], facts["gone"]) == (False, 0, 0)
    # Asked once more, in case that it had changed in between.
    assert (shelf.reads, len(shelf.asked)) == (3, 2)


def test_what_belongs_to_a_row_may_be_told_otherwise_too(context: Context) -> None:
    rows = [{"id": n, "name": "x", "appointmentTypeIDs": [7]} for n in (1, 2)]
    goods = Goods(rows, others=[Shown([rows[0], rows[1] | {"appointmentTypeIDs": [8]}])])
    imported(context, goods, rows)

    assert compared(context, goods)[1]["told"] == ["2"]


def test_what_changed_between_two_questions_is_no_contradiction(context: Context) -> None:
    before, after = labels(1, 2, 3), [label(1), label(2, name="Two"), label(3)]
    shelf = Shelf(before, after, others=[Shown(after)])
    imported(context, shelf, before)

    found, facts = compared(context, shelf)

    assert (keys(found), facts["told"], facts["alike"]) == (["2"], [], True)
    assert "proven" in facts
    # The list as it was before is nobody's witness for the one after: that is read twice.
    assert (shelf.reads, shelf.asked[-2:]) == (3, [before, after])


def test_nothing_is_gone_by_a_list_that_was_read_once(context: Context) -> None:
    before, after = labels(1, 2, 3), [label(2, name="Two"), label(3)]
    shelf = Shelf(before, after, before, others=[Shown([after[0]])])
    imported(context, shelf, before)

    found, facts = compared(context, shelf)

    assert (found.gone, facts["alike"], "gone" in facts) == ([], False, False)
    assert ("proven" in facts, shelf.reads) == (False, 3)


@pytest.mark.parametrize("who", ["list", "other", "both"])
def test_what_a_question_could_not_prove_is_passed_on(context: Context, who: str) -> None:
    of = (who != "other", who != "list")
    mine, theirs = ([replace_day(GAP, day)] * said for day, said in zip("12", of, strict=True))
    listed = Shown(labels(1, 2, 3), ["listed"], mine, ["max", "day"] * of[0])
    other = Shown([], ["asked otherwise"], theirs, ["day", "by"] * of[1])
    shelf = Shelf(listed, others=[other])
    imported(context, shelf, labels(1, 2, 3))

    found, facts = compared(context, shelf)

    assert (found, facts["gaps"], "proven" in facts) == (Found(), [*mine, *theirs], False)
    assert facts["evidence"] == ["listed", "asked otherwise"]
    ignored = {"list": ["day", "max"], "other": ["by", "day"], "both": ["by", "day", "max"]}
    assert facts["ignored"] == ignored[who]


def replace_day(gap: Gap, day: str) -> Gap:
    return Gap(gap.kind, gap.reason, day=day)


def test_a_list_with_a_gap_when_it_is_read_again_has_that_gap(context: Context) -> None:
    rows, told = labels(1, 2, 3), Shown([label(1, name="One")])
    shelf = Shelf(rows, Shown(rows, gaps=[GAP]), others=[told, told, Shown()])
    imported(context, shelf, rows)

    _, facts = compared(context, shelf)

    assert (facts["told"], facts["gaps"], "proven" in facts) == ([], [GAP], False)


# Refusals


@pytest.mark.parametrize(
    "refusal", [Forbidden(status=403), NotFound(status=404), PlanWithoutApi(status=402)]
)
@pytest.mark.parametrize("later", [False, True])
def test_a_list_that_is_refused_is_said_to_be(
    context: Context, refusal: AcuityError, later: bool
) -> None:
    imported(context, Shelf(), labels(1, 2))
    shelf = Shelf(labels(1), others=[refusal]) if later else Shelf(refusal)

    assert compared(context, shelf) == (Found(), {"refused": refusal.status})


def test_any_other_trouble_is_the_windows(context: Context) -> None:
    with pytest.raises(ServerTrouble):
        Shelf(ServerTrouble(status=500)).check(context, {})


# What an earlier proof has shown

OTHER = Shown([label(1)], ["asked otherwise"])


def proved_before(account: AcuityAccount, shelf: Shelf, rows: list[Any]) -> dict[str, Any]:
    """A run of some hours ago, and where its proof of this list stood."""
    before = ImportRun.objects.create(account=account, status="completed")
    context = context_of(before)
    imported(context, shelf, rows)
    _, facts = compared(context, shelf, anew=True)
    ImportStep.objects.create(
        run=before, position=99, resource="verify", cursor={"inner": {"labels": as_json(facts)}}
    )
    before.verified, before.verified_at = True, timezone.now() - timedelta(hours=5)
    before.save()
    return facts


def test_what_an_earlier_proof_has_shown_of_this_list_still_holds(
    run: ImportRun,  # noqa: F811
    context: Context,
) -> None:
    rows = labels(1, 2, 3)
    shown = Shown(rows, ["listed"], ignored=["max"])
    proved_before(run.account, Shelf(shown, others=[OTHER]), rows)
    before = ImportRun.objects.get(status="completed").verified_at
    shelf = Shelf(rows)
    imported(context, shelf, rows)

    found, facts = compared(context, shelf)

    assert (found, shelf.reads, shelf.asked) == (Found(), 0, [])
    assert before and facts == {
        "listed": 3,
        "alike": True,
        "evidence": ["listed", "asked otherwise"],
        "ignored": ["max"],
        "held": f"{before:%Y-%m-%dT%H:%M:%SZ}",
    }
    # Unless everything is to be asked for anew.
    _, facts = compared(context, shelf, anew=True)
    assert (shelf.reads, len(shelf.asked), "held" in facts) == (2, 1, False)


THREE = labels(1, 2, 3)


@pytest.mark.parametrize(
    "unproven",
    [
        Shelf(THREE, labels(2, 3)),
        Shelf(THREE, others=[Shown([label(1, name="One")])]),
        Shelf(THREE, others=[Shown(labels(3, 4))]),
        Shelf(Shown(THREE, gaps=[GAP])),
        Shelf(THREE, others=[Shown(gaps=[GAP])]),
        # Half is gone, which nobody believed.
        Shelf(labels(1)),
    ],
    ids=["not alike", "told", "cut", "gap", "other gap", "half gone"],
)
def test_what_an_earlier_proof_left_open_is_asked_for_again(
    run: ImportRun,  # noqa: F811
    context: Context,
    unproven: Shelf,
) -> None:
    left = unproven.answers[0]
    facts = proved_before(run.account, unproven, THREE)
    rows = left.rows if isinstance(left, Shown) else cast(list[Any], left)
    shelf = Shelf(rows)
    imported(context, shelf, rows)

    _, now = compared(context, shelf)

    assert ("proven" in facts, "held" in now, shelf.reads) == (len(rows) == 1, False, 1)


# What another question shows of what the import has just listed


def owned(rows: list[Any], **more: Any) -> Shown:
    return Shown(rows, ["asked otherwise"], **more)


@pytest.mark.parametrize(
    "other",
    [
        owned(labels(1, 2, 3, 4)),
        owned(labels(1, 2), again=labels(2, 3, 4)),
        owned([], again=labels(1, 2, 3), may_lack=1),
        owned(labels(4, 2), may_lack=2),
    ],
)
def test_another_question_may_show_the_very_rows_of_the_import(
    run: ImportRun,  # noqa: F811
    context: Context,
    other: Shown,
) -> None:
    rows = labels(1, 2, 3, 4)
    shelf = Shelf(rows, others=[other])
    digest = imported(context, shelf, rows)
    Label.objects.filter(external_id="3").update(raw={})

    found, facts = compared(context, shelf)

    assert (found, shelf.reads) == (Found(), 0)
    assert facts == {
        "listed": 4,
        "alike": True,
        "own": True,
        "evidence": ["asked otherwise"],
        "ignored": [],
        "proven": digest,
    }
    # Of somebody forgotten nothing but the ID is left.
    (given,) = shelf.asked
    assert sorted(given, key=lambda row: int(row["id"])) == [*rows[:2], {"id": "3"}, rows[3]]
    # A later proof may lean on it.
    run.steps.filter(resource="verify").update(cursor={"inner": {"labels": facts}})
    run.verified, run.verified_at, run.status = True, timezone.now(), "completed"
    run.save()
    later = context_of(ImportRun.objects.create(account=run.account))
    imported(later, shelf, rows)
    held = facts | {"held": f"{run.verified_at:%Y-%m-%dT%H:%M:%SZ}"}
    del held["proven"]
    assert compared(later, shelf) == (Found(), held)
    assert (shelf.reads, len(shelf.asked)) == (0, 1)


FOUR = labels(1, 2, 3, 4)


@pytest.mark.parametrize(
    ("other", "cursor"),
    [
        (Shown(FOUR), {}),
        (owned(labels(1, 2, 3)), {}),
        (owned(labels(1, 2), may_lack=1), {}),
        (owned([*FOUR[:3], label(4, color="blue")]), {}),
        (owned(labels(1, 2, 3, 5), may_lack=2), {}),
        (owned([*FOUR, {"id": "x"}]), {}),
        (owned(FOUR, gaps=[GAP]), {}),
        (owned(FOUR, ignored=["max"]), {}),
        (owned(FOUR), {"read_at": "2025-06-01T00:00:00+00:00"}),
        (owned(FOUR), {"listed": 5}),
        (owned(FOUR), {"ignored": ["max"]}),
    ],
    ids=[
        *("nothing asked", "one lacks", "too many lack", "other", "more", "unreadable", "gap"),
        *("deaf", "long ago", "another list", "deaf import"),
    ],
)
def test_unless_it_shows_something_else(
    context: Context, other: Shown, cursor: dict[str, Any]
) -> None:
    shelf = Shelf(FOUR, others=[other])
    imported(context, shelf, FOUR, **cursor)

    _, facts = compared(context, shelf)

    assert ("own" in facts, shelf.reads > 0) == (False, True)


def test_nor_where_everything_is_asked_for_anew(context: Context) -> None:
    shelf = Shelf(FOUR, others=[owned(FOUR)])
    imported(context, shelf, FOUR)

    found, facts = compared(context, shelf, anew=True)

    assert (found, "own" in facts, shelf.reads, len(shelf.asked)) == (Found(), False, 2, 1)


def test_a_row_stored_otherwise_than_the_import_left_it_is_not_passed_over(
    context: Context,
) -> None:
    shelf = Shelf(FOUR, others=[owned(FOUR)])
    imported(context, shelf, FOUR)
    Label.objects.filter(external_id="2").update(content_hash="other")

    found, facts = compared(context, shelf)

    assert (keys(found), "own" in facts, shelf.reads) == (["2"], False, 1)


# What is said of it

COLUMNS = "stored rows compared column by column"
DIGESTS = "unchanged rows compared by their digests, not column by column"
AT = "2025-06-01T10:00:00Z"
LEFT_OUT = (
    "Whether labels that are not listed were deleted, or are left out, their list cannot say."
)


@pytest.mark.parametrize(
    ("facts", "scope"),
    [
        ({"alike": True, "listed": 3}, {"listed": 3, "evidence": ["listed twice, alike", COLUMNS]}),
        (
            {"alike": True, "evidence": ["a", "b"], "gone": 0, "ignored": [], "told": [], "cut": 0},
            {"listed": 0, "evidence": ["listed twice, alike", "a", "b", COLUMNS]},
        ),
        (
            {"alike": True, "evidence": ["a"], "held": AT},
            {
                "listed": 0,
                "evidence": [
                    f"the import's own list, the one proven at {AT}",
                    *("listed twice, alike", "a", DIGESTS),
                ],
            },
        ),
        (
            {"alike": True, "own": True, "evidence": ["a"]},
            {"listed": 0, "evidence": ["the import's own list", "a", DIGESTS]},
        ),
        (
            {"alike": True, "own": True, "evidence": ["a"], "held": AT},
            {
                "listed": 0,
                "evidence": [f"the import's own list, the one proven at {AT}", "a", DIGESTS],
            },
        ),
        (
            {"alike": True, "gone": 1},
            {
                "listed": 0,
                "evidence": ["listed twice, alike", COLUMNS],
                "no_longer_listed": 1,
                "unproven": LEFT_OUT,
            },
        ),
        (
            {"alike": True, "ignored": ["by", "max"]},
            {
                "listed": 0,
                "evidence": ["listed twice, alike", COLUMNS],
                "unproven": (
                    "Acuity ignores by, max in its list of labels: where that ends cannot be told."
                ),
            },
        ),
    ],
)
def test_the_scope_says_how_the_list_was_read(
    context: Context, facts: dict[str, Any], scope: dict[str, Any]
) -> None:
    imported(context, Shelf(), labels(1, 2))

    said = Shelf().statement(context, facts)

    assert (said.scope, said.gaps) == ({"stored": 2, **scope}, [])
    assert said.ignored == facts.get("ignored", [])


@pytest.mark.parametrize(
    ("facts", "gap"),
    [
        ({"alike": False}, Gap("labels", "Acuity's labels were different each time they were listed.")),
        (
            {"cut": 1200},
            Gap(
                "labels",
                "Acuity cuts its labels short: another question showed 1,200 more.",
                missing=1200,
            ),
        ),
        (
            {"told": ["1"]},
            Gap(
                "labels",
                "Acuity says two different things about 1 label (1), depending on how it is asked.",
                found=1,
                ids=["1"],
            ),
        ),
        (
            {"told": [*"1234567"]},
            Gap(
                "labels",
                "Acuity says two different things about 7 labels (1, 2, 3, 4, 5, …), depending on how"
                " it is asked.",
                found=7,
                ids=[*"12345"],
            ),
        ),
        (
            {"refused_gone": 2},
            Gap(
                "labels",
                "2 labels stored that Acuity no longer lists, half or more; import with"
                " --accept-removals if that is right.",
                extra=2,
            ),
        ),
        ({"gaps": [{"kind": "labels", "reason": GAP.reason}]}, GAP),
    ],
)  # fmt: skip
def test_what_does_not_add_up_is_a_gap(context: Context, facts: dict[str, Any], gap: Gap) -> None:
    said = Shelf().statement(context, {"alike": True, **facts})

    assert said.gaps == [gap]
    alike = "alike" if facts.get("alike", True) else "not alike"
    assert said.scope["evidence"] == [f"listed twice, {alike}", COLUMNS]


def test_rows_that_no_list_shows_are_named_by_what_names_them(context: Context) -> None:
    imported(context, Shelf(), labels(1))
    for n, name in enumerate(["appointments", "appointment_types", "appointments"], 7):
        marks = context.account.marks
        Label.objects.create(**marks, external_id=str(n), name="x", known_from=name)

    said = Shelf().statement(context, {"alike": True, "listed": 1})

    assert said.scope == {
        "listed": 1,
        "stored": 1,
        "evidence": ["listed twice, alike", COLUMNS],
        "only_named": {"appointments": 2, "appointment_types": 1},
        "unproven": LEFT_OUT,
    }
    reason = "1 label that appointment types name, and no list shows."
    assert said.gaps == [Gap("labels", reason, missing=1)]


@pytest.mark.parametrize("stored", [0, 1, 2])
def test_a_refusal_is_a_gap_if_something_was_stored_before(context: Context, stored: int) -> None:
    imported(context, Shelf(), labels(*range(stored)))

    said = Shelf().statement(context, {"refused": 403})

    why = "Acuity refuses this account its labels (status 403)."
    assert said.scope == {"not_asked": why, "stored": stored}
    before = {1: "1 label stored before.", 2: "2 labels stored before."}
    assert said.gaps == ([Gap("labels", f"{why} {before[stored]}")] if stored else [])
