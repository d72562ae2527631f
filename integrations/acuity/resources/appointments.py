"""Appointments: walked by day, canceled ones too, never skipped for want of a client."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import date
from functools import partial
from typing import Any, NamedTuple

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.utils import timezone

from bookings.models import Appointment, AppointmentType, Calendar, Client, Payment
from integrations.acuity.errors import AcuityError, BadAnswer, Gone
from integrations.acuity.reading.identity import Identity
from integrations.acuity.reading.listing import Row
from integrations.acuity.reading.records import AppointmentRecord, Place, parse_appointment
from integrations.acuity.reading.values import Reject, digest, print_of
from integrations.acuity.resources import payments
from integrations.acuity.resources.base import Context, Fetched, Log, Resource, window
from integrations.acuity.source.closed import FIRST
from integrations.acuity.source.paging import ALL, Keyset
from integrations.acuity.source.slices import People
from integrations.acuity.store.bulk import Row as Values
from integrations.acuity.store.rejects import reject, resolve
from integrations.acuity.store.upsert import LINKS, Counts, Parsed, compare, linked, links, upsert
from integrations.models import ImportRun, RejectedRecord

FIELDS = [
    "external_id",
    "client_id",
    "calendar_id",
    "appointment_type_id",
    "starts_at",
    "ends_at",
    "timezone",
    "service_date",
    "price",
    "paid",
    "amount_paid",
    "canceled",
    "no_show",
    "certificate",
    "notes",
    "forms",
    "labels",
    "raw",
    "payment_state",
    "removed_at",
    "fingerprint",
    "content_hash",
]


class Appointments(Resource):
    name, title, noun = "appointments", "Appointments", "appointment"
    model = Appointment
    log = Log(page="appointments", progress="appointments", every=25)
    sized = True
    task = "acuity.import_appointments"

    def fetch(self, context: Context) -> Fetched:
        cursor = dict(context.step.cursor)
        if "first" not in cursor:
            cursor["first"] = first_booking(context)
            if cursor["first"] is None:
                return Fetched([], cursor, done=True)
            cursor |= {"last": last_booking(context), "began": timezone.now().isoformat()}
        # What was fetched ahead was asked for with the limit of that time.
        limit = min(cursor.pop("limit", context.limit), context.limit)
        page = walk(context, cursor["first"], limit).page(cursor)
        if context.ahead and not page.done:
            asked = walk(context, cursor["first"], context.limit).request(page.cursor)
            if asked:
                read = partial(read_ahead, context.identity) if context.mostly_new else None
                context.source.ahead("/appointments", read, **asked)
                page.cursor["limit"] = context.limit
        kept = {
            name: cursor[name] for name in ("first", "last", "began", "begins") if name in cursor
        }
        if page.records:
            kept.setdefault("begins", page.records[0].day or cursor["first"])
        if context.step.created + context.step.updated + context.step.rejected == 0:
            before = {} if page.anew else cursor.get("months", {})
            kept["months"] = Counter(before) + by_month(context, page.records)
        following = page.cursor | kept
        seen = context.step.offset + len(page.records)
        total = seen if page.done else _estimate(seen, following)
        return Fetched(page.records, following, page.done, total, page.gaps)

    def save(self, context: Context, page: Fetched) -> Counts:
        return save_appointments(context, page.records)

    def stored(self, run: ImportRun) -> int:
        rows = Appointment.objects.filter(tenant=run.account.tenant_id, source="acuity")
        return rows.filter(removed_at=None, **window(run)).count()

    def dry_run(self, context: Context, saw: Callable[[list[Any]], None]) -> dict[str, int]:
        counts, fetched = Counts(), 0
        first = first_booking(context)
        position: dict[str, Any] = {}
        done = first is None
        pages = walk(context, first or timezone.localdate().isoformat(), context.limit)
        while not done:
            page = pages.page(position)
            if page.anew:
                counts, fetched = Counts(), 0
            parsed = parse(context, page.records)
            hashes = {record.id: record.content_hash for record in parsed.records}
            counts += compare(Appointment, context.tenant, hashes)
            counts += Counts(rejected=len(parsed.rejects))
            saw(parsed.records)
            fetched += len(page.records)
            position, done = page.cursor, page.done
        return {"fetched": fetched} | asdict(counts)

    def read_one(self, context: Context, record: RejectedRecord) -> None:
        (current,) = context.source.each([f"/appointments/{record.external_id}"])
        if current is None:
            raise Gone
        if not isinstance(current, AcuityError):
            save_appointments(context, [current])


def list_appointments(context: Context, **params: Any) -> list[Row]:
    rows = context.source.get("/appointments", **params)
    if not isinstance(rows, list):
        raise BadAnswer("/appointments is not a list")
    return rows


def first_booking(context: Context) -> str | None:
    """The day to start from, or None if the account has no booking in the window.

    No answer says which booking is the first, so the walk starts before all of them.
    """
    if context.first_day:
        return context.first_day.isoformat()
    some = list_appointments(context, **ALL, max=1, minDate=FIRST.isoformat())
    some = some or list_appointments(context, showall="true", max=1)
    some = some or list_appointments(context, canceled="true", max=1)
    return FIRST.isoformat() if some else None


def last_booking(context: Context) -> str:
    """The last day that has a booking, or the window's last; only progress is told by it."""
    rows = list_appointments(context, **ALL | {"direction": "DESC"}, max=1)
    days = walk(context, "1970-01-01", 1).dates(rows[0]) if rows else []
    return min([max(days, default=date.max), context.last_day or date.max]).isoformat()


