"""Does the listing, walked once more, show what is stored?"""

from collections import Counter
from datetime import UTC, datetime, timedelta

from django.db.models import QuerySet
from msgspec.structs import replace

from bookings.models import Appointment
from integrations.acuity.reading.listing import decode
from integrations.acuity.resources.appointments import compare, cuts
from integrations.acuity.resources.appointments.cursors import ProofCursor
from integrations.acuity.resources.appointments.save import altered, stored
from integrations.acuity.resources.appointments.walk import (
    by_id,
    by_month,
    first_booking,
    not_stored,
    walk,
)
from integrations.acuity.resources.base import Checked, Context, Found, in_window
from integrations.acuity.source.paging import Page


def list_again(context: Context, cursor: ProofCursor) -> Checked:
    """A page of the listing, and what is stored of its days held against it."""
    first, shown = (cursor.first, []) if cursor.first else first_booking(context)
    if first is None:
        unlisted = compare.months_of(stored(in_window(context)), context)
        # That a listing is empty is believed no more than that it is whole.
        empty = replace(cursor, phase="cuts", strays=unlisted, evidence=[cuts.WALK])
        return Checked(Found(), empty)
    pages = walk(context, first, context.position.listing, excludeForms="true")
    page = pages.page(cursor)
    if context.prefetch and not page.done and (asked := pages.request(page.cursor)):
        context.source.prefetch("/appointments", decode=decode, excludeForms="true", **asked)
    listed = compare.inside(context, page.records)
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
    off = {*compare.changed(context, listed, held), *moved, *beside}
    if cursor.anew:
        # What else has written into the table may have left the prints as they were.
        here = stored(in_window(context).filter(external_id__in=keys))
        off |= altered(context, listed, here)
    refreshed = by_id(context, sorted(off))[0]
    following = replace(
        page.cursor,
        first=first,
        months=Counter(before.months) + by_month(context, listed),
        upto=high.isoformat() if high else None,
        strays=compare.without(cursor.strays, known) | compare.months_of(unseen, context),
        apart=compare.without(cursor.apart, known) | compare.without(beside, known),
        # They wait here until the proof is finished: what stands on the run is the last proof's.
        gaps=[*cursor.gaps, *page.gaps],
    )
    if page.done:
        following = replace(following, phase="cuts", seen={}, evidence=[cuts.WALK])
    total = context.position.total
    if total is None:
        total = in_window(context).count()
    return Checked(Found(refreshed), following, count=len(page.records), total=total)


def _between(
    context: Context, low: datetime | None, high: datetime | None
) -> QuerySet[Appointment]:
    rows = in_window(context)
    if low:
        rows = rows.filter(starts_at__gte=low)
    return rows.filter(starts_at__lt=high) if high else rows


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
