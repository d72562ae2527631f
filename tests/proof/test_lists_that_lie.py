"""Is a list that is cut short, or that ignores what it is asked, ever called proven?"""

from collections.abc import Callable

import pytest

from bookings.models import Imported
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.whole import Whole
from integrations.acuity.sandbox import Sandbox
from integrations.models import ImportRun
from tests.conftest import import_all

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.sandbox(clients=12, appointments=40, months=2),
]
WHOLE = {r.path.strip("/"): r for r in RESOURCES.values() if isinstance(r, Whole)}
DEAF = {
    "appointment-types": "includeDeleted",
    "products": "deleted",
    "certificates": "productID",
    "orders": "max",
    "blocks": "max",
}


@pytest.fixture
def box(box: Sandbox) -> Sandbox:
    # Each row is named by something, and there are more orders and blocks than come unasked.
    types, addons = box.account.appointment_types, box.account.lists["appointment-addons"]
    types[1]["addonIDs"] = [row["id"] for row in addons]
    forms = box.account.lists["forms"]
    forms.append(forms[0] | {"id": 700002, "name": "Afterwards", "fields": []})
    types[0]["formIDs"] = [700001, 700002]
    for number, label in zip(box.account.bookings, box.account.lists["labels"], strict=False):
        box.account.edit(number, labels=[label])
    more(box, "orders", 130)
    more(box, "blocks", 130)
    return box


def more(box: Sandbox, name: str, count: int) -> None:
    rows = box.account.lists[name]
    rows += [rows[n % 3] | {"id": rows[0]["id"] + 1000 + n} for n in range(count)]


def falsely_proven(box: Sandbox, run: ImportRun, name: str) -> bool:
    """Whether the run calls proven what the database has not whole."""
    model: type[Imported] = WHOLE[name].model
    stored = model._default_manager.exclude(raw={}).values_list("external_id", flat=True)
    whole = {str(row["id"]) for row in box.account.lists[name]} == set(stored)
    return bool(run.scope[WHOLE[name].name]["verified"]) and not whole


@pytest.mark.long
def test_honest_lists_are_proven(box: Sandbox) -> None:
    run = import_all(box)

    assert run.verified, run.gaps
    said = [run.scope[resource.name] for resource in WHOLE.values()]
    assert len(said) == 9 and all(one["verified"] or "unproven" in one for one in said)


@pytest.mark.long
@pytest.mark.parametrize("share", [0.01, pytest.param(0.5, marks=pytest.mark.thorough)])
@pytest.mark.parametrize("name", WHOLE)
def test_a_list_cut_short_is_not_proven(box: Sandbox, name: str, share: float) -> None:
    """A list that is always empty, and that nothing else speaks of, cannot be told from none; nor
    can blocks of one day and calendar, if no answer ever has more than one row."""
    least = 2 if name == "blocks" else 1
    box.options.list_caps = {name: max(least, round(len(box.account.lists[name]) * share))}

    run = import_all(box)

    assert not falsely_proven(box, run, name), run.scope[WHOLE[name].name]


@pytest.mark.slow
@pytest.mark.parametrize("name", WHOLE)
def test_a_list_cut_short_later_is_not_proven_and_loses_nothing(box: Sandbox, name: str) -> None:
    import_all(box)
    box.options.list_caps = {name: 1}

    run = import_all(box)

    assert not run.scope[WHOLE[name].name]["verified"]


@pytest.mark.long
@pytest.mark.parametrize(("name", "parameter"), DEAF.items())
def test_a_list_that_ignores_a_parameter_is_not_falsely_proven(
    box: Sandbox, name: str, parameter: str
) -> None:
    box.options.list_deaf = {name: {parameter}}

    run = import_all(box)

    assert not falsely_proven(box, run, name), run.scope[WHOLE[name].name]


@pytest.mark.parametrize("parameter", ["minDate", "maxDate", "calendarID"])
def test_blocks_are_whole_whichever_parameter_is_ignored(box: Sandbox, parameter: str) -> None:
    box.options.list_deaf = {"blocks": {parameter}}

    run = import_all(box, only=("blocks",))

    assert not falsely_proven(box, run, "blocks")


@pytest.mark.long
def test_the_judge_sees_a_false_proof(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    blind: Callable[..., dict[str, int]] = lambda *_: {}  # noqa: E731
    monkeypatch.setattr(Whole, "unlisted", blind)
    box.options.list_caps = {"labels": 1}

    run = import_all(box)

    assert falsely_proven(box, run, "labels")
