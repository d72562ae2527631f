"""Who is one person under two names or numbers? Found for a person to look at, merged and separated.

A client that is merged into another keeps its row, as the source lists it. Its bookings and orders
belong to the other one, also those that later imports bring.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from django.db import transaction
from django.db.models import Model, QuerySet

from bookings.history import NAMES
from bookings.models import Appointment, Change, Client, Order, Tenant
from integrations import audit
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.reading.identity import Identity, phone_key
from integrations.acuity.reading.values import Reject
from integrations.acuity.resources.scope import Scope
from integrations.acuity.store.history import Seen, keep, update
from integrations.acuity.store.upsert import links

AT_ONCE = 500


class Candidates(NamedTuple):
    """Clients who may be one person, and what they have in common."""

    why: str
    clients: tuple[Client, ...]


def candidates(tenant: Tenant, most: int | None = None) -> list[Candidates]:
    """The same e-mail address or phone number under other names, then one name with other numbers."""
    rows = Client.objects.filter(tenant=tenant, merged_into=None)
    rows = rows.exclude(external_id__startswith=Client.FORGOTTEN)
    region = _identity(tenant).region
    by_email, by_phone, by_name = (defaultdict[str, list[int]](list) for _ in range(3))
    names: dict[int, str] = {}
    found = rows.order_by("pk").values_list("pk", "name_key", "email", "phone")
    for pk, name, email, phone in found.iterator():
        names[pk] = name
        by_email[email.strip().casefold()].append(pk)
        by_phone[phone_key(phone, region)].append(pk)
        by_name[name].append(pk)
    reasons: dict[tuple[int, ...], list[str]] = {}
    for groups, nothing, why in (
        (by_email, "", "the same e-mail address"),
        (by_phone, "", "the same phone number"),
        (by_name, "|", "the same name"),
    ):
        for key, pks in groups.items():
            alike = groups is not by_name and len({names[pk] for pk in pks}) == 1
            if key not in ("", nothing) and len(pks) > 1 and not alike:
                reasons.setdefault(tuple(pks), []).append(why)
    shown = list(islice(reasons.items(), most))
    clients = rows.select_related("tenant").in_bulk([pk for pks, _ in shown for pk in pks])
    return [
        Candidates(" and ".join(why), tuple(clients[pk] for pk in pks if pk in clients))
        for pks, why in shown
    ]


@transaction.atomic
def merge(other: Client, kept: Client) -> int:
    """Make `kept` the one to whom the other's bookings and orders belong. How many bookings moved.

    Raises ConfigurationError where that cannot be.
    """
    other, kept = _locked(other, kept)
    if other.pk == kept.pk:
        raise ConfigurationError("A client cannot be merged into itself: name two.")
    if other.tenant_id != kept.tenant_id:
        raise ConfigurationError(
            "These clients belong to two businesses: only one's can be merged."
        )
    if other.is_forgotten or kept.is_forgotten:
        raise ConfigurationError("One of these clients was forgotten: there is nobody to merge.")
    for client in (other, kept):
        if client.merged_into_id:
            raise ConfigurationError(f"Client {client.pk} is merged already: separate it first.")
    if other.merged.exists():
        raise ConfigurationError(
            f"Others are merged into client {other.pk}: merge client {kept.pk} into it, or separate them."
        )
    _mark(other, kept.pk)
    moved = _move(other.appointments.all(), other, kept)
    update(_seen(kept, Order), other.orders.all(), client_id=kept.pk)
    note = f"Client {other.pk} into client {kept.pk}"
    audit.write("merged two clients", tenant=kept.tenant_id, note=note)
    return moved


@transaction.atomic
def separate(other: Client) -> int:
    """Give a merged client back what is its own, by what each booking and order says. How many
    bookings. Raises ConfigurationError if it is not merged."""
    if other.merged_into is None:
        raise ConfigurationError(f"Client {other.pk} is not merged into another one.")
    other, kept = _locked(other, other.merged_into)
    _mark(other, None)
    mine = set(_own(other, kept))
    moved = _move(kept.appointments.filter(pk__in=mine), kept, other)
    orders = [order.pk for order in kept.orders.all() if _is_of(other, _entry_of(order))]
    update(_seen(other, Order), Order.objects.filter(pk__in=orders), client_id=other.pk)
    note = f"Client {other.pk} from client {kept.pk}"
    audit.write("separated two clients", tenant=kept.tenant_id, note=note)
    return moved


def _own(other: Client, kept: Client) -> Iterator[int]:
    """Of the kept client's bookings, those that name the other one; and of those that name neither,
    those that were moved by the merge."""
    merged = Change.objects.filter(tenant=other.tenant_id, resource=NAMES[Appointment], by="merge")
    moved = set(merged.filter(changed__client__0=other.external_id).values_list("row", flat=True))
    known = set(
        Client.objects.filter(tenant=other.tenant_id, source_account=other.source_account)
        .filter(name_key__in=[kept.name_key, *kept.merged.values_list("name_key", flat=True)])
        .values_list("external_id", flat=True)
    )
    rows = kept.appointments.filter(source_account=other.source_account)
    for pk, raw in rows.values_list("pk", "raw").iterator(AT_ONCE):
        if _is_of(other, raw) or (pk in moved and _key(other, raw) not in known):
            yield pk


def _is_of(client: Client, entry: object) -> bool:
    """Whether an import would give it to this client: by the key, or the name and the e-mail."""
    if _key(client, entry) == client.external_id:
        return True
    if not isinstance(entry, dict) or not client.email:
        return False
    same = str(entry.get("email") or "").strip().casefold() == client.email.casefold()
    return same and _key(client, entry, name=True) == client.name_key


def _key(client: Client, entry: object, name: bool = False) -> str:
    try:
        keys = _identity(client.tenant, client.source_account).keys(dict(entry))  # type: ignore[call-overload]
    except (Reject, TypeError, ValueError):
        return ""
    return str(keys[1] if name else keys[0])


def _entry_of(order: Order) -> dict[str, str]:
    return {
        "firstName": order.first_name,
        "lastName": order.last_name,
        "email": order.email,
        "phone": order.phone,
    }


def _identity(tenant: Tenant, source_account: str = "") -> Identity:
    accounts = tenant.acuity_accounts.all()
    account = accounts.filter(source_id=source_account).first() or accounts.first()
    return Scope(account).identity if account else Identity()


def _locked(*clients: Client) -> list[Client]:
    rows: QuerySet[Client] = Client.objects.select_for_update(of=("self",)).order_by("pk")
    found = {row.pk: row for row in rows.filter(pk__in=[client.pk for client in clients])}
    return [found[client.pk] for client in clients]


def _mark(client: Client, into: int | None) -> None:
    update(_seen(client, Client), Client.objects.filter(pk=client.pk), merged_into_id=into)


def _move(rows: QuerySet[Appointment], had: Client, now: Client) -> int:
    """They keep their prints, so that the next import finds nothing to write."""
    pks, moved = list(rows.values_list("pk", flat=True)), 0
    for at in range(0, len(pks), AT_ONCE):
        chunk = list(Appointment.objects.filter(pk__in=pks[at : at + AT_ONCE]))
        differences = [(row.pk, row.external_id, {"client_id": (had.pk, now.pk)}) for row in chunk]
        keep(_seen(now, Appointment), Appointment, differences)
        for row in chunk:
            row.client = now
            content = row.content_hash.partition(":")[0]
            if content and row.fingerprint:
                to = links(now.pk, row.calendar_id, row.appointment_type_id)
                row.content_hash = content + to
        moved += Appointment.objects.bulk_update(chunk, ["client", "content_hash"])
    return moved


def _seen(client: Client, model: type[Model]) -> Seen:
    return Seen(client.tenant, NAMES[model], None, "merge")
