"""Is anything missing? Everything is listed again, compared with the database, and fetched if need be."""

import contextlib
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from bookings.models import Appointment, Client
from integrations.acuity.proof import cuts, people, statement
from integrations.acuity.reading.listing import Row, core_of
from integrations.acuity.reading.records import parse_client
from integrations.acuity.reading.values import Reject, print_of
from integrations.acuity.resources import appointments, clients, payments
from integrations.acuity.resources.appointments import Stored
from integrations.acuity.resources.base import Context, Fetched
from integrations.acuity.source.paging import Snapshot
from integrations.acuity.store.upsert import Counts
from integrations.models import RejectedRecord

# A page without forms is small, so verification asks for many at once.
LISTING = 2500
RECHECKS = 2
# So many bookings that no listing shows are asked for by their ID; more say nothing new.
STRAYS = 500
# Above this many, and above a fiftieth of all, what vanished is believed only when a person says so.
MANY_GONE = 20
# Clients are compared so many at a time.
AT_ONCE = 1000


class Verification:
    """Phases: `clients`, `appointments` page by page, `cuts` of the same listing otherwise, `strays`
    that no listing showed by their ID, `payments` due or lost, `months` that do not add up once
    more, `totals`. Bookings that the import has just found as they are stored are not listed again,
    unless the cursor begins with `anew`."""

    name = "verify"
    title = "Verification"
    task = "acuity.verify"

    def fetch(self, context: Context) -> Fetched:
        cursor = dict(context.step.cursor)
        phase = cursor.setdefault("phase", "clients")
        if phase == "clients":
            wanted = "clients" in context.resources
            groups, unlisted, facts, gaps = _clients(context) if wanted else ([], [], {}, [])
            cursor |= {"clients": facts, "gaps": gaps}
            found = [("clients", groups), ("unlisted", unlisted)]
            if "appointments" not in context.resources:
                following: dict[str, Any] = {"phase": "payments"}
            elif not cursor.get("anew") and (months := statement.of_unchanged(context)) is not None:
                recent = statement.cut_recently(context)
                following = {"phase": "payments" if recent else "cuts", "months": months}
                following["evidence"] = [recent] if recent else cuts.EVIDENCE
            else:
                following = {"phase": "appointments"}
            return Fetched(found, cursor | following, count=0)
        if phase == "appointments":
            return _appointments(context, cursor)
        if phase == "cuts":
            return _cut(context, cursor)
        if phase == "strays":
            return _strays(context, cursor)
        if phase == "payments":
            return _payments(context, cursor)
        if phase == "months":
            return _month(context, cursor)
        return _totals(context, cursor)

    def save(self, context: Context, page: Fetched) -> Counts:
        for kind, found in page.records:
            if kind == "clients":
                clients.save_clients(context, found)
            elif kind == "unlisted":
                # Without its hash, the row is written again when its client comes back.
                Client.objects.filter(pk__in=found).update(listed=False, content_hash="")
            elif kind == "appointments":
                # Asked for by ID, it is stored as it is now, also where it left the run's window.
                appointments.save_appointments(context, found, anywhere=True)
            elif kind == "payments":
                payments.save_payments(context, found)
            elif kind == "gone":
                appointments.remove(Appointment.objects.filter(pk__in=found))
            elif kind == "totals":
                statement.conclude(context, found)
        return Counts()


def listing(context: Context) -> int:
    """How many to list at once: fewer after a time-out."""
    return int(context.run.tuning.get("listing", LISTING))


def _clients(
    context: Context,
) -> tuple[list[list[Any]], list[int], dict[str, Any], list[dict[str, Any]]]:
    """Groups of entries whose client is not stored, or stored otherwise than listed; the rows of
    clients that are listed no longer, because they were renamed, merged or deleted; what the readings
    of the list have shown; and the gaps in it."""
    known = Client.objects.filter(tenant=context.tenant, source="acuity", listed=True)
    changed: list[list[Any]] = []
    found: set[str] = set()
    entries, facts, gaps = people.read(context)
    listed = clients.grouped(entries, context.identity)
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
    facts["people"] = len(found)
    # Nobody is unlisted by an answer that another one contradicts.
    if known.count() == len(found) or gaps:
        return changed, [], facts, gaps
    left = [pk for pk, key in known.values_list("pk", "external_id") if key not in found]
    return changed, left, facts, gaps


def _appointments(context: Context, cursor: dict[str, Any]) -> Fetched:
    if "first" not in cursor:
        cursor["first"] = appointments.first_booking(context)
    if cursor["first"] is None:
        strays = _months_of(appointments.stored(payments.in_window(context)), context)
        # That a listing is empty is believed no more than that it is whole.
        following = {"phase": "cuts", "strays": strays, "evidence": cuts.EVIDENCE}
        return Fetched([], cursor | following, count=0)
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
    unseen = {key: had for key, had in stored.items() if key not in known}
    strays = _without(cursor.get("strays", {}), known) | _months_of(unseen, context)
    refreshed = _ask(context, _changed(context, listed, stored))[0]
    following = cursor | page.cursor | {"upto": high.isoformat() if high else None}
    following["strays"] = strays
    if page.done:
        following |= {"phase": "cuts", "seen": {}, "evidence": cuts.EVIDENCE}
    total = context.step.total
    if total is None:
        total = payments.in_window(context).count()
    if page.gaps:
        # They wait here until the proof is finished: what stands on the run is the last proof's.
        following["gaps"] = [*cursor.get("gaps", []), *page.gaps]
    records = [("appointments", refreshed)]
    return Fetched(records, following, count=len(page.records), total=total)


