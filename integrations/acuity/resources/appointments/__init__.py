"""Appointments: walked by day, canceled ones too, never skipped for want of a client."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC
from functools import partial
from typing import Any

from django.utils import timezone
from msgspec.structs import replace

from bookings.models import Appointment
from integrations.acuity.errors import AcuityError, Gone
from integrations.acuity.reading.listing import decode, decode_one
from integrations.acuity.resources.appointments import check, missing, said, save
from integrations.acuity.resources.appointments.cursors import ProofCursor, WalkCursor
from integrations.acuity.resources.appointments.walk import (
    by_month,
    ceiling,
    estimate,
    first_booking,
    last_booking,
    not_stored,
    passed_by,
    walk,
)
from integrations.acuity.resources.base import (
    Checked,
    Context,
    Fetched,
    Foreseen,
    Found,
    Line,
    Log,
    Resource,
    Said,
    in_window,
    kept,
    plain,
)
from integrations.acuity.resources.scope import Extent, Scope
from integrations.acuity.source.paging import DayCursor
from integrations.acuity.store.upsert import Counts
from integrations.models import RejectedRecord


class Appointments(Resource):
    name, title, noun = "appointments", "Appointments", "appointment"
    model = Appointment
    log = Log(page="appointments", progress="appointments", every=25, summed=True)
    sized, hourly = True, True
    month_gaps = ("day", "listing", "unlisted", "removals", "appointments", "unverified")
    task = "acuity.import_appointments"
    line = "id|start in UTC|canceled|amount paid"

    def fetch(self, context: Context) -> Fetched:
        position, cursor = context.position, WalkCursor.of(context.position.cursor)
        if cursor.first is None:
            first, shown = first_booking(context)
            if first is None:
                return Fetched([], cursor, done=True)
            last, newest = last_booking(context)
            cursor = replace(
                cursor,
                first=first,
                last=last,
                began=timezone.now().isoformat(),
                glimpsed=[row.key for row in not_stored(context, [*shown, *newest])],
                ceiling=ceiling(context),
            )
        first = cursor.first or ""
        # What was fetched ahead was asked for with the limit of that time.
        limit = min(cursor.limit or position.limit, position.limit)
        page = walk(context, first, limit).page(cursor)
        following = replace(page.cursor, limit=None)
        if context.prefetch and not page.done:
            asked = walk(context, first, position.limit).request(following)
            if asked:
                read = (
                    partial(save.parse_prefetched, context.identity) if context.expect_new else None
                )
                context.source.prefetch("/appointments", read, decode, **asked)
                following = replace(following, limit=position.limit)
        if page.records and not following.begins:
            following = replace(following, begins=page.records[0].day or first)
        before = {} if page.anew else cursor.months or {}
        months = Counter(before) + by_month(context, page.records)
        following = replace(following, months=months)
        seen = position.offset + len(page.records)
        total = seen if page.done else estimate(seen, following)
        records = page.records + (passed_by(context, page, cursor.glimpsed) if page.done else [])
        return Fetched(records, following, page.done, total, page.gaps, day=following.day)

    def save(self, context: Context, page: Fetched) -> Counts:
        return save.save_appointments(context, page.records)

    def stored(self, scope: Scope) -> int:
        rows = scope.account.rows(Appointment)
        return scope.period.filter(rows.filter(removed_at=None)).count()

    def gone(self, scope: Scope) -> int:
        rows = scope.account.rows(Appointment)
        return scope.period.filter(rows.filter(removed_at__isnull=False)).count()

    def lines(self, extent: Extent) -> Iterable[Line]:
        names = ("service_date", "external_id", "starts_at", "canceled", "amount_paid")
        rows = kept(extent).order_by("service_date").values_list(*names)
        for day, key, start, canceled, paid in rows.iterator():
            at = f"{start.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
            text = f"{key}|{at}|{'yes' if canceled else 'no'}|{plain(paid)}"
            yield Line(f"{day:%Y-%m}", text, paid)

    def dry_run(self, context: Context, saw: Callable[[list[Any]], None]) -> Foreseen:
        counts, fetched = Counts(), 0
        first, _ = first_booking(context)
        cursor = DayCursor()
        done = first is None
        pages = walk(context, first or timezone.localdate().isoformat(), context.position.limit)
        while not done:
            page = pages.page(cursor)
            if page.anew:
                counts, fetched = Counts(), 0
            parsed = save.parse(context, page.records)
            counts += save.foreseen(context, page.records, parsed)
            by_id = {record.id: record for record in parsed.records}
            context.name_changing(self.name, Appointment, save.SAID, by_id)
            saw(parsed.records)
            fetched += len(page.records)
            cursor, done = page.cursor, page.done
        return Foreseen.of(fetched, counts)

    def read_one(self, context: Context, record: RejectedRecord) -> None:
        (current,) = context.source.each([f"/appointments/{record.external_id}"], decode=decode_one)
        if current is None:
            raise Gone
        if not isinstance(current, AcuityError):
            save.save_appointments(context, [current])

    def check(self, context: Context, cursor: dict[str, Any]) -> Checked:
        return check.check(context, ProofCursor.of(cursor))

    def recheck(self, context: Context, cursor: dict[str, Any]) -> Checked:
        return check.recheck(context, ProofCursor.of(cursor))

    def heal(self, context: Context, found: Found) -> Counts:
        # Asked for by ID, it is stored as it is now, also where it left the run's window.
        counts = save.save_appointments(context, found.save, anywhere=True, anew=True)
        save.remove(context, Appointment.objects.filter(pk__in=found.gone))
        if found.missing is not None:
            missing.remember(in_window(context), found.missing)
        return counts

    def statement(self, context: Context, cursor: dict[str, Any]) -> Said:
        return said.statement(context, ProofCursor.of(cursor))

    def kept(self, part: dict[str, Any]) -> str:
        return f"{part['stored']:,} bookings that Acuity lists"
