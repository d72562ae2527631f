"""Which mutants may live, and why: they change nothing that anybody could see."""

from tests.mutants.rooms import ACUITY, SOURCE

# By module, function and text, and change.
LIVES: dict[tuple[str, str, str], str] = {
    (
        f"{ACUITY}.reading.identity",
        "_phone_key: return digits[:40]: 40",
        "40 → 41",
    ): "a phone that can be parsed has fewer digits than that",
    (
        f"{SOURCE}.paging",
        "_beyond: return bool(self.last_day) and any((row.day > str(self.last_day) for row in stra",
        "returns None",
    ): "the day is then asked for by itself, and found whole: a question or two more",
    (
        f"{ACUITY}.runs.page",
        "grown: steps = (GROWN * 4 ** n for n in range(12)): 12",
        "12 → 13",
    ): "two thousand million rows are no more than an account has",
    (
        f"{ACUITY}.runs.page",
        "process_page: if grown(step.created, step.created + counts.created):: step.created + counts.created",
        "Add → Sub",
    ): "only how soon the database's planner hears of new rows",
}
