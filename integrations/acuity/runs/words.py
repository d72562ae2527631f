"""What came of a window, in a sentence for Flower?"""

from typing import Any

from integrations.acuity.proof.verification import ROUNDS
from integrations.acuity.resources import RESOURCES
from integrations.models import ImportStep

# Counters of a step, and what people call them.
COUNTED = {
    "created": "new",
    "updated": "changed",
    "restated": "restated",
    "unchanged": "unchanged",
    "rejected": "rejected",
}


def counters(step: ImportStep) -> dict[str, Any]:
    """The step as it is before a window, for `of_window`."""
    return {name: getattr(step, name) for name in (*COUNTED, "offset", "cursor")}


def of_window(before: dict[str, Any], step: ImportStep, differing: int) -> str:
    """`appointments 1,200–1,600 of 4,111: 397 new, 3 changed`; a proof tells what it compared."""
    if step.resource == "account":
        return "account: name, zone and currency read"
    if step.resource == "verify":
        return f"verification: {_compared(before, step, differing)}"
    resource = RESOURCES[step.resource]
    name = resource.read_as or _plain(step.resource)
    made = {word: getattr(step, column) - before[column] for column, word in COUNTED.items()}
    done = [f"{n:,} {word}" for word, n in made.items() if n]
    # The offset counts what is read; the others count what was made of it.
    if resource.read_as and step.offset > before["offset"]:
        records = sum(made.values())
        done.insert(0, f"{records:,} {resource.noun if records == 1 else step.resource}")
    if step.offset == before["offset"]:
        listed = f"{step.total:,} listed" if step.total else "no more of them"
        return f"{name}: {', '.join(done) or listed}"
    of = f" of {step.total:,}" if step.total else ""
    what = f"{name} {before['offset']:,}–{step.offset:,}{of}"
    return f"{what}: {', '.join(done)}" if done else what


def _plain(name: str) -> str:
    """`appointment types`, as people say it."""
    return name.replace("_", " ")


def _compared(before: dict[str, Any], step: ImportStep, differing: int) -> str:
    had, has = (_months(cursor) for cursor in (before["cursor"], step.cursor))
    months = sorted(month for month in has if has[month] != had.get(month))
    n = step.offset - before["offset"]
    if months and n:
        span = months[0] if len(months) == 1 else f"{months[0]} to {months[-1]}"
        said = f"{span} compared, {n - min(differing, n):,} alike"
    else:
        said = f"{', '.join(map(_plain, _passed(before['cursor'], step.cursor)))} compared"
    return f"{said}, {differing:,} not" if differing else said


def _months(cursor: dict[str, Any]) -> dict[str, int]:
    inner = cursor.get("inner", {}).values()
    return {month: n for place in inner for month, n in place.get("months", {}).items()}


def _passed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Names of the resources that were compared, in order; of one half done only if it is alone."""
    names = [name for name in RESOURCES if name in after.get("inner", {})]
    turns = names * len(ROUNDS)
    first, last = before.get("turn", 0), after.get("turn", 0)
    return list(dict.fromkeys(turns[first : max(last, first + 1)])) or names
