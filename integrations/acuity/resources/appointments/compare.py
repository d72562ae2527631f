"""Is a booking stored as Acuity tells it? By its bytes, else by its content."""

from collections.abc import Iterable
from typing import Any

from bookings.models import Appointment
from integrations.acuity.reading.listing import Row, core_of
from integrations.acuity.reading.values import fingerprint
from integrations.acuity.resources.appointments.save import Stored, stored
from integrations.acuity.resources.base import Context, in_window


def inside(context: Context, rows: list[Row]) -> list[Row]:
    """The listed bookings inside the run's window."""
    return [row for row in rows if (at := row.instant) and context.scope.period.contains(at.date())]


def changed(context: Context, listed: list[Row], held: dict[str, Stored]) -> list[str]:
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


def months_of(stored: dict[str, Stored], context: Context) -> dict[str, str]:
    """The month in which each of these bookings is stored, by ID."""
    pks = [had.pk for had in stored.values()]
    days = Appointment.objects.filter(pk__in=pks).values_list("external_id", "service_date")
    return {key: f"{day:%Y-%m}" for key, day in days}


def without(found: dict[str, str], keys: Iterable[str]) -> dict[str, str]:
    gone = set(keys)
    return {key: month for key, month in found.items() if key not in gone}
