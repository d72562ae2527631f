"""How is a page of bookings written? Only what changed, and never skipped for want of a client."""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.utils import timezone

from bookings.models import (
    Appointment,
    AppointmentType,
    Calendar,
    Payment,
)
from integrations.acuity.reading.identity import Identity
from integrations.acuity.reading.listing import Row
from integrations.acuity.reading.values import PRINT, Reject, canonical, fingerprint, plain
from integrations.acuity.resources.appointments import belongs, parts
from integrations.acuity.resources.appointments.record import (
    AppointmentRecord,
    Person,
    parse_appointment,
)
from integrations.acuity.resources.base import Context, in_window
from integrations.acuity.store import history
from integrations.acuity.store.bulk import Row as Values
from integrations.acuity.store.forgotten import rest
from integrations.acuity.store.history import keep, update
from integrations.acuity.store.rejects import reject, resolve
from integrations.acuity.store.upsert import LINKS, Counts, Parsed, linked, links, undone, upsert

LINKED = (*LINKS[Appointment], "certificate_ref_id", "label_id")
PRINTS = ("fingerprint", "content_hash")
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
    "certificate_ref_id",
    "label_id",
    "created_at",
    "duration",
    "price_sold",
    "type_name",
    "category",
    "calendar_name",
    "calendar_timezone",
    "location",
    "class_id",
    "first_name",
    "last_name",
    "email",
    "phone",
    "notes",
    "forms",
    "labels",
    "raw",
    "payment_state",
    "removed_at",
    "fingerprint",
    "content_hash",
]
# Those that a listing without forms can tell by itself.
LISTED = [name for name in FIELDS if name not in (*LINKED, "forms", "raw", *PRINTS)]


# Of these, what a booking says itself, and its record has under the same name.
SAID = (
    "starts_at",
    "ends_at",
    "service_date",
    "price",
    "paid",
    "amount_paid",
    "canceled",
    "no_show",
    "certificate",
    "location",
    "notes",
)


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
    def bare(self) -> str:
        """The print of its bytes in a listing without forms."""
        return self.fingerprint[:PRINT]

    @property
    def whole(self) -> str:
        """The print of all its bytes."""
        return self.fingerprint[PRINT:]

    @property
    def core(self) -> str:
        """The print of what all answers with it have in common."""
        return self.content_hash[:PRINT]

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
    between = in_window(context).filter(starts_at__gte=times[0], starts_at__lte=times[1])
    return stored(between[: 2 * len(rows)])


def _unchanged(context: Context, rows: Sequence[Row], known: dict[str, Stored]) -> set[str]:
    """IDs of the rows that are stored already, of the same bytes and with the same client."""
    same = [
        (row.key, context.identity.owner_of(row), had.client)
        for row in rows
        if (had := known.get(row.key)) and had.whole == fingerprint(row.body) and had.linked
    ]
    clients = context.catalog.clients({owner for _, owner, _ in same})
    return {key for key, owner, client in same if clients.get(owner) == client}


def parse_prefetched(identity: Identity, rows: Any) -> None:
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
        if anywhere or context.scope.period.contains(record.service_date):
            records[record.id] = record
    parsed.records = list(records.values())
    return parsed


def save_appointments(
    context: Context, rows: Sequence[Row], anywhere: bool = False, *, anew: bool = False
) -> Counts:
    """Store what changed. `anywhere`: also what lies outside the run's window. `anew`: also what was
    stored of the same bytes."""
    known = {} if anew else _known(context, rows)
    same = _unchanged(context, rows, known) if known else set()
    context.expect_new = 2 * len(same) < len(rows)
    parsed = parse(context, (row for row in rows if row.key not in same), anywhere)
    found = parsed.records
    new = not any(row.key in known for row in rows)
    saved = _save(context, found, new and not anew, anew) if found else Counts()
    counts = Counts(unchanged=len(same)) + saved
    if context.awaits_rejects:
        resolve(context.scope.origin, "appointments", {*same, *(record.id for record in found)})
    context.awaits_rejects |= bool(parsed.rejects)
    return counts + reject(context.scope.origin, "appointments", parsed.rejects)


