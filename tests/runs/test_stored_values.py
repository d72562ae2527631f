"""Are the columns of runs from before read as they were meant? `stored_rows.json` was written when
they were plain dictionaries."""

import json
from pathlib import Path
from typing import Any

import pytest

from integrations.acuity.proof import verification
from integrations.acuity.reading.findings import Difference, Gap, Pair
from integrations.acuity.reading.stored import Stored, as_json
from integrations.acuity.resources import clients, payments
from integrations.acuity.resources.appointments import cursors
from integrations.acuity.resources.payments import check
from integrations.acuity.runs.tuning import Tuning

ROWS = json.loads((Path(__file__).parent / "stored_rows.json").read_text())
KINDS: dict[str, type[Stored]] = {
    "clients": clients.WholeCursor,
    "appointments": cursors.WalkCursor,
    "verify": verification.ProofCursor,
    "tuning": Tuning,
}
INNER: dict[str, type[Stored]] = {
    "clients": clients.ProofCursor,
    "appointments": cursors.ProofCursor,
    "payments": check.ProofCursor,
}
# Where the proof stood among questions that are others now: they are asked from the first on.
ASKED_ANEW = {"cut"}


def same(value: Any, column: Any) -> None:
    """The value has what the column says, under the same names."""
    if not isinstance(value, Stored):
        assert value == column
        return
    for name, kept in column.items():
        if name not in ASKED_ANEW:
            same(getattr(value, name), kept)


@pytest.mark.parametrize("name", KINDS)
def test_a_column_is_read_as_it_was_written(name: str) -> None:
    for column in ROWS[name]:
        same(KINDS[name].of(column), column)


def test_so_are_those_inside_the_proof() -> None:
    columns = [inner for column in ROWS["verify"] for inner in column.get("inner", {}).items()]
    assert {name for name, _ in columns} == INNER.keys()

    for name, column in columns:
        same(INNER[name].of(column), column)


# Payments went by primary key once; test_newest_first has a run that was half-way through.
@pytest.mark.parametrize("kind", [*KINDS.values(), *INNER.values(), payments.save.NewestFirst])
def test_nothing_and_what_nobody_knows_any_more_is_read_too(kind: type[Stored]) -> None:
    assert kind.of({}) == kind.of({"gone_by_now": [1]}) == kind()
    assert as_json(kind()) == {}


def test_so_are_gaps_differences_and_coverage() -> None:
    for name, kind in {"gaps": Gap, "differences": Difference}.items():
        for column in ROWS[name]:
            value = kind.of(column)
            same(value, column)
            assert as_json(value) == column

    for pair in ROWS["coverage"].values():
        value = Pair.of(pair)
        assert [value.source, value.stored] == as_json(value) == pair