def _cut(context: Context, cursor: dict[str, Any]) -> Fetched:
    """The same bookings, asked for otherwise. What only this shows is fetched and counted."""
    if "ceiling" not in cursor:
        # The walk has learned how many rows this source lets itself be asked for.
        walked = context.run.steps.filter(resource="appointments").first()
        cursor["ceiling"] = walked.cursor.get("ceiling") if walked else None
    most = min(listing(context), cursor["ceiling"] or LISTING)
    rows, position = cuts.ask(context, cursor.get("cut", {}), most)
    following = cursor | {"cut": position}
    if position.get("over"):
        return Fetched([], following | {"phase": "strays"}, count=0)
    listed = _listed(context, rows)
    keys = [row.key for row in listed]
    stored = appointments.stored(payments.in_window(context).filter(external_id__in=keys))
    apart = {row.key: row.day[:7] for row in listed if row.key not in stored}
    following["strays"] = _without(cursor.get("strays", {}), set(keys))
    following["apart"] = cursor.get("apart", {}) | apart
    refreshed = _ask(context, list(apart.keys() - _rejected(context, apart)))[0]
    return Fetched([("appointments", refreshed)], following, count=0)


def _strays(context: Context, cursor: dict[str, Any]) -> Fetched:
    """What is stored but was in no listing is asked for by its ID: moved, hidden, or gone."""
    strays: dict[str, str] = cursor.get("strays", {})
    keys = sorted(strays)[:STRAYS]
    found, missing = _ask(context, keys)
    hidden = {row.key: strays[row.key] for row in found}
    left = _without(strays, {*hidden, *missing})
    following = cursor | {"phase": "payments", "hidden": hidden, "missing": missing}
    following |= {"strays": {}, "unasked": len(left)}
    return Fetched([("appointments", found)], following, count=0)


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
        apart = Counter(cursor.get("apart", {}).values())
        off = {
            m for m in listed.keys() | counted if listed.get(m, 0) + apart[m] != counted.get(m, 0)
        }
        off |= set(apart) | set(cursor.get("hidden", {}).values())
        cursor |= {"phase": "months", "again": sorted(off - {""}) * RECHECKS}
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
    rows: list[Row] = []
    done = False
    while not done:
        page = walk.page(position)
        rows = page.records if page.anew else rows + page.records
        position, done = page.cursor, page.done
    listed = [row for row in _listed(context, rows) if row.day[:7] == month]
    keys = {row.key for row in rows}
    refreshed = _ask(context, _changed(context, listed, {}))[0]
    following = cursor | {"again": again, "months": cursor.get("months", {}) | {month: len(listed)}}
    for name in ("hidden", "apart"):
        following[name] = _without(cursor.get(name, {}), keys)
    return Fetched([("appointments", refreshed)], following, count=0)


def _totals(context: Context, cursor: dict[str, Any]) -> Fetched:
    """The second look at what answered 404 and was in no listing: only what does so twice is gone,
    and nothing if it is so much that the source is the likelier fault."""
    found, missing = _ask(context, cursor.get("missing", []))
    gone = payments.in_window(context).filter(external_id__in=missing)
    pks = list(gone.values_list("pk", flat=True))
    most = max(MANY_GONE, payments.in_window(context).count() // 50)
    if len(pks) > most and not context.run.accept_removals:
        cursor, pks = cursor | {"refused": len(pks)}, []
    records = [("appointments", found), ("gone", pks), ("totals", cursor)]
    return Fetched(records, cursor, done=True, count=0)


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


def _ask(context: Context, keys: list[str]) -> tuple[list[Row], list[str]]:
    """Ask for single bookings: what they are now, and the IDs that Acuity denies (a 404)."""
    keys = list(dict.fromkeys(keys))
    answers = context.source.each([f"/appointments/{key}" for key in keys])
    found = [answer for answer in answers if isinstance(answer, Row)]
    return found, [key for key, answer in zip(keys, answers, strict=True) if answer is None]


def _months_of(stored: dict[str, Stored], context: Context) -> dict[str, str]:
    """The month in which each of these bookings is stored, by ID."""
    pks = [had.pk for had in stored.values()]
    days = Appointment.objects.filter(pk__in=pks).values_list("external_id", "service_date")
    return {key: f"{day:%Y-%m}" for key, day in days}


def _without(found: dict[str, str], keys: Iterable[str]) -> dict[str, str]:
    gone = set(keys)
    return {key: month for key, month in found.items() if key not in gone}


def _rejected(context: Context, keys: Iterable[str]) -> set[str]:
    """Those that could not be read just now: asking once more would say the same."""
    waiting = RejectedRecord.objects.filter(
        account=context.account, resource="appointments", resolved_at=None
    )
    return set(waiting.filter(external_id__in=list(keys)).values_list("external_id", flat=True))


def _instant(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def _last_instant(rows: list[Row]) -> datetime | None:
    return max((at.astimezone(UTC) for row in rows if (at := row.instant)), default=None)
