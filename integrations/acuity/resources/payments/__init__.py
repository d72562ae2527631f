"""Payments: one request an appointment, asked only where the source's word of them changed."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Protocol

from django.db.models import Q, QuerySet

from bookings.models import Appointment, Payment
from integrations.acuity.errors import AcuityError, Gone
from integrations.acuity.resources.base import (
    Checked,
    Context,
    Fetched,
    Found,
    Line,
    Log,
    Resource,
    Said,
    Unasked,
    in_window,
    kept,
    many,
    plain,
)
from integrations.acuity.resources.payments import check, save
from integrations.acuity.resources.scope import Extent, Scope
from integrations.acuity.store.upsert import Counts
from integrations.models import RejectedRecord


class Booked(Protocol):
    """What of a booking says whether its payments are wanted."""

    @property
    def id(self) -> str: ...
    @property
    def paid(self) -> bool: ...
    @property
    def amount_paid(self) -> Decimal: ...
    @property
    def payment_state(self) -> str: ...


class Payments(Resource):
    name, title, noun = "payments", "Payments", "payment"
    model = Payment
    read_as = "payment lists"
    log = Log(page="payments", progress="payments", every=25, summed=True)
    after = ("appointments",)
    options = {"payments": ("paid", "all")}
    hourly = True
    task = "acuity.import_payments"
    line = "booking's id|payment|amount"

    def fetch(self, context: Context) -> Fetched:
        waiting = save.due(context)
        total = context.position.total
        if total is None:
            total = waiting.count()
        size = save.page_size(context)
        more = size if context.prefetch else 0
        cursor = save.NewestFirst.of(context.position.cursor)
        rows = list(cursor.rest(waiting)[: size + more])
        page, following = rows[:size], rows[size:]
        answers = save.fetch_payments(context, page, following)
        fetched = sum(len(rows) for _, rows in answers if isinstance(rows, list | dict))
        if page:
            cursor = save.NewestFirst.at(page[-1])
        return Fetched(answers, cursor, len(page) < size, total=total, fetched=fetched)

    def save(self, context: Context, page: Fetched) -> Counts:
        return save.save_payments(context, page.records)

    def stored(self, scope: Scope) -> int:
        stay, bookings = _of_tenant(scope).filter(removed_at=None), _bookings(scope)
        # Few bookings are gone or not the account's: indexes have them.
        gone = bookings.filter(removed_at__isnull=False).values("pk")
        others = (bookings.filter(o, removed_at=None).values("pk") for o in _of_others(scope))
        left_out = stay.filter(appointment__in=gone.union(*others, all=True))
        return stay.count() - left_out.count()

    def gone(self, scope: Scope) -> int:
        rows, marks = _of_tenant(scope), scope.account.marks
        ours = {f"appointment__{name}": value for name, value in marks.items()}
        lost = rows.filter(removed_at__isnull=False, **ours)
        bookings = _bookings(scope).filter(removed_at__isnull=False, **marks)
        return lost.count() + rows.filter(removed_at=None, appointment__in=bookings).count()

    def lines(self, extent: Extent) -> Iterable[Line]:
        rows = Payment.objects.filter(appointment__in=kept(extent), removed_at=None)
        names = ("service_date", "appointment__external_id", "external_id", "amount", "processor")
        values = rows.order_by("service_date").values_list(*names)
        for day, booking, key, amount, processor in values.iterator():
            text = f"{booking}|{key}|{plain(amount)}"
            yield Line(f"{day:%Y-%m}", text, amount, processor)

    def dry_run(self, context: Context, saw: Callable[[list[Any]], None]) -> Unasked:
        """They are not asked for, one request each; only how many those would be."""
        return Unasked(context.foreseen[self.name])

    def foresee(self, context: Context, records: list[Booked]) -> None:
        rows = context.account.rows(Appointment)
        rows = rows.filter(external_id__in=[record.id for record in records])
        had = dict(rows.values_list("external_id", "payments_fetched_for"))
        for record in records:
            wanted = record.paid or record.amount_paid or save.all_wanted(context)
            if (wanted or had.get(record.id)) and had.get(record.id) != record.payment_state:
                context.foreseen[self.name] += 1

    def read_one(self, context: Context, record: RejectedRecord) -> None:
        (current,) = context.source.each([f"/appointments/{record.external_id}/payments"])
        if isinstance(current, Gone):
            raise current
        if isinstance(current, AcuityError):
            return
        stored = in_window(context).filter(external_id=record.external_id)
        save.save_payments(context, [(appointment, current) for appointment in stored])

    def check(self, context: Context, cursor: dict[str, Any]) -> Checked:
        return check.check(context, check.ProofCursor.of(cursor))

    def heal(self, context: Context, found: Found) -> Counts:
        # Asked for a second time, a list that contradicts its booking is the source's word.
        return save.save_payments(context, found.save, again=True)

    def statement(self, context: Context, cursor: dict[str, Any]) -> Said:
        return check.statement(context, check.ProofCursor.of(cursor))

    def kept(self, part: dict[str, Any]) -> str:
        return f"the {part['lists_read']:,} payment lists that were read"

    def not_asked(self, part: dict[str, Any]) -> str:
        unasked, off = part.get("unasked", 0), part.get("differing", 0)
        said = [f"Not asked: the payments of {unasked:,} unpaid bookings."] if unasked else []
        if off:
            said.append(
                f"Of {many(off, 'booking')} the payments do not add up to what Acuity says was paid."
            )
        return " ".join(said)


def _of_tenant(scope: Scope) -> QuerySet[Payment]:
    """Of the scope's days. An index counts them by itself; the few others are then taken off."""
    return scope.period.filter(Payment.objects.filter(tenant=scope.tenant))


def _bookings(scope: Scope) -> QuerySet[Appointment]:
    return Appointment.objects.filter(tenant=scope.tenant)


def _of_others(scope: Scope) -> list[Q]:
    """Rows of other accounts and sources, as ranges of an index that begins with these two: what is
    not equal would be looked for in every row, and so would all ranges at once, on SQLite."""
    source, account = scope.account.marks["source"], scope.account.marks["source_account"]
    return [
        Q(source__lt=source),
        Q(source__gt=source),
        Q(source=source, source_account__lt=account),
        Q(source=source, source_account__gt=account),
    ]
