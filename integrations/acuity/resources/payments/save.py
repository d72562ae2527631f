"""Which lists of payments are due, how are they asked for, and how written?"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Self

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Round
from django.utils import timezone

from bookings.models import Appointment, Payment
from integrations.acuity.errors import AcuityError, Gone
from integrations.acuity.reading.stored import Stored
from integrations.acuity.reading.values import Reject, clean, other_reading
from integrations.acuity.resources.base import Context, in_window, kept
from integrations.acuity.resources.payments.record import PaymentRecord, parse_payments
from integrations.acuity.resources.scope import Extent, Reread, Scope
from integrations.acuity.store.bulk import Row
from integrations.acuity.store.forgotten import rest_of_payments
from integrations.acuity.store.history import compared, keep, update
from integrations.acuity.store.rejects import reject, resolve
from integrations.acuity.store.upsert import Counts

# A page is about this much of the request budget, so that checkpoints come every few seconds.
PAGE_SECONDS = 5
FIELDS = ["processor", "transaction_id", "amount", "paid_at", "service_date", "removed_at", "raw"]
AT_ONCE = 2000
CONTRADICTED = (
    "Acuity no longer lists a payment of this booking, and still says that as much was paid. What is"
    " stored is kept: if the list is right, import with --accept-removals."
)
# So many appointments are asked about because a payment of theirs is not as it came.
MOST_ALTERED = 1000
Answers = list[tuple[Appointment, Any]]


class NewestFirst(Stored, frozen=True):
    """The last appointment that was asked about: its service date and primary key."""

    day: date | None = None
    pk: int = 0

    @classmethod
    def at(cls, row: Appointment) -> Self:
        return cls(row.service_date, row.pk)

    def rest(self, rows: QuerySet[Appointment]) -> QuerySet[Appointment]:
        """The appointments that come next, the latest first."""
        rows = rows.order_by("-service_date", "-pk")
        if self.day is None:
            return rows
        earlier = Q(service_date__lt=self.day) | Q(pk__lt=self.pk)
        return rows.filter(earlier, service_date__lte=self.day)


def page_size(context: Context) -> int:
    per_second = context.scope.requests_per_second
    if not per_second:
        return context.position.limit
    return max(1, min(context.position.limit, int(per_second * PAGE_SECONDS)))


def all_wanted(context: Context) -> bool:
    return context.scope.choices.get("payments") == "all"


def due(context: Context) -> QuerySet[Appointment]:
    """This run's appointments whose payments are not stored as the source now has them."""
    return due_of(context.scope)


def due_of(scope: Scope) -> QuerySet[Appointment]:
    """The appointments of `scope` whose payments are not stored as the source had them last.

    Where all are asked for, also those that nobody has read since the run began: a correction of
    the same amount shows nowhere else.
    """
    rows = kept(scope.extent)
    if scope.choices.get("payments") == "all":
        since = scope.began or timezone.now()
        read = Q(payments_read_at__gte=since, payments_fetched_for=F("payment_state"))
        return rows.exclude(read & Q(payments_read_at__isnull=False))
    changed = ~Q(payments_fetched_for=F("payment_state"))
    told = Q(paid=True) | ~Q(amount_paid=0) | ~Q(payments_fetched_for="")
    return rows.filter((changed & told) | _again(scope.reread))


def _again(reread: Reread) -> Q:
    """Those that are read again, and have not been since that was decided."""
    if not reread.row:
        return Q(pk__in=[])
    never = Q(payments_read_at=None)
    if reread.until is None:
        return never & Q(pk__lte=reread.row)
    same = Q(payments_read_at=reread.until, pk__lte=reread.row)
    return never | Q(payments_read_at__lt=reread.until) | same


def oldest(extent: Extent, count: int) -> Reread:
    """The `count` lists whose last reading is the longest ago; first those that never were read."""
    by_age = kept(extent).order_by(F("payments_read_at").asc(nulls_first=True), "pk")
    ages = list(by_age.values_list("payments_read_at", "pk")[:count])
    return Reread(*ages[-1]) if ages else Reread()


