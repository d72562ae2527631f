"""Blocks: when nobody can book. Listed by day, as bookings are, and by nothing else but calendar."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from django.db.models import Exists, OuterRef, Q

from bookings.models import Block, Calendar
from integrations.acuity.reading import zones
from integrations.acuity.reading.values import Reject, moment, number, plain, text, yes
from integrations.acuity.resources.base import Context
from integrations.acuity.resources.records import Shown
from integrations.acuity.resources.scope import Scope
from integrations.acuity.resources.whole import Whole
from integrations.acuity.source.checks import Days, Source
from integrations.acuity.source.closed import Everything
from integrations.acuity.store.references import Ref

AT_ONCE = 1000
# So many calendars are asked for one by one.
CALENDARS = 20


class Row:
    """A block as a walk by day looks at it."""

    canceled = False
    type_id = first_name = last_name = email = phone = None

    def __init__(self, payload: Any) -> None:
        self.payload = payload if isinstance(payload, dict) else {"id": None}
        self.key, self.starts = str(self.payload.get("id")), plain(self.payload.get("start"))
        self.calendar_id = self.payload.get("calendarID")
        self.zone = plain(self.payload.get("calendarTimezone"))

    @property
    def at(self) -> datetime | None:
        try:
            return moment(self.starts, "start", self.zone)
        except Reject:
            return None

    @property
    def day(self) -> str:
        return at.date().isoformat() if (at := self.at) else ""


class Blocks(Whole):
    name, title, noun = "blocks", "Blocks", "block"
    path, model = "/blocks", Block
    columns = (
        "calendar_id",
        "service_group",
        "calendar_timezone",
        "starts_at",
        "ends_at",
        "notes",
        "managed",
        "recurring",
        "until",
    )

    personal = ("notes",)
    impersonal = frozenset(
        [
            "id",
            "calendarID",
            "serviceGroupID",
            "calendarTimezone",
            "start",
            "end",
            "managed",
            "recurring",
            "until",
        ]
    )

    def read(self, payload: dict[str, Any]) -> tuple[Any, ...]:
        zone = plain(payload.get("calendarTimezone"))[:64]
        key = number(payload["calendarID"], "calendarID") if payload.get("calendarID") else ""
        return (
            Ref(Calendar, key, (("timezone", zone),)),
            plain(payload.get("serviceGroupID"))[:32],
            zone,
            moment(payload.get("start"), "start", zone).astimezone(UTC),
            moment(payload.get("end"), "end", zone).astimezone(UTC),
            text(payload.get("notes"), "notes"),
            yes(payload.get("managed")),
            plain(payload.get("recurring")),
            plain(payload.get("until")),
        )

    def rows(self, scope: Scope) -> Any:
        low, high = (_midnight(scope, day) for day in (scope.period.first, scope.period.last))
        rows = super().rows(scope)
        if low:
            rows = rows.filter(starts_at__gte=low)
        return rows.filter(starts_at__lt=high + timedelta(days=1)) if high else rows

    def listing(self, context: Context) -> Shown:
        source = Source(lambda **asked: [*map(Row, self.ask(context, **asked))])
        calendars = {"calendarID": set(context.catalog.calendars)}
        days = context.scope.period.widened
        walk = Everything(
            source,
            AT_ONCE,
            Days(context.catalog.zones),
            calendars,
            (),
            days.first,
            days.last,
        )
        walk.all_of({})
        rows = [row.payload for row in walk.found.values() if _inside(context, row)]
        # Nobody promised that blocks can be asked for in an order.
        return Shown(rows, gaps=walk.gaps, ignored=sorted(source.ignored - {"direction"}))

    def otherwise(self, context: Context, rows: list[Any]) -> Shown:
        """Each calendar by itself."""
        period = context.scope.period.widened
        days = {"minDate": period.first, "maxDate": period.last}
        bounds = {name: day.isoformat() for name, day in days.items() if day}
        other = Shown()
        calendars = context.account.rows(Calendar)
        # Of one that bookings alone name there are no blocks, or some would be stored.
        there = calendars.filter(
            Q(known_from="") | Exists(Block.objects.filter(calendar=OuterRef("pk")))
        )
        keys = list(there.order_by("pk").values_list("external_id", flat=True)[:CALENDARS])
        for key in keys:
            answer = self.ask(context, calendarID=key, max=AT_ONCE, **bounds)
            found = [Row(payload) for payload in answer]
            if any(str(row.calendar_id) != key for row in found):
                return Shown(ignored=["calendarID"])
            other.rows += [row.payload for row in found if _inside(context, row)]
        if keys:
            other.evidence.append(f"asked for {len(keys)} calendars one by one")
        return other


def _zone(scope: Scope) -> tzinfo:
    return zones.zone(scope.account.timezone) or UTC


def _midnight(scope: Scope, day: date | None) -> datetime | None:
    """When a day of the business begins."""
    return datetime.combine(day, time(), _zone(scope)) if day else None


def _inside(context: Context, row: Row) -> bool:
    """Whether it starts in the run's window; what has no time is a matter of reading."""
    at = row.at
    return at is None or context.scope.period.contains(at.astimezone(_zone(context.scope)).date())