def _estimate(read: int, cursor: dict[str, Any]) -> int | None:
    """How many there will be, if the rest of the time is as busy as what was read of it."""
    if "begins" not in cursor:
        return None
    first, last, now = (date.fromisoformat(cursor[key]) for key in ("begins", "last", "day"))
    if now <= first or last <= first:
        return None
    return round(read * max(1.0, (last - first) / (now - first)))


def walk(
    context: Context, first: str, limit: int, last_day: date | None = None, **params: Any
) -> Keyset:
    """The keyset walk from `first` to `last_day`, or to the end of this run's window."""
    return Keyset(
        lambda **asked: list_appointments(context, **params, **asked),
        limit,
        date.fromisoformat(first),
        last_day=last_day or context.last_day,
        zones=context.zones,
        calendars=context.calendars,
        types=context.types,
        people=known_people(context),
    )


def known_people(context: Context) -> People:
    """Who might have booked; asked of the database only where a day has to be divided by people."""
    rows = Client.objects.filter(tenant=context.tenant, source="acuity")
    return rows.values_list("first_name", "last_name", "email", "phone")


def by_month(context: Context, rows: Iterable[Row]) -> Counter[str]:
    """How many rows of the run's window take place in each month."""
    low, high = (str(day or "") for day in (context.run.min_date, context.run.max_date))
    return Counter(row.day[:7] for row in rows if low <= row.day and (not high or row.day <= high))


class Stored(NamedTuple):
    """What tells whether a stored booking is as it was listed."""

    key: str
    pk: int
    fingerprint: str
    content_hash: str
    client: int
    calendar: int | None
    type: int | None

    @property
    def linked(self) -> bool:
        """Whether it still belongs to whom and what it was stored with."""
        return linked(self.content_hash, self[4:])


def stored(rows: QuerySet[Appointment]) -> dict[str, Stored]:
    """`rows` by ID."""
    names = ("external_id", "pk", "fingerprint", "content_hash", *LINKS[Appointment])
    return {found.key: found for found in map(Stored._make, rows.values_list(*names))}


def _known(context: Context, rows: Sequence[Row]) -> dict[str, Stored]:
    """What is stored of the time that the rows span."""
    times = [at for row in (rows[0], rows[-1]) if (at := row.at) and at.tzinfo] if rows else []
    if len(times) < 2:
        return {}
    between = payments.in_window(context).filter(starts_at__gte=times[0], starts_at__lte=times[1])
    return stored(between[: 2 * len(rows)])


def _unchanged(context: Context, rows: Sequence[Row], known: dict[str, Stored]) -> set[str]:
    """IDs of the rows that are stored already, of the same bytes and with the same client."""
    same = [
        (row.key, context.identity.owner_of(row), had.client)
        for row in rows
        if (had := known.get(row.key)) and had.fingerprint[32:] == print_of(row.body) and had.linked
    ]
    clients = context.clients({owner for _, owner, _ in same})
    return {key for key, owner, client in same if clients.get(owner) == client}


def read_ahead(identity: Identity, rows: Any) -> None:
    """Parse the rows of the next answer while the database works on this one."""
    for row in rows if isinstance(rows, list) else ():
        with contextlib.suppress(Reject):
            row.parsed = parse_appointment(row, identity)


def parse(context: Context, rows: Iterable[Row], anywhere: bool = False) -> Parsed:
    parsed, records = Parsed(), {}
    for row in rows:
        try:
            record = row.parsed or parse_appointment(row, context.identity)
        except Reject as reason:
            parsed.rejects.append((row.payload, str(reason)))
            continue
        if anywhere or context.in_window(record.service_date):
            records[record.id] = record
    parsed.records = list(records.values())
    return parsed