def with_sums(rows: QuerySet[Appointment]) -> QuerySet[Any]:
    """`rows` with `rows_now` and `sum_now` of the payments that are stored and not removed."""
    kept = Q(payments__removed_at=None)
    return rows.annotate(
        rows_now=Count("payments", filter=kept),
        # SQLite adds as floats do: 0.1 + 0.2.
        sum_now=Round(Sum("payments__amount", filter=kept, default=Decimal(0)), precision=3),
    )


def lost(context: Context) -> QuerySet[Appointment]:
    """Appointments that no longer have the payments that were fetched for them."""
    rows = with_sums(in_window(context).exclude(payments_fetched_for=""))
    return rows.exclude(rows_now=F("payments_fetched"), sum_now=F("payments_fetched_sum"))


def altered(context: Context) -> list[int]:
    """The first appointments of which a payment has columns that are not what it came as."""
    rows = Payment.objects.filter(appointment__in=in_window(context), removed_at=None)
    off: dict[int, None] = {}
    for row in rows.select_related("appointment").order_by("pk").iterator(AT_ONCE):
        came = parse_payments([row.raw], context.account.timezone, row.appointment.starts_at)
        if not came.records or _differing(row, _row(context, row.appointment, came.records[0])):
            off[row.appointment_id] = None
    return list(off)[:MOST_ALTERED]


def doubted(context: Context) -> list[int]:
    """The first appointments whose payments, read since the run began, do not add up to what Acuity says
    was paid, and that no refund explains."""
    rows = in_window(context).exclude(payments_fetched_for="")
    rows = rows.filter(payments_read_at__gte=context.scope.began or timezone.now())
    refunded = Payment.objects.filter(appointment=OuterRef("pk"), removed_at=None, amount__lt=0)
    rows = rows.exclude(Exists(refunded)).exclude(payments_fetched_sum=F("amount_paid"))
    return list(rows.order_by("pk").values_list("pk", flat=True)[:MOST_ALTERED])


def fetch_payments(
    context: Context, page: list[Appointment], following: list[Appointment] | None = None
) -> Answers:
    """Each appointment with its payments, or the `AcuityError` that stands in for them."""
    answers = context.source.each(
        [_path(appointment) for appointment in page],
        [_path(appointment) for appointment in following or []],
    )
    return list(zip(page, answers, strict=True))


def _path(appointment: Appointment) -> str:
    return f"/appointments/{appointment.external_id}/payments"


