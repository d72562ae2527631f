"""Is anything missing? Everything is listed again, compared with the database, and fetched if need be."""

import contextlib
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from bookings.models import Appointment, Client
from integrations.acuity.proof import statement
from integrations.acuity.reading.listing import Row, core_of
from integrations.acuity.reading.records import parse_client
from integrations.acuity.reading.values import Reject, print_of
from integrations.acuity.resources import appointments, clients, payments
from integrations.acuity.resources.appointments import Stored
from integrations.acuity.resources.base import Context, Fetched
from integrations.acuity.source.paging import Snapshot
from integrations.acuity.store.upsert import Counts
from integrations.models import ImportRun

# A page without forms is small, so verification asks for many at once.
LISTING = 2500
RECHECKS = 2
# Clients are compared so many at a time.
AT_ONCE = 1000


class Verification:
    """Phases: `clients`, `appointments` page by page, `payments` due or lost, `months` that do not
    add up once more, `totals`. Bookings that the import has just found as they are stored are not
    listed again, unless the cursor begins with `anew`."""

    name = "verify"
    task = "acuity.verify"

    def fetch(self, context: Context) -> Fetched:
        cursor = dict(context.step.cursor)
        phase = cursor.setdefault("phase", "clients")
        if phase == "clients":
            wanted = "clients" in context.resources
            groups, unlisted = _clients(context) if wanted else ([], [])
            found = [("clients", groups), ("unlisted", unlisted)]
            if "appointments" not in context.resources:
                following: dict[str, Any] = {"phase": "payments"}
            elif not cursor.get("anew") and (months := statement.of_unchanged(context)) is not None:
                following = {"phase": "payments", "months": months}
            else:
                following = {"phase": "appointments"}
            return Fetched(found, cursor | following, count=0)
        if phase == "appointments":
            return _appointments(context, cursor)
        if phase == "payments":
            return _payments(context, cursor)
        if phase == "months":
            return _month(context, cursor)
        return Fetched([("totals", cursor)], cursor, done=True, count=0)

    def save(self, context: Context, page: Fetched) -> Counts:
        for kind, found in page.records:
            if kind == "clients":
                # What the import could not prove is judged anew.
                context.run.gaps = []
                ImportRun.objects.filter(pk=context.run.pk).update(gaps=[])
                clients.save_clients(context, found)
            elif kind == "unlisted":
                # Without its hash, the row is written again when its client comes back.
                Client.objects.filter(pk__in=found).update(listed=False, content_hash="")
            elif kind == "appointments":
                appointments.save_appointments(context, found)
            elif kind == "payments":
                payments.save_payments(context, found)
            elif kind == "gone":
                appointments.remove(Appointment.objects.filter(pk__in=found))
            elif kind == "totals":
                statement.conclude(context, found.get("months", {}))
        return Counts()


def listing(context: Context) -> int:
    """How many to list at once: fewer after a time-out."""
    return int(context.run.tuning.get("listing", LISTING))


def _clients(context: Context) -> tuple[list[list[Any]], list[int]]:
    """Groups of entries whose client is not stored, or stored otherwise than listed; and the
    rows of clients that are listed no longer, because they were renamed, merged or deleted."""
    known = Client.objects.filter(tenant=context.tenant, source="acuity", listed=True)
    changed: list[list[Any]] = []
    found: set[str] = set()
    listed = clients.grouped(clients.list_clients(context), context.identity)
    for _, groups in Snapshot.chunks(listed, AT_ONCE):
        records = {}
        for group in map(clients.opened, groups):
            with contextlib.suppress(Reject):
                record = parse_client(group, context.identity)
                records[record.key] = (record.content_hash, group)
        stored = dict(
            known.filter(external_id__in=records).values_list("external_id", "content_hash")
        )
        changed += [group for key, (print_, group) in records.items() if stored.get(key) != print_]
        found |= stored.keys()
    if known.count() == len(found):
        return changed, []
    return changed, [pk for pk, key in known.values_list("pk", "external_id") if key not in found]


def _appointments(context: Context, cursor: dict[str, Any]) -> Fetched:
    ahead = cursor | {"phase": "payments"}
    if "first" not in cursor:
        cursor["first"] = appointments.first_booking(context)
    if cursor["first"] is None:
        gone = _ask_again(context, list(appointments.stored(payments.in_window(context))))[1]
        return Fetched([("gone", gone)], ahead, count=0)
    walk = appointments.walk(context, cursor["first"], listing(context), excludeForms="true")
    page = walk.page(cursor)
    if context.ahead and not page.done and (following := walk.request(page.cursor)):
        context.source.ahead("/appointments", excludeForms="true", **following)
    listed = _listed(context, page.records)
    if page.anew:
        cursor |= {"months": {}, "upto": None}
    cursor["months"] = Counter(cursor.get("months", {})) + appointments.by_month(context, listed)
    low = _instant(cursor.get("upto"))
    high = None if page.done else _last_instant(page.records) or low
    known = (
        {row.key for row in listed}
        | cursor.get("seen", {}).keys()
        | page.cursor.get("seen", {}).keys()
    )
    stored = appointments.stored(_between(context, low, high))
    strays = [key for key in stored if key not in known]
    refreshed, gone = _ask_again(context, [*_changed(context, listed, stored), *strays])
    following = cursor | page.cursor | {"upto": high.isoformat() if high else None}
    if page.done:
        following |= {"phase": "payments", "seen": {}}
    records = [("appointments", refreshed), ("gone", gone)]
    total = context.step.total
    if total is None:
        total = payments.in_window(context).count()
    return Fetched(records, following, gaps=page.gaps, count=len(page.records), total=total)