def save_appointments(context: Context, rows: Sequence[Row], anywhere: bool = False) -> Counts:
    """Store what changed. `anywhere`: also what lies outside the run's window."""
    known = _known(context, rows)
    same = _unchanged(context, rows, known) if known else set()
    context.mostly_new = 2 * len(same) < len(rows)
    parsed = parse(context, (row for row in rows if row.key not in same), anywhere)
    found = parsed.records
    new = not any(row.key in known for row in rows)
    saved = _save(context, found, probably_new=new) if found else Counts()
    counts = Counts(unchanged=len(same)) + saved
    if context.awaits_rejects:
        resolve(context.run, "appointments", {*same, *(record.id for record in found)})
    context.awaits_rejects |= bool(parsed.rejects)
    return counts + reject(context.run, "appointments", parsed.rejects)


def _save(context: Context, records: list[AppointmentRecord], probably_new: bool) -> Counts:
    calendars = _referred(context, Calendar, {r.calendar_id: r.place for r in records})
    types = _referred(context, AppointmentType, {r.type_id: r.place for r in records})
    clients = _clients(context, records)
    values = [
        _values(r, clients[r.client_key], calendars.get(r.calendar_id), types.get(r.type_id))
        for r in records
    ]
    counts, updated = upsert(
        context.tenant, Appointment, FIELDS, values, probably_new, context.source.read_ahead
    )
    if updated:
        _move_payments(updated)
    return counts


def remove(rows: QuerySet[Appointment]) -> None:
    """Mark as gone at the source. Without its hash, a row is written again when it comes back."""
    rows.update(removed_at=timezone.now(), content_hash="", fingerprint="")


def _values(r: AppointmentRecord, client: int, calendar: int | None, kind: int | None) -> Values:
    """As FIELDS has it."""
    return (
        r.id,
        client,
        calendar,
        kind,
        r.starts_at,
        r.ends_at,
        r.timezone,
        r.service_date,
        r.price,
        r.paid,
        r.amount_paid,
        r.canceled,
        r.no_show,
        r.certificate,
        r.notes,
        r.forms,
        r.labels,
        r.raw,
        r.payment_state,
        None,
        r.fingerprint,
        r.content_hash + links(client, calendar, kind),
    )


def _move_payments(appointments: list[int]) -> None:
    """Revenue goes by the date of service, so payments follow a booking that was moved."""
    day = Appointment.objects.filter(pk=OuterRef("appointment_id")).values("service_date")
    moved = Payment.objects.filter(appointment__in=appointments)
    moved.exclude(service_date=F("appointment__service_date")).update(service_date=Subquery(day))


def _referred(context: Context, model: Any, places: dict[str, Place]) -> dict[str, int]:
    """Primary keys by ID; a deleted calendar or type is made from what the booking says of it."""
    found = context.catalog.setdefault(model, {})
    if unknown := places.keys() - found.keys() - {""}:
        rows = model._default_manager.filter(
            tenant=context.tenant, source="acuity", external_id__in=unknown
        )
        found.update(rows.values_list("external_id", "pk"))
    for external_id in unknown - found.keys():
        place = places[external_id]
        says: dict[str, Any] = {"name": place.type, "active": False}
        if model is Calendar:
            says = {"name": place.calendar, "timezone": place.timezone[:64]}
        says["name"] = str(says["name"] or "").strip()[:255]
        row = model._default_manager.create(tenant=context.tenant, external_id=external_id, **says)
        found[external_id] = row.pk
        context.relearn()
    return found


def _clients(context: Context, records: list[AppointmentRecord]) -> dict[str, int]:
    """Each record's client: by key, else by e-mail within the name, else made from the booking."""
    wanted = {r.client_key: r for r in records}
    found = context.clients(set(wanted))
    missing = [r for key, r in wanted.items() if key not in found]
    if missing and context.identity.by_phone:
        known = Client.objects.filter(tenant=context.tenant, source="acuity")
        # Not clients of the other rule, of whom the name is the whole key.
        known = known.exclude(external_id=F("name_key")).exclude(email="")
        rows = known.filter(name_key__in=[r.client_name_key for r in missing])
        by_email: dict[tuple[str, str], list[int]] = {}
        for name_key, email, pk in rows.values_list("name_key", "email", "pk"):
            by_email.setdefault((name_key, email.casefold()), []).append(pk)
        for record in missing:
            matches = by_email.get(
                (record.client_name_key, record.person.fields()["email"].casefold()), []
            )
            if len(matches) == 1:
                found[record.client_key] = matches[0]
    born = [
        Client(
            tenant=context.tenant,
            external_id=r.client_key,
            name_key=r.client_name_key,
            listed=False,
            content_hash=digest(["from a booking"]),
            **r.person.fields(),
        )
        for r in missing
        if r.client_key not in found
    ]
    for client in Client.objects.bulk_create(born, batch_size=500):
        found[client.external_id] = client.pk
    return found
