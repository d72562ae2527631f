"""What was there on a day, and what has changed since?"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any, NamedTuple

from django.db.models import Count, Model, Q, QuerySet, Sum

from bookings import models
from bookings.amounts import counted, decimals, shortest
from bookings.models import Change, Tenant

TABLES: dict[str, type[Model]] = {
    "calendars": models.Calendar,
    "addons": models.Addon,
    "forms": models.Form,
    "questions": models.Question,
    "appointment_types": models.AppointmentType,
    "labels": models.Label,
    "clients": models.Client,
    "products": models.Product,
    "orders": models.Order,
    "certificates": models.Certificate,
    "appointments": models.Appointment,
    "payments": models.Payment,
    "blocks": models.Block,
}
# What `Change.resource` calls the rows of a model.
NAMES = {model: name for name, model in TABLES.items()}
# What recognises a row, and what an import keeps for itself.
LEFT_OUT = {
    "id",
    "tenant",
    "source",
    "source_account",
    "raw",
    "content_hash",
    "fingerprint",
    "known_from",
    "first_seen",
    "name_key",
    "review",
    "missing_since",
    "certificate_ref",
    "payment_state",
    "payments_fetched_for",
    "payments_read_at",
    "payments_fetched",
    "payments_fetched_sum",
}
AT_ONCE = 1000
# What decides in which month a booking or payment counts, and for how much.
COUNTS = ["removed_at", "service_date", "amount", "appointment"]
Row = dict[str, Any]


class Owned(NamedTuple):
    """Rows that belong to one row alone, and are part of its history under this name."""

    name: str
    model: type[Model]
    owner: str
    columns: tuple[str, ...]


_TYPE: Any = models.AppointmentType
OWNED: dict[type[Model], tuple[Owned, ...]] = {
    models.AppointmentType: tuple(
        Owned(f"{name}s", getattr(_TYPE, f"{name}s").through, "appointmenttype", (name,))
        for name in ("calendar", "addon", "form")
    ),
    models.Product: (
        Owned(
            "types",
            models.ProductAppointmentType,
            "product",
            ("appointment_type", "count"),
        ),
    ),
    models.Order: (
        Owned(
            "lines",
            models.OrderLine,
            "order",
            ("product", "product_name", "quantity", "total"),
        ),
    ),
    models.Certificate: (
        Owned(
            "types",
            models.CertificateAppointmentType,
            "certificate",
            ("appointment_type", "remaining_count"),
        ),
    ),
    # Answers are in a column of bookings.
    models.Appointment: (
        Owned("addons", models.AppointmentAddon, "appointment", ("addon", "quantity")),
    ),
}
OF: dict[type[Model], Owned] = {each.model: each for of in OWNED.values() for each in of}


def owned(part: Owned, pks: Iterable[int]) -> dict[int, list[Any]]:
    """What belongs to these rows, by primary key and in a certain order: each a row of its columns, or
    where there is one column, its value."""
    rows = part.model._default_manager.filter(**{f"{part.owner}__in": list(pks)})
    found: dict[int, list[Any]] = defaultdict(list)
    for pk, *values in rows.values_list(part.owner, *_paths(part.model, part.columns)):
        row = dict(zip(part.columns, map(plain, values), strict=True))
        found[pk].append(row if len(row) > 1 else values[0])
    return {pk: sorted(each, key=str) for pk, each in found.items()}


def _paths(model: type[Model], names: Iterable[str]) -> list[str]:
    """Where the values are; of a row that is referred to, its ID."""
    return [
        f"{name}__external_id" if model._meta.get_field(name).is_relation else name
        for name in names
    ]


def plain(value: Any) -> Any:
    """As history writes it: money as text with cents, times in ISO and UTC."""
    if isinstance(value, Decimal):
        return f"{shortest(value):f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}Z" if not value.microsecond else value.isoformat()
    return value.isoformat() if hasattr(value, "isoformat") else value


def columns(model: type[Model]) -> list[str]:
    """The columns whose history is kept; one that refers to another row is that row's ID."""
    return [field.name for field in model._meta.concrete_fields if field.name not in LEFT_OUT]


def as_of(
    tenant: Tenant, at: datetime, resource: str, ids: list[str] | None = None
) -> Iterator[tuple[str, Row]]:
    """(ID, row) of each row that was known at that time, as it was then."""
    rows = TABLES[resource]._default_manager.filter(tenant=tenant)
    for _, row in _as_of(rows.filter(external_id__in=ids) if ids else rows, at):
        yield row.pop("external_id"), row


