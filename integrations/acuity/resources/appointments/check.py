"""Is a booking missing? Everything is listed again, by another cut too, and asked for by ID if need be."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import QuerySet
from msgspec.structs import replace

from bookings.models import Appointment
from integrations.acuity.reading.listing import Row, core_of, decode, decode_one
from integrations.acuity.reading.values import fingerprint
from integrations.acuity.resources.appointments import cuts, said
from integrations.acuity.resources.appointments.cursors import (
    CutCursor,
    ProofCursor,
    WalkCursor,
)
from integrations.acuity.resources.appointments.cuts import Cut, Question
from integrations.acuity.resources.appointments.missing import denied_before
from integrations.acuity.resources.appointments.save import Stored, altered, stored
from integrations.acuity.resources.appointments.walk import (
    by_month,
    first_booking,
    list_days,
    not_stored,
    rejected,
    walk,
)
from integrations.acuity.resources.base import Checked, Context, Found, in_window
from integrations.acuity.source.checks import is_canceled
from integrations.acuity.source.paging import Page

RECHECKS = 2
# So many bookings that no listing shows are asked for by their ID; more say nothing new.
MOST_UNLISTED = 500
# Of what an answer should have shown so many are asked for by their ID.
ASKED = 20
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


def _list(context: Context, cursor: ProofCursor) -> Checked:
    first, shown = (cursor.first, []) if cursor.first else first_booking(context)
    if first is None:
        unlisted = _months_of(stored(in_window(context)), context)
        # That a listing is empty is believed no more than that it is whole.
        empty = replace(cursor, phase="cuts", strays=unlisted, evidence=[cuts.WALK])
        return Checked(Found(), empty)
    pages = walk(context, first, context.position.listing, excludeForms="true")
    page = pages.page(cursor)
    if context.prefetch and not page.done and (asked := pages.request(page.cursor)):
        context.source.prefetch("/appointments", decode=decode, excludeForms="true", **asked)
    listed = _listed(context, page.records)
    before = replace(cursor, months={}, upto=None) if page.anew else cursor
    low = _instant(before.upto)
    high = None if page.done else _reached(page) or low
    known = {row.key for row in listed} | cursor.seen.keys() | page.cursor.seen.keys()
    held = stored(_between(context, low, high))
    unseen = {key: had for key, had in held.items() if key not in known}
    # A day beside those that were asked for is listed, too: what is stored in them has moved there.
    keys = {row.key for row in listed}
    around = [row.key for row in page.records if row.key not in keys]
    moved = stored(in_window(context).filter(external_id__in=around)) if around else {}
    # What other questions have shown where this one has passed.
    beside = {row.key: row.day[:7] for row in not_stored(context, [*shown, *page.beside])}
    off = {*_changed(context, listed, held), *moved, *beside}
    if cursor.anew:
        # What else has written into the table may have left the prints as they were.
        here = stored(in_window(context).filter(external_id__in=keys))
        off |= altered(context, listed, here)
    refreshed = _ask(context, sorted(off))[0]
    following = replace(
        page.cursor,
        first=first,
        months=Counter(before.months) + by_month(context, listed),
        upto=high.isoformat() if high else None,
        strays=_without(cursor.strays, known) | _months_of(unseen, context),
        apart=_without(cursor.apart, known) | _without(beside, known),
        # They wait here until the proof is finished: what stands on the run is the last proof's.
        gaps=[*cursor.gaps, *page.gaps],
    )
    if page.done:
        following = replace(following, phase="cuts", seen={}, evidence=[cuts.WALK])
    total = context.position.total
    if total is None:
        total = in_window(context).count()
    return Checked(Found(refreshed), following, count=len(page.records), total=total)


def _cut(context: Context, cursor: ProofCursor) -> Checked:
    """The same bookings, asked for otherwise. What only this shows, shows otherwise, or should show and
    doesn't, is asked for by its ID. Where the import's own pages are to be the other cut, either shows
    the very same bookings, or everything is listed again."""
    walked = context.scope.steps.filter(resource="appointments").first()
    walk = WalkCursor.of(walked.cursor) if walked else WalkCursor()
    if cursor.ceiling is None:
        # The walk has learned how many rows this source lets itself be asked for.
        cursor = replace(cursor, ceiling=walk.ceiling)
    question, n = cuts.upcoming(context, cursor)
    if question is None:
        return Checked(Found(), replace(cursor, phase="strays"))
    if n != cursor.asking.n:
        cursor = replace(cursor, asking=_next(cursor.asking, n))
    most = min(context.position.listing, cursor.ceiling or context.position.listing)
    longest = max(walk.longest, 0 if cursor.reused else cursor.longest)
    answer = cuts.ask(context, question, cursor.asking, most, longest)
    unlike = _unlike(context, cursor, question, answer)
    if cursor.reused and (unlike.silent or unlike.apart or unlike.lacking or answer.crowded):
        again = _list(context, ProofCursor(phase="listing", ceiling=cursor.ceiling))
        asked = {row.key for row in again.found.save}
        found = _ask(context, [key for key in unlike.apart if key not in asked])[0]
        return replace(again, found=Found([*again.found.save, *found]))
    refreshed, short, missing = _asked_for(context, cursor, question, unlike)
    over = cursor.brief or unlike.silent or answer.last or (answer.uncut and not unlike.lacking)
    failed = unlike.silent or short
    hides = "showall" in question.asked and all(map(is_canceled, short))
    disobeyed = {"showall" if hides else question.by} if short else set()
    following = replace(
        cursor,
        asking=_next(answer.cursor, n + 1) if over else answer.cursor,
        ignored=sorted({*cursor.ignored} | disobeyed),
        strays=_without(cursor.strays, {row.key for row in unlike.listed})
        | _months_of(stored(in_window(context).filter(external_id__in=missing)), context),
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
    listed = _listed(context, answer.rows)
    held = stored(in_window(context).filter(external_id__in=[row.key for row in listed]))
    apart = {row.key: row.day[:7] for row in listed if row.key not in held}
    silent = bool(answer.disobeyed - {"max", "direction"})
    lacking = answer.lacking(context, question, cursor.asking)
    if silent or answer.crowded or (answer.unordered and lacking):
        # Where the rest of the rows are, such an answer cannot say.
        silent, lacking = silent or not answer.crowded, []
    return Unlike(listed, apart, _changed(context, listed, held), lacking, silent)


def _asked_for(
    context: Context, cursor: ProofCursor, question: Question, unlike: Unlike
) -> tuple[list[Row], list[Row], list[str]]:
    """By their IDs: all that was unlike, those that the answer should have had, and IDs denied."""
    doubted = [] if question.kind in cursor.failed else unlike.lacking[:ASKED]
    changed = {*unlike.changed} - rejected(context, unlike.changed)
    found, missing = _ask(context, [*changed, *doubted])
    period, doubts = context.scope.period, {*doubted}
    short = [
        row
        for row in found
        if row.key in doubts and question.is_about(row) and period.contains(row.day)
    ]
    return found, short, missing


def _next(cut: CutCursor, n: int) -> CutCursor:
    return CutCursor(n=n, ignored=cut.ignored, intruders=cut.intruders)


def _with(names: list[str], name: str) -> list[str]:
    return names if name in names else [*names, name]


def _unlisted(context: Context, cursor: ProofCursor) -> Checked:
    """What is stored but was in no listing is asked for by its ID: moved, hidden, or gone."""
    unlisted = cursor.strays
    keys = sorted(unlisted)[:MOST_UNLISTED]
    found, missing = _ask(context, keys)
    # What moved out of the days that were asked for is no fault of their listing.
    period = context.scope.period
    inside = [row for row in found if not (at := row.instant) or period.contains(at.date())]
    hidden = {row.key: unlisted[row.key] for row in inside}
    left = _without(unlisted, {*(row.key for row in found), *missing})
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
    listed = [row for row in _listed(context, rows) if row.day[:7] == month]
    keys = {row.key for row in rows}
    refreshed = _ask(context, _changed(context, listed, {}))[0]
    following = replace(
        cursor,
        again=again,
        months=cursor.months | {month: len(listed)},
        hidden=_without(cursor.hidden, keys),
        apart=_without(cursor.apart, keys),
        missing=[key for key in cursor.missing if key not in keys],
    )
    return Checked(Found(refreshed), following)


def _gone(context: Context, cursor: ProofCursor) -> Checked:
    """Another look at what answered 404 and was in no listing: only what does so in two looks, far
    enough apart, is gone, and nothing if it is so much that the source is the likelier fault."""
    found, missing = _ask(context, cursor.missing)
    denied = _pks(context, missing)
    most = max(MANY_GONE, in_window(context).count() // 50)
    if len(denied) > most and not context.scope.accept_removals:
        cursor = replace(cursor, refused=len(denied))
        return Checked(Found(found, missing=denied), cursor, done=True)
    gone = list(denied_before(in_window(context).filter(pk__in=denied)))
    cursor = replace(cursor, pending=len(denied) - len(gone))
    return Checked(Found(found, gone, denied), cursor, done=True)


def _listed(context: Context, rows: list[Row]) -> list[Row]:
    """The listed bookings inside the run's window."""
    return [row for row in rows if (at := row.instant) and context.scope.period.contains(at.date())]


