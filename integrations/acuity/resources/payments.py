"""Payments: one request an appointment, asked only where the source's word of them changed."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from bookings.models import Appointment, Payment
from integrations.acuity.errors import NotFound
from integrations.acuity.records import Reject, clean, parse_payments
from integrations.acuity.resources.base import Context, Fetched
from integrations.acuity.sink import Counts, reject


class Payments:
    name = "payments"

    def fetch(self, context: Context) -> Fetched:
        after = context.step.cursor.get("after", 0)
        total = context.step.total
        if total is None:
            total = due(context).count()
        rows = list(due(context).filter(pk__gt=after).order_by("pk")[: context.limit])
        answers = fetch_payments(context, rows)
        cursor = {"after": rows[-1].pk if rows else after}
        done = len(rows) < context.limit
        fetched = sum(len(rows) for _, rows in answers if isinstance(rows, list))
        return Fetched(answers, cursor, done, total=total, fetched=fetched)

    def save(self, context: Context, page: Fetched) -> Counts:
        return save_payments(context, page.records)


def due(context: Context) -> QuerySet[Appointment]:
    """This run's appointments whose payments are not stored as the source now has them."""
    run = context.run
    rows = Appointment.objects.filter(tenant=context.tenant, source="acuity", removed_at=None)
    if run.min_date:
        rows = rows.filter(service_date__gte=run.min_date)
    if run.max_date:
        rows = rows.filter(service_date__lte=run.max_date)
    if run.payments_mode == "all":
        return rows.exclude(payments_fetched_for=F("payment_state"))
    asked = Q(paid=True) | ~Q(amount_paid=0) | ~Q(payments_fetched_for="")
    return rows.filter(asked).exclude(payments_fetched_for=F("payment_state"))


def fetch_payments(
    context: Context, appointments: list[Appointment]
) -> list[tuple[Appointment, Any]]:
    """Each appointment with its payments, or None where Acuity no longer knows it."""

    def ask(appointment: Appointment) -> tuple[Appointment, Any]:
        try:
            return appointment, context.client.get(
                f"/appointments/{appointment.external_id}/payments"
            )
        except NotFound:
            return appointment, None

    if not appointments:
        return []
    # Threads do HTTP only: a database connection of theirs would never be closed.
    workers = min(settings.ACUITY_MAX_CONNECTIONS or 20, 8, len(appointments))
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(ask, appointments))


def save_payments(context: Context, answers: list[tuple[Appointment, Any]]) -> Counts:
    """The fetched list is the truth: new rows stored, vanished ones marked, the rest left alone."""
    now, counts = timezone.now(), Counts()
    stored: dict[int, dict[str, Payment]] = {}
    for payment in Payment.objects.filter(appointment__in=[a for a, _ in answers]):
        stored.setdefault(payment.appointment_id, {})[payment.external_id] = payment
    fresh, changed = [], []
    for appointment, rows in answers:
        if rows is None:
            Appointment.objects.filter(pk=appointment.pk).update(removed_at=now)
            continue
        try:
            records = parse_payments(rows)
        except Reject as reason:
            payload = {"id": appointment.external_id, "payments": clean(rows)}
            counts += reject(context.run, "payments", [(payload, str(reason))])
            continue
        had = stored.get(appointment.pk, {})
        for record in records:
            old = had.pop(record.key, None)
            if old is None:
                fresh.append(_row(context, appointment, record))
            elif old.removed_at or old.service_date != appointment.service_date:
                old.removed_at, old.service_date = None, appointment.service_date
                changed.append(old)
            else:
                counts.unchanged += 1
        for gone in had.values():
            if gone.removed_at is None:
                gone.removed_at = now
                changed.append(gone)
        appointment.payments_fetched_for = appointment.payment_state
    Payment.objects.bulk_create(fresh, batch_size=500)
    Payment.objects.bulk_update(changed, ["removed_at", "service_date"], batch_size=500)
    by_state: dict[str, list[int]] = {}
    for appointment, _ in answers:
        by_state.setdefault(appointment.payments_fetched_for, []).append(appointment.pk)
    for state, keys in by_state.items():
        Appointment.objects.filter(pk__in=keys, payment_state=state).update(
            payments_fetched_for=state
        )
    return counts + Counts(created=len(fresh), updated=len(changed))


def _row(context: Context, appointment: Appointment, record: Any) -> Payment:
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
    )
