"""Is anything missing? Each resource asks again, otherwise than it was imported, and compares."""

from typing import Any

from integrations.acuity.proof import statement
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.base import Context, Fetched
from integrations.acuity.store.upsert import Counts

# Once everything was checked, what did not add up is asked once more.
ROUNDS = ("check", "recheck")


class Verification:
    """Page by page through the resources of the run, in each of the `ROUNDS`.

    The cursor is {turn: how many are done, inner: each resource's own position by name}.
    """

    name = "verify"
    title = "Verification"
    task = "acuity.verify"

    def fetch(self, context: Context) -> Fetched:
        cursor = context.step.cursor
        turns = [(r, name) for r in ROUNDS for name in RESOURCES if name in context.resources]
        turn, inner = cursor.get("turn", 0), cursor.get("inner", {})
        if turn >= len(turns):
            return Fetched([], cursor, done=True, count=0)
        ask, name = turns[turn]
        position = inner.get(name) or {"anew": bool(cursor.get("anew"))}
        page = getattr(RESOURCES[name], ask)(context, position)
        following: dict[str, Any] = cursor | {
            "turn": turn + page.done,
            "inner": inner | {name: page.cursor},
        }
        differing = len(page.found.save) + len(page.found.gone)
        return Fetched(
            [(name, page.found)],
            following,
            count=page.count,
            total=page.total,
            differing=differing,
        )

    def save(self, context: Context, page: Fetched) -> Counts:
        for name, found in page.records:
            RESOURCES[name].heal(context, found)
        if page.done:
            statement.conclude(context, page.cursor.get("inner", {}))
        return Counts()
