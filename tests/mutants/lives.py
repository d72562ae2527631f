"""Which mutants may live, and why: they change nothing that anybody could see."""

from tests.mutants.rooms import ACUITY

# By module, function and text, and change.
LIVES: dict[tuple[str, str, str], str] = {
    (
        f"{ACUITY}.reading.identity",
        "_phone_key: return digits[:40]: 40",
        "40 → 41",
    ): "a phone that can be parsed has fewer digits than that",
}
