"""To whom and to what does a booking belong? To rows that are found, or made from what it says."""

from typing import Any

from django.db.models import F

from bookings.models import Calendar, Certificate, Client, Label
from integrations.acuity.reading.values import digest
from integrations.acuity.resources.appointments.record import AppointmentRecord, Place
from integrations.acuity.resources.base import Context
from integrations.acuity.resources.catalog import WHO
from integrations.acuity.store.references import Ref, find_or_make, make


def referred(context: Context, model: Any, places: dict[str, Place]) -> dict[str, int]:
    """Primary keys by ID; a deleted calendar or type is made from what the booking says of it."""
    found = context.catalog.keys.setdefault(model, {})
    if unknown := places.keys() - found.keys() - {""}:
        rows = context.account.rows(model).filter(external_id__in=unknown)
        found.update(rows.values_list("external_id", "pk"))
    for external_id in unknown - found.keys():
        place = places[external_id]
        says: dict[str, Any] = {"name": place.type, "active": False}
        if model is Calendar:
            says = {"name": place.calendar, "timezone": place.timezone[:64]}
        says["name"] = str(says["name"] or "").strip()[:255]
        found[external_id] = make(context.account, model, external_id, says, "appointments")
        context.catalog.relearn()
    return found


def labels(context: Context, records: list[AppointmentRecord]) -> dict[str, int]:
    """Primary keys by ID of the labels that the records carry."""
    refs = {
        Ref(Label, key, (("name", name), ("color", color)))
        for key, name, color in {r.label for r in records}
        if key
    }
    return find_or_make(context.account, refs, "appointments").get(Label, {}) if refs else {}


def certificates(context: Context, records: list[AppointmentRecord]) -> dict[str, int]:
    """Primary keys by code; a code in no list is a coupon."""
    codes = {r.certificate for r in records} - {""}
    if not codes:
        return {}
    rows = context.account.rows(Certificate).filter(code__in=codes)
    return dict(rows.values_list("code", "pk"))


def clients(context: Context, records: list[AppointmentRecord]) -> dict[str, int]:
    """Each record's client: by key, else by e-mail within the name, else made from the booking."""
    wanted = {r.client_key: r for r in records}
    found = context.catalog.clients(set(wanted))
    missing = [r for key, r in wanted.items() if key not in found]
    if context.forgotten:
        for r in missing:
            email = r.person.fields()["email"]
            if pk := context.forgotten.client("", r.client_name_key, email):
                found[r.client_key] = pk
        missing = [r for r in missing if r.client_key not in found]
    if missing and context.identity.by_phone:
        known = context.account.rows(Client)
        # Not clients of the other rule, of whom the name is the whole key.
        known = known.exclude(external_id=F("name_key")).exclude(email="")
        rows = known.filter(name_key__in=[r.client_name_key for r in missing])
        by_email: dict[tuple[str, str], list[int]] = {}
        for name_key, email, pk in rows.values_list("name_key", "email", WHO):
            by_email.setdefault((name_key, email.casefold()), []).append(pk)
        for record in missing:
            matches = by_email.get(
                (record.client_name_key, record.person.fields()["email"].casefold()), []
            )
            if len(matches) == 1:
                found[record.client_key] = matches[0]
    born = [
        Client(
            **context.account.marks,
            external_id=r.client_key,
            name_key=r.client_name_key,
            listed=False,
            content_hash=digest(["from a booking"]),
            **r.person.fields(),
        )
        for r in missing
        if r.client_key not in found
    ]
    # Another worker may be making one of them at this moment: theirs is taken.
    Client.objects.bulk_create(born, batch_size=500, ignore_conflicts=True)
    return context.catalog.clients({r.client_key for r in missing})
