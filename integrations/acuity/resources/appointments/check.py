"""Is a booking missing? Everything is listed again, by another cut too, and asked for by ID if need be."""

from collections import Counter
from datetime import date, timedelta

from msgspec.structs import replace

from integrations.acuity.resources.appointments import compare, cuts, said
from integrations.acuity.resources.appointments.anew import list_again
from integrations.acuity.resources.appointments.cursors import ProofCursor
from integrations.acuity.resources.appointments.missing import denied_before
from integrations.acuity.resources.appointments.otherwise import ask_otherwise
from integrations.acuity.resources.appointments.walk import by_id, list_days
from integrations.acuity.resources.base import Checked, Context, Found, in_window

RECHECKS = 2
# So many bookings that no listing shows are asked for by their ID; more say nothing new.
MOST_UNLISTED = 500
# Above this many, and above a fiftieth of all, what vanished is believed only when a person says so.
MANY_GONE = 20


def check(context: Context, cursor: ProofCursor) -> Checked:
    """Phases: `listing` page by page, `cuts` of the same listing otherwise, `strays` that no listing
    showed by their ID. What the import has just walked is not walked again, unless the cursor begins
    with `anew`, or a cut shows something else."""
    if not cursor.phase:
        months = None if cursor.anew else said.of_import(context)
        recent = said.cut_recently(context) if months is not None else ""
        straight = months is not None and said.is_straight(context)
        if recent and not straight:
            following = replace(cursor, months=months, evidence=[recent])
            return Checked(Found(), following, done=True)
        if straight:
            evidence = [recent, cuts.LATEST_AGAIN] if recent else [cuts.OF_IMPORT]
            reused = {"months": months, "reused": True, "evidence": evidence}
            cursor = replace(cursor, phase="cuts", brief=bool(recent), **reused)
        else:
            cursor = replace(cursor, phase="listing")
    return PHASES[cursor.phase](context, cursor)


def recheck(context: Context, cursor: ProofCursor) -> Checked:
    """Months that do not add up, listed once more; then the second look at what is gone."""
    if cursor.again is None:
        counted, listed = said.stored_by_month(context), cursor.months
        apart = Counter(cursor.apart.values())
        off = {
            m for m in listed.keys() | counted if listed.get(m, 0) + apart[m] != counted.get(m, 0)
        }
        off |= set(apart) | set(cursor.hidden.values())
        cursor = replace(cursor, again=sorted(off - {""}) * RECHECKS)
    if cursor.again:
        return _month(context, cursor)
    return _gone(context, cursor)


def _unlisted(context: Context, cursor: ProofCursor) -> Checked:
    """What is stored but was in no listing is asked for by its ID: moved, hidden, or gone."""
    unlisted = cursor.strays
    keys = sorted(unlisted)[:MOST_UNLISTED]
    found, missing = by_id(context, keys)
    # What moved out of the days that were asked for is no fault of their listing.
    period = context.scope.period
    hidden = {
        row.key: unlisted[row.key]
        for row in found
        if not (at := row.instant) or period.contains(at.date())
    }
    left = compare.without(unlisted, {*(row.key for row in found), *missing})
    following = replace(cursor, hidden=hidden, missing=missing, strays={}, unasked=len(left))
    looked = Found(found, missing=_pks(context, missing))
    return Checked(looked, following, done=True)


def _month(context: Context, cursor: ProofCursor) -> Checked:
    """A month that does not add up, listed once more at a stroke: a booking may have moved into
    it, or out of it, while the listing went by."""
    month, *again = cursor.again or []
    first = date.fromisoformat(f"{month}-01")
    last = (first + timedelta(days=31)).replace(day=1)
    rows = list_days(context, first - timedelta(days=1), last)
    listed = [row for row in compare.inside(context, rows) if row.day[:7] == month]
    keys = {row.key for row in rows}
    refreshed = by_id(context, compare.changed(context, listed, {}))[0]
    following = replace(
        cursor,
        again=again,
        months=cursor.months | {month: len(listed)},
        hidden=compare.without(cursor.hidden, keys),
        apart=compare.without(cursor.apart, keys),
        missing=[key for key in cursor.missing if key not in keys],
    )
    return Checked(Found(refreshed), following)


def _gone(context: Context, cursor: ProofCursor) -> Checked:
    """Another look at what answered 404 and was in no listing: only what does so in two looks, far
    enough apart, is gone, and nothing if it is so much that the source is the likelier fault."""
    found, missing = by_id(context, cursor.missing)
    denied = _pks(context, missing)
    most = max(MANY_GONE, in_window(context).count() // 50)
    if len(denied) > most and not context.scope.accept_removals:
        cursor = replace(cursor, refused=len(denied))
        return Checked(Found(found, missing=denied), cursor, done=True)
    gone = list(denied_before(in_window(context).filter(pk__in=denied)))
    cursor = replace(cursor, pending=len(denied) - len(gone))
    return Checked(Found(found, gone, denied), cursor, done=True)


def _pks(context: Context, keys: list[str]) -> list[int]:
    return list(in_window(context).filter(external_id__in=keys).values_list("pk", flat=True))


PHASES = {"listing": list_again, "cuts": ask_otherwise, "strays": _unlisted}