def _as_of(rows: QuerySet[Any], at: datetime) -> Iterator[tuple[int, Row]]:
    """As `as_of`, of these rows, by their primary keys."""
    model = rows.model
    resource, names = NAMES[model], columns(model)
    rows = rows.exclude(first_seen__gt=at)
    found = iter(
        rows.order_by("pk").values_list("pk", *_paths(model, names)).iterator(AT_ONCE),
    )
    while chunk := list(islice(found, AT_ONCE)):
        now = {pk: dict(zip(names, map(plain, values), strict=True)) for pk, *values in chunk}
        for part in OWNED.get(model, ()):
            had = owned(part, now)
            for pk, row in now.items():
                row[part.name] = had.get(pk, [])
        later = Change.objects.filter(resource=resource, row__in=list(now), seen_at__gt=at)
        for pk, changed in later.order_by("-seen_at", "-pk").values_list("row", "changed"):
            now[pk] |= {name: before for name, (before, _) in changed.items() if name in now[pk]}
        yield from now.items()


def since(
    tenant: Tenant, at: datetime, resources: list[str], ids: list[str] | None = None
) -> QuerySet[Change]:
    """The changes seen after that time, oldest first."""
    found = Change.objects.filter(tenant=tenant, seen_at__gt=at, resource__in=resources)
    return (found.filter(external_id__in=ids) if ids else found).order_by("seen_at", "pk")


def months(tenant: Tenant, at: datetime) -> dict[str, tuple[int, int]]:
    """Bookings and cents of payments by month of service, as they were known at that time.

    Where the tenant's currency has them, the cents are thousandths. What stands there now is counted by
    the database; of what was touched since, which is little, the difference is made.
    """
    places = decimals(tenant.currency)
    bookings: Counter[str] = Counter()
    cents: Counter[str] = Counter()
    every = models.Appointment.objects.filter(tenant=tenant)
    paid = models.Payment.objects.filter(tenant=tenant)
    live = every.filter(removed_at=None)
    for day, n in live.values_list("service_date").annotate(n=Count("*")).order_by():
        bookings[f"{day:%Y-%m}"] += n
    sums = paid.filter(removed_at=None, appointment__removed_at=None).values_list("service_date")
    for day, amount in sums.annotate(Sum("amount")).order_by():
        cents[f"{day:%Y-%m}"] += counted(amount, places)

    touched = every.filter(_touched(models.Appointment, at))
    now = dict(touched.filter(removed_at=None).values_list("pk", "service_date"))
    was = {pk: row["service_date"] for pk, row in _as_of(touched, at) if row["removed_at"] is None}
    bookings.subtract(f"{day:%Y-%m}" for day in now.values())
    bookings.update(day[:7] for day in was.values())

    # Payments also of bookings that came or went: they count while their booking does.
    concerned = paid.filter(Q(appointment__in=touched) | _touched(models.Payment, at))
    booking_of = dict(concerned.values_list("pk", "appointment"))
    stay = set(live.filter(payments__in=concerned).values_list("pk", flat=True))
    rows = concerned.filter(removed_at=None).values_list("pk", "service_date", "amount")
    for pk, day, amount in rows:
        if booking_of[pk] in stay:
            cents[f"{day:%Y-%m}"] -= counted(amount, places)
    stayed = (stay - set(touched.values_list("pk", flat=True))) | was.keys()
    for pk, row in _as_of(concerned, at):
        if row["removed_at"] is None and booking_of[pk] in stayed:
            cents[row["service_date"][:7]] += counted(Decimal(row["amount"]), places)
    found = ((month, bookings[month], cents[month]) for month in sorted({*bookings, *cents}))
    return {month: (n, money) for month, n, money in found if n or money}


def _touched(model: type[Model], at: datetime) -> Q:
    """Those that are new since, or of which something changed that counts."""
    changed = Change.objects.filter(
        resource=NAMES[model], seen_at__gt=at, changed__has_any_keys=COUNTS
    )
    return Q(first_seen__gt=at) | Q(pk__in=changed.values("row"))


def closed_months(tenant: Tenant, at: datetime, now: datetime, before: str) -> dict[str, Any]:
    """Of the months before `before` (`2025-11`), those that are others than they were `at`."""
    then, today = months(tenant, at), months(tenant, now)
    return {
        month: {
            what: [then.get(month, (0, 0))[n], today.get(month, (0, 0))[n]]
            for n, what in enumerate(("bookings", "cents"))
        }
        for month in sorted(then.keys() | today.keys())
        if month < before and then.get(month) != today.get(month)
    }
