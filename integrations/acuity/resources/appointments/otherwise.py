"""Do differently cut questions show the same bookings, as they are stored?"""

from typing import NamedTuple

from msgspec.structs import replace

from integrations.acuity.reading.listing import Row
from integrations.acuity.resources.appointments import compare, cuts
from integrations.acuity.resources.appointments.anew import list_again
from integrations.acuity.resources.appointments.cursors import CutCursor, ProofCursor, WalkCursor
from integrations.acuity.resources.appointments.cuts import Cut, Question
from integrations.acuity.resources.appointments.save import stored
from integrations.acuity.resources.appointments.walk import by_id, rejected
from integrations.acuity.resources.base import Checked, Context, Found, in_window
from integrations.acuity.source.checks import is_canceled

# Of what an answer should have shown so many are asked for by their ID.
ASKED = 20


def ask_otherwise(context: Context, cursor: ProofCursor) -> Checked:
    """The same bookings, asked for otherwise. What only this shows, shows otherwise, or should show and
    doesn't, is asked for by its ID. Where the import's own pages are to be the other cut, either shows
    the very same bookings, or everything is listed again."""
    walked = context.scope.steps.filter(resource="appointments").first()
    walk = WalkCursor.of(walked.cursor) if walked else WalkCursor()
    if cursor.ceiling is None:
        # The walk has learned how many rows this source lets itself be asked for.
        cursor = replace(cursor, ceiling=walk.ceiling)
    every = cuts.questions(context)
    if cursor.asking.among != len(every):
        # A calendar or a type has come to be known: the numbers are those of other questions now.
        cursor = replace(cursor, asking=_next(replace(cursor.asking, among=len(every)), 0))
    question, n = cuts.upcoming(context, cursor, every)
    if question is None:
        return Checked(Found(), replace(cursor, phase="strays"))
    if n != cursor.asking.n:
        cursor = replace(cursor, asking=_next(cursor.asking, n))
    most = min(context.position.listing, cursor.ceiling or context.position.listing)
    longest = max(walk.longest, 0 if cursor.reused else cursor.longest)
    answer = cuts.ask(context, question, cursor.asking, most, longest)
    unlike = _unlike(context, cursor, question, answer)
    if cursor.reused and (unlike.silent or unlike.apart or unlike.lacking or answer.crowded):
        again = list_again(context, ProofCursor(phase="listing", ceiling=cursor.ceiling))
        asked = {row.key for row in again.found.save}
        found = by_id(context, [key for key in unlike.apart if key not in asked])[0]
        return replace(again, found=Found([*again.found.save, *found]))
    refreshed, short, missing = _asked_for(context, cursor, question, unlike)
    over = cursor.brief or unlike.silent or answer.last or (answer.uncut and not unlike.lacking)
    failed = unlike.silent or short
    hides = "showall" in question.asked and all(map(is_canceled, short))
    disobeyed = {"showall" if hides else question.by[0]} if short else set()
    following = replace(
        cursor,
        asking=_next(answer.cursor, n + 1) if over else answer.cursor,
        ignored=sorted({*cursor.ignored} | disobeyed),
        strays=compare.without(cursor.strays, {row.key for row in unlike.listed})
        | compare.months_of(stored(in_window(context).filter(external_id__in=missing)), context),
        apart=cursor.apart | unlike.apart,
        asked=cursor.asked if cursor.brief else _with(cursor.asked, question.kind),
        failed=_with(cursor.failed, question.kind) if failed else cursor.failed,
    )
    count = len(unlike.listed) if cursor.reused and question.kind == cuts.BY_CALENDAR else 0
    total = in_window(context).count() if count else None
    return Checked(Found(refreshed), following, count=count, total=total)


class Unlike(NamedTuple):
    """In what an answer to a differently cut question is not as the database has it."""

    # The rows inside the run's window.
    listed: list[Row]
    # Shown, and not stored: IDs with their months.
    apart: dict[str, str]
    # IDs of rows that are missing, or are stored otherwise.
    changed: list[str]
    # IDs of what is stored and should have been shown.
    lacking: list[str]
    # Whether the answer says nothing of the bookings that were asked for.
    silent: bool


def _unlike(context: Context, cursor: ProofCursor, question: Question, answer: Cut) -> Unlike:
    listed = compare.inside(context, answer.rows)
    held = stored(in_window(context).filter(external_id__in=[row.key for row in listed]))
    apart = {row.key: row.day[:7] for row in listed if row.key not in held}
    silent = bool(answer.disobeyed - {"max", "direction"})
    lacking = answer.lacking(context, question, cursor.asking)
    if silent or answer.crowded or (answer.unordered and lacking):
        # Where the rest of the rows are, such an answer cannot say.
        silent, lacking = silent or not answer.crowded, []
    return Unlike(listed, apart, compare.changed(context, listed, held), lacking, silent)


def _asked_for(
    context: Context, cursor: ProofCursor, question: Question, unlike: Unlike
) -> tuple[list[Row], list[Row], list[str]]:
    """By their IDs: all that was unlike, those that the answer should have had, and IDs denied."""
    doubted = [] if question.kind in cursor.failed else unlike.lacking[:ASKED]
    changed = {*unlike.changed} - rejected(context, unlike.changed)
    found, missing = by_id(context, [*changed, *doubted])
    period, doubts = context.scope.period, {*doubted}
    short = [
        row
        for row in found
        if row.key in doubts and question.is_about(row) and period.contains(row.day)
    ]
    return found, short, missing


def _next(cut: CutCursor, n: int) -> CutCursor:
    return CutCursor(n=n, among=cut.among, ignored=cut.ignored, intruders=cut.intruders)


def _with(names: list[str], name: str) -> list[str]:
    return names if name in names else [*names, name]