def foreseen(context: Context, rows: Sequence[Row], parsed: Parsed) -> Counts:
    """What `save_appointments` would count of these rows, of which `parsed` is what they hold."""
    ids = [record.id for record in parsed.records]
    stored = set(
        context.account.rows(Appointment)
        .filter(external_id__in=ids)
        .values_list("external_id", flat=True)
    )
    counts = Counts(created=len({*ids} - stored), rejected=len(parsed.rejects))
    held = [row for row in rows if row.key in stored]
    same = _unchanged(context, held, _known(context, held)) if held else set()
    other = [row for row in held if row.key not in same]
    counts += Counts(unchanged=len(stored & same))
    if not other:
        return counts
    with undone():
        return counts + save_appointments(context.trial, other)


def _save(
    context: Context, records: list[AppointmentRecord], expect_new: bool, anew: bool
) -> Counts:
    calendars = belongs.referred(context, Calendar, {r.calendar_id: r.place for r in records})
    types = belongs.referred(context, AppointmentType, {r.type_id: r.place for r in records})
    clients = belongs.clients(context, records)
    nameless = context.forgotten.clients
    records = [without_name(r) if clients[r.client_key] in nameless else r for r in records]
    labels, certificates = belongs.labels(context, records), belongs.certificates(context, records)
    values = [
        _values(
            r,
            clients[r.client_key],
            calendars.get(r.calendar_id),
            types.get(r.type_id),
            certificates.get(r.certificate),
            labels.get(r.label[0]),
        )
        for r in records
    ]
    written = upsert(
        context.account,
        Appointment,
        FIELDS,
        values,
        expect_new,
        context.source.parse_prefetched,
        seen=context.seen("appointments"),
        anew=anew,
    )
    if written.updated:
        _move_payments(context, written.updated)
    return written.corrected(parts.save(context, records, written))


def without_name(record: AppointmentRecord) -> AppointmentRecord:
    """The booking of somebody who was forgotten: when, what, and the money."""
    raw = msgspec.Raw(canonical(rest(msgspec.json.decode(record.raw))))
    return msgspec.structs.replace(
        record,
        person=Person("", "", "", ""),
        notes="",
        # Who visits people has their addresses here.
        location="",
        forms=msgspec.Raw(b"[]"),
        raw=raw,
        scheduled_by="",
    )


def remove(context: Context, rows: QuerySet[Appointment]) -> None:
    """Mark as gone at the source. Without its hash, a row is written again when it comes back."""
    gone = {
        "removed_at": timezone.now(),
        "missing_since": None,
        "content_hash": "",
        "fingerprint": "",
    }
    update(context.seen("appointments"), rows, **gone)


def _values(
    r: AppointmentRecord,
    client: int,
    calendar: int | None,
    kind: int | None,
    certificate: int | None,
    label: int | None,
) -> Values:
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
        certificate,
        label,
        r.created_at,
        r.duration,
        r.price_sold,
        plain(r.place.type),
        r.category,
        plain(r.place.calendar),
        r.place.timezone[:64],
        r.location,
        r.class_id,
        *r.person.as_booked(),
        r.notes,
        r.forms,
        r.labels,
        r.raw,
        r.payment_state,
        None,
        r.fingerprint,
        r.content_hash + links(client, calendar, kind),
    )


def altered(context: Context, rows: Iterable[Row], held: Mapping[str, Stored]) -> set[str]:
    """IDs of the rows, as a listing without forms has them, of which a column is stored otherwise."""
    nameless, wanted = context.forgotten.clients, {}
    for r in parse(context, (row for row in rows if row.key in held), anywhere=True).records:
        had = held[r.id]
        record = without_name(r) if had.client in nameless else r
        values = dict(zip(FIELDS, _values(record, 0, None, None, None, None), strict=True))
        wanted[had.pk] = tuple(values[name] for name in LISTED)
    names = {had.pk: key for key, had in held.items()}
    return {names[pk] for pk in history.altered(Appointment, LISTED, wanted)}


def _move_payments(context: Context, appointments: Iterable[int]) -> None:
    """Revenue goes by the date of service, so payments follow a booking that was moved."""
    day = Appointment.objects.filter(pk=OuterRef("appointment_id")).values("service_date")
    theirs = Payment.objects.filter(appointment__in=appointments)
    moved = theirs.exclude(service_date=F("appointment__service_date"))
    days = moved.values_list("pk", "external_id", "service_date", "appointment__service_date")
    differences = [(pk, key, {"service_date": (old, new)}) for pk, key, old, new in days]
    keep(context.seen("payments"), Payment, differences)
    moved.update(service_date=Subquery(day))