def _payments(context: Context, cursor: dict[str, Any]) -> Fetched:
    """What is still due because it changed meanwhile, then what the database has lost since."""
    after = cursor.get("after", 0)
    lost = cursor.get("lost", False)
    rows = []
    if "payments" in context.resources:
        waiting = payments.lost(context) if lost else payments.due(context)
        # Each is asked for once: a list that cannot be read stays due.
        rows = list(waiting.filter(pk__gt=after).order_by("pk")[: payments.page_size(context)])
    answers = payments.fetch_payments(context, rows)
    if rows:
        cursor |= {"after": rows[-1].pk}
    elif not lost:
        cursor |= {"lost": True, "after": 0}
    else:
        counted = statement.stored_by_month(context) if "appointments" in context.resources else {}
        listed = cursor.get("months", {})
        short = [month for month, n in listed.items() if n > counted.get(month, 0)]
        cursor |= {"phase": "months", "again": sorted(short) * RECHECKS}
    return Fetched([("payments", answers)], cursor, count=0)


def _month(context: Context, cursor: dict[str, Any]) -> Fetched:
    """A month that does not add up, listed once more at a stroke: a booking may have moved into
    it, or out of it, while the listing went by."""
    again = list(cursor.get("again", []))
    if not again:
        return Fetched([], cursor | {"phase": "totals"}, count=0)
    month = again.pop(0)
    first = date.fromisoformat(f"{month}-01")
    last = (first + timedelta(days=31)).replace(day=1)
    day = (first - timedelta(days=1)).isoformat()
    walk = appointments.walk(context, day, listing(context), last_day=last, excludeForms="true")
    position: dict[str, Any] = {}
    rows, done = [], False
    while not done:
        page = walk.page(position)
        rows = page.records if page.anew else rows + page.records
        position, done = page.cursor, page.done
    listed = [row for row in _listed(context, rows) if row.day[:7] == month]
    refreshed, gone = _ask_again(context, _changed(context, listed, {}))
    months = cursor["months"] | {month: len(listed)}
    records = [("appointments", refreshed), ("gone", gone)]
    return Fetched(records, cursor | {"again": again, "months": months}, count=0)


def _listed(context: Context, rows: list[Row]) -> list[Row]:
    """The listed bookings inside the run's window."""
    return [row for row in rows if (at := row.instant) and context.in_window(at.date())]


def _changed(context: Context, listed: list[Row], stored: dict[str, Stored]) -> list[str]:
    """IDs that are missing from the database, stored otherwise than listed, or linked wrongly."""
    elsewhere = [row.key for row in listed if row.key not in stored]
    if elsewhere:
        found = payments.in_window(context).filter(external_id__in=elsewhere)
        stored = stored | appointments.stored(found)
    owners = {row.key: context.identity.owner_of(row) for row in listed}
    clients = context.clients(set(owners.values()))
    alike = _alike(listed, stored)
    return [
        row.key
        for row in listed
        if not (had := stored.get(row.key))
        or not had.linked
        or clients.get(owners[row.key], had.client) != had.client
        or row.key not in alike
    ]


def _alike(listed: list[Row], stored: dict[str, Stored]) -> set[str]:
    """IDs of the rows that are stored as they are listed: by their bytes, else by their content."""
    same, others = set(), {}
    for row in listed:
        if not (had := stored.get(row.key)):
            continue
        if had.fingerprint[:32] == print_of(row.body) or had.content_hash[:32] == print_of(
            row.core
        ):
            same.add(row.key)
        else:
            others[had.pk] = row
    if others:
        contents = Appointment.objects.filter(pk__in=others).exclude(content_hash="")
        for pk, raw in contents.values_list("pk", "raw"):
            payload = others[pk].payload
            if isinstance(payload, dict) and core_of(payload) == raw:
                same.add(others[pk].key)
    return same


def _between(
    context: Context, low: datetime | None, high: datetime | None
) -> QuerySet[Appointment]:
    rows = payments.in_window(context)
    if low:
        rows = rows.filter(starts_at__gte=low)
    return rows.filter(starts_at__lt=high) if high else rows


def _ask_again(context: Context, keys: list[str]) -> tuple[list[Any], list[int]]:
    """Ask for single bookings: what they are now, and the rows of those that are gone (a 404)."""
    keys = list(dict.fromkeys(keys))
    answers = context.source.each([f"/appointments/{key}" for key in keys])
    found = [answer for answer in answers if answer is not None]
    missing = [key for key, answer in zip(keys, answers, strict=True) if answer is None]
    gone = payments.in_window(context).filter(external_id__in=missing)
    return found, list(gone.values_list("pk", flat=True))


def _instant(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _last_instant(rows: list[Row]) -> datetime | None:
    return next((at.astimezone(UTC) for row in reversed(rows) if (at := row.instant)), None)
