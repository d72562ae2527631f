"""Appointments: walked by day, canceled ones too, never skipped for want of a client."""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

from django.utils import timezone

from bookings.models import Appointment
from integrations.acuity.errors import AcuityError, Gone
from integrations.acuity.resources.appointments import check, said, save
from integrations.acuity.resources.appointments.walk import (
    by_month,
    estimate,
    first_booking,
    last_booking,
    walk,
)
from integrations.acuity.resources.base import (
    Checked,
    Context,
    Fetched,
    Found,
    Log,
    Resource,
    Said,
    window,
)
from integrations.acuity.store.upsert import Counts, compare
from integrations.models import ImportRun, RejectedRecord


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
        if context.prefetch and not page.done:
            asked = walk(context, cursor["first"], context.limit).request(page.cursor)
            if asked:
                read = (
                    partial(save.parse_prefetched, context.identity) if context.expect_new else None
                )
                context.source.prefetch("/appointments", read, **asked)
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
        total = seen if page.done else estimate(seen, following)
        day = following.get("day", "")
        return Fetched(page.records, following, page.done, total, page.gaps, day=day)

    def save(self, context: Context, page: Fetched) -> Counts:
        return save.save_appointments(context, page.records)

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
            parsed = save.parse(context, page.records)
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
            save.save_appointments(context, [current])

    def check(self, context: Context, cursor: dict[str, Any]) -> Checked:
        return check.check(context, cursor)

    def recheck(self, context: Context, cursor: dict[str, Any]) -> Checked:
        return check.recheck(context, cursor)

    def heal(self, context: Context, found: Found) -> None:
        # Asked for by ID, it is stored as it is now, also where it left the run's window.
        save.save_appointments(context, found.save, anywhere=True)
        save.remove(context, Appointment.objects.filter(pk__in=found.gone))

    def statement(self, context: Context, cursor: dict[str, Any]) -> Said:
        return said.statement(context, cursor)
