"""Is anything missing? Each resource asks again, otherwise than it was imported, and compares."""

from typing import Any

from msgspec.structs import replace

from integrations.acuity.proof import statement
from integrations.acuity.reading.stored import Stored, as_json
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.base import Context, Fetched, Found
from integrations.acuity.store.upsert import Counts

# Once everything was checked, what did not add up is asked once more.
ROUNDS = ("check", "recheck")


class ProofCursor(Stored, frozen=True):
    """How many turns are done, one a round and resource; each resource's own position by name; and
    whether each is to ask for everything, whatever the import has just found."""

    turn: int = 0
    inner: dict[str, dict[str, Any]] = {}
    anew: bool = False


class Verification:
    """Page by page through the resources of the run, in each of the `ROUNDS`. What asks nothing and
    finds nothing is no page of its own."""

    name = "verify"
    title = "Verification"
    task = "acuity.verify"

    def fetch(self, context: Context) -> Fetched:
        cursor = ProofCursor.of(context.position.cursor)
        wanted = context.scope.resources
        turns = [(r, name) for r in ROUNDS for name in RESOURCES if name in wanted]
        found: list[tuple[str, Found]] = []
        count, total = 0, None
        before = context.source.client.tally.requests
        while cursor.turn < len(turns):
            ask, name = turns[cursor.turn]
            position = cursor.inner.get(name, {"anew": cursor.anew})
            page = getattr(RESOURCES[name], ask)(context, position)
            cursor = replace(
                cursor,
                turn=cursor.turn + page.done,
                inner=cursor.inner | {name: as_json(page.cursor)},
            )
            found.append((name, page.found))
            count += page.count
            total = page.total if page.total is not None else total
            asked = context.source.client.tally.requests > before
            if asked or not page.done or page.found != Found():
                differing = len(page.found.save) + len(page.found.gone)
                return Fetched(found, cursor, count=count, total=total, differing=differing)
        return Fetched(found, cursor, done=True, count=count, total=total)

    def save(self, context: Context, page: Fetched) -> Counts:
        """Rows that the proof added, and those that it corrected or marked as gone."""
        context.by = "verify"
        mended = Counts()
        for name, found in page.records:
            made = RESOURCES[name].heal(context, found)
            mended += Counts(made.created, made.updated + len(found.gone))
        if page.done:
            statement.conclude(context, ProofCursor.of(as_json(page.cursor)).inner)
        return mended