def _changed(context: Context, listed: list[Row], held: dict[str, Stored]) -> list[str]:
    """IDs that are missing from the database, stored otherwise than listed, or linked wrongly."""
    elsewhere = [row.key for row in listed if row.key not in held]
    if elsewhere:
        found = in_window(context).filter(external_id__in=elsewhere)
        held = held | stored(found)
    owners = {row.key: context.identity.owner_of(row) for row in listed}
    clients = context.catalog.clients(set(owners.values()))
    alike = _alike(listed, held)
    return [
        row.key
        for row in listed
        if not (had := held.get(row.key))
        or not had.linked
        or clients.get(owners[row.key], had.client) != had.client
        or row.key not in alike
    ]


def _alike(listed: list[Row], held: dict[str, Stored]) -> set[str]:
    """IDs of the rows that are stored as they are listed: by their bytes, else by their content. Of one
    that comes twice, each time."""
    same: set[str] = set()
    others: dict[int, list[Row]] = {}
    for row in listed:
        if not (had := held.get(row.key)):
            continue
        if had.bare == fingerprint(row.body) or had.core == fingerprint(row.core):
            same.add(row.key)
        else:
            others.setdefault(had.pk, []).append(row)
    same -= {rows[0].key for rows in others.values()}
    if others:
        contents = Appointment.objects.filter(pk__in=others).exclude(content_hash="")
        for pk, raw in contents.values_list("pk", "raw"):
            if all(_says(row, raw) for row in others[pk]):
                same.add(others[pk][0].key)
    return same