def save_payments(context: Context, answers: Answers, *, again: bool = False) -> Counts:
    """The fetched list is the truth: new rows stored, vanished ones marked, the rest left alone.

    One that lost payments against what its booking says was paid stays due, and is rejected if that was
    asked for `again`: what is stored of it is kept.
    """
    now, counts, restated = timezone.now(), Counts(), 0
    stored: dict[int, dict[str, Payment]] = {}
    for payment in Payment.objects.filter(appointment__in=[a for a, _ in answers]):
        stored.setdefault(payment.appointment_id, {})[payment.external_id] = payment
    fresh: list[Payment] = []
    changed: list[Payment] = []
    read: list[Appointment] = []
    doubtful: list[int] = []
    for appointment, rows in answers:
        if isinstance(rows, Gone):
            # The listing has a word in that, too: verification judges.
            continue
        if isinstance(rows, AcuityError):
            payload = {"id": appointment.external_id, "status": rows.status}
            reason = f"{_path(appointment)}: {rows}"
            counts += reject(context.scope.origin, "payments", [(payload, reason)])
            continue
        if appointment.client_id in context.forgotten.clients:
            rows = rest_of_payments(rows)
        try:
            records, faults = parse_payments(
                rows,
                context.account.timezone,
                appointment.starts_at,
                context.identity.decimals,
            )
        except Reject as reason:
            payload = {"id": appointment.external_id, "payments": clean(rows)}
            counts += reject(context.scope.origin, "payments", [(payload, str(reason))])
            continue
        had = stored.get(appointment.pk, {})
        believed = faults or context.scope.accept_removals
        if not believed and _is_contradicted(appointment, records, had):
            payload = {"id": appointment.external_id, "payments": clean(rows)}
            if again:
                counts += reject(context.scope.origin, "payments", [(payload, CONTRADICTED)])
                # The list that was believed before is doubted by now, too.
                doubtful.append(appointment.pk)
            continue
        for record in records:
            old = had.pop(record.key, None)
            if old is None:
                fresh.append(_row(context, appointment, record))
            elif names := _differing(old, row := _row(context, appointment, record)):
                row.pk = old.pk
                changed.append(row)
                restated += names == ["raw"]
            else:
                counts.unchanged += 1
        if faults:
            # What is no longer listed may be what could not be read.
            payload = {"id": appointment.external_id, "payments": clean(rows)}
            counts += reject(context.scope.origin, "payments", [(payload, "; ".join(faults))])
            continue
        changed += _vanished(had, now)
        appointment.payments_fetched_for = appointment.payment_state
        appointment.payments_read_at = now
        appointment.payments_fetched = len(records)
        appointment.payments_fetched_sum = sum((r.amount for r in records), Decimal(0))
        _read_as_paid(context, appointment)
        read.append(appointment)
    keep(context.seen("payments"), Payment, compared(Payment, FIELDS, _rows(changed)))
    # Another worker may have stored the same list meanwhile.
    Payment.objects.bulk_create(
        fresh,
        batch_size=500,
        update_conflicts=True,
        unique_fields=["appointment", "external_id"],
        update_fields=FIELDS,
    )
    Payment.objects.bulk_update(changed, FIELDS, batch_size=500)
    Appointment.objects.bulk_update(
        read,
        ["payments_fetched_for", "payments_fetched", "payments_fetched_sum", "payments_read_at"],
        batch_size=500,
    )
    Appointment.objects.filter(pk__in=doubtful).update(payments_fetched_for="")
    resolve(context.scope.origin, "payments", [appointment.external_id for appointment in read])
    updated = len(changed) - restated
    return counts + Counts(created=len(fresh), updated=updated, restated=restated)


def _read_as_paid(context: Context, appointment: Appointment) -> None:
    """Of an amount that can be read in two ways, the one by which its payments add up."""
    paid, places = appointment.payments_fetched_sum, context.identity.decimals
    if appointment.amount_paid == paid or places < 3:
        return
    says = appointment.raw
    if other_reading(says.get("amountPaid"), places) != paid:
        return
    price = other_reading(says.get("price"), places) or appointment.price
    row = Appointment.objects.filter(pk=appointment.pk)
    update(context.seen("appointments"), row, amount_paid=paid, price=price)


def _rows(payments: list[Payment]) -> dict[int, Row]:
    return {row.pk: tuple(getattr(row, name) for name in FIELDS) for row in payments}


def _differing(old: Payment, new: Payment) -> list[str]:
    return [name for name in FIELDS if getattr(old, name) != getattr(new, name)]


def _is_contradicted(
    appointment: Appointment, records: list[PaymentRecord], had: dict[str, Payment]
) -> bool:
    """Whether the list has lost payments and by that agrees less with what the booking says was paid, or
    would agree if it hadn't."""
    before = [payment for payment in had.values() if payment.removed_at is None]
    if {payment.external_id for payment in before} <= {record.key for record in records}:
        return False
    sums = (sum((row.amount for row in rows), Decimal(0)) for rows in (before, records))
    was, now = (abs(paid - appointment.amount_paid) for paid in sums)
    both = {row.external_id: row.amount for row in before} | {r.key: r.amount for r in records}
    return bool(now > was or (now and sum(both.values()) == appointment.amount_paid))


def _vanished(left: dict[str, Payment], now: datetime) -> list[Payment]:
    gone = [payment for payment in left.values() if payment.removed_at is None]
    for payment in gone:
        payment.removed_at = now
    return gone


def _row(context: Context, appointment: Appointment, record: PaymentRecord) -> Payment:
    return Payment(
        tenant=context.tenant,
        appointment=appointment,
        external_id=record.key,
        transaction_id=record.transaction_id,
        processor=record.processor,
        amount=record.amount,
        currency=context.tenant.currency,
        paid_at=record.paid_at,
        service_date=appointment.service_date,
        raw=record.raw,
    )