def _says(row: Row, raw: Any) -> bool:
    """Whether the row has the content that is stored."""
    payload = row.payload
    return isinstance(payload, dict) and core_of(payload) == raw


def _between(
    context: Context, low: datetime | None, high: datetime | None
) -> QuerySet[Appointment]:
    rows = in_window(context)
    if low:
        rows = rows.filter(starts_at__gte=low)
    return rows.filter(starts_at__lt=high) if high else rows


def _ask(context: Context, keys: list[str]) -> tuple[list[Row], list[str]]:
    """Ask for single bookings: what they are now, and the IDs that Acuity denies (a 404)."""
    keys = list(dict.fromkeys(keys))
    answers = context.source.each([f"/appointments/{key}" for key in keys], decode=decode_one)
    found = [answer for answer in answers if isinstance(answer, Row)]
    return found, [key for key, answer in zip(keys, answers, strict=True) if answer is None]


def _pks(context: Context, keys: list[str]) -> list[int]:
    return list(in_window(context).filter(external_id__in=keys).values_list("pk", flat=True))


def _months_of(stored: dict[str, Stored], context: Context) -> dict[str, str]:
    """The month in which each of these bookings is stored, by ID."""
    pks = [had.pk for had in stored.values()]
    days = Appointment.objects.filter(pk__in=pks).values_list("external_id", "service_date")
    return {key: f"{day:%Y-%m}" for key, day in days}


def _without(found: dict[str, str], keys: Iterable[str]) -> dict[str, str]:
    gone = set(keys)
    return {key: month for key, month in found.items() if key not in gone}


def _instant(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _reached(page: Page[ProofCursor]) -> datetime | None:
    """All that begins before this has been listed."""
    times: list[tuple[datetime, str]] = [
        (at.astimezone(UTC), row.key) for row in page.records if (at := row.instant)
    ]
    if not times:
        return None
    last: datetime
    last, key = max(times)
    # Of that moment there may be more, unless its day is behind the walk.
    more = key in page.cursor.seen
    return last if more else last + timedelta.resolution


PHASES = {"listing": _list, "cuts": _cut, "strays": _unlisted}
