"""When is an account looked at by itself? Its plan says; a tick each minute begins what is due.

What is due is computed from the last turn that was taken, so a beat that was off for a week catches
up once. Turns that fall due together are begun a few a minute, the longest overdue first.
"""

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from integrations import audit
from integrations.acuity.accounts import keys
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.reading.zones import zone
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.base import kept
from integrations.acuity.resources.payments.save import oldest
from integrations.acuity.resources.scope import NOTHING_AGAIN, Extent, Scope
from integrations.acuity.runs import control
from integrations.acuity.runs.options import Options
from integrations.acuity.runs.states import PROVABLE
from integrations.models import AcuityAccount, ImportRun, Plan

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
# Multiples of it, without their whole part, lie evenly however many there are: Fibonacci hashing.
GOLDEN = (math.sqrt(5) - 1) / 2
# So many times the share of a minute, at most, begins in one minute.
CROWD = 2
MOST_SHARES = 2
K = ImportRun.Kind
DEEDS: dict[str, Options] = {
    K.IMPORT: Options(),
    # What the listings show; nothing is compared with them, that is the audit's.
    K.PASS: Options(verify=False, only=tuple(n for n, r in RESOURCES.items() if r.hourly)),
    K.AUDIT: Options(),
}


class Turn(NamedTuple):
    """What a plan is due for, and since when."""

    kind: str
    since: datetime
    plan: Plan


def share(plan: Plan) -> float:
    """Where in its hour, and in its night, the account's turn comes: from 0 to 1."""
    return plan.account_id * GOLDEN % 1


def hour_of(plan: Plan, now: datetime) -> datetime:
    """When the last hourly turn was."""
    turn = now.replace(minute=0, second=0, microsecond=0) + share(plan) * HOUR
    return turn if turn <= now else turn - HOUR


def night_of(plan: Plan, now: datetime) -> datetime:
    """When the last nightly turn was, in the account's zone."""
    today = now.astimezone(_zone(plan)).date()
    turns = (_on(plan, today - back * DAY) for back in range(3))
    return next(turn for turn in turns if turn <= now)


def _on(plan: Plan, day: date) -> datetime:
    begins, ends = (datetime.combine(day, at) for at in (plan.night_from, plan.night_to))
    length = (ends - begins) % DAY
    return (begins + share(plan) * length).replace(tzinfo=_zone(plan))


def _zone(plan: Plan) -> tzinfo:
    return zone(plan.account.timezone) or zone(plan.account.tenant.timezone) or UTC


def is_quiet(plan: Plan, now: datetime) -> bool:
    """Whether nothing of the account begins at this time of its day."""
    begins, ends = plan.quiet_from, plan.quiet_to
    if begins is None or ends is None:
        return False
    at = now.astimezone(_zone(plan)).time()
    return begins <= at < ends if begins <= ends else at >= begins or at < ends


def due(plan: Plan, now: datetime) -> Turn | None:
    """What the plan is due for. An audit lists everything, too: a pass that is overdue comes with it."""
    if is_quiet(plan, now):
        return None
    if plan.nightly and (night := night_of(plan, now)) > (plan.audited_at or plan.created_at):
        return Turn(K.AUDIT, night, plan)
    hour = hour_of(plan, now)
    # A pass of the quiet hours is not made up for: the next one is near.
    if plan.hourly and hour > (plan.passed_at or plan.created_at) and not is_quiet(plan, hour):
        return Turn(K.PASS, hour, plan)
    return None


def begin_due(now: datetime | None = None) -> list[ImportRun]:
    """Begin what is due: not more than twice a minute's share of the plans, nothing where a run is
    active or the account has neither key nor connection."""
    now = now or timezone.now()
    active = Count("account__runs", filter=Q(account__runs__status__in=ImportRun.ACTIVE))
    plans = list(Plan.objects.select_related("account__tenant").annotate(active=active))
    turns = [turn for plan in plans if not plan.active and (turn := due(plan, now))]
    turns = [turn for turn in turns if keys.present(turn.plan.account)]
    turns.sort(key=lambda turn: turn.since)
    most = math.ceil(CROWD * len(plans) / 60)
    with audit.acting("schedule"):
        begun = (begin(turn, now) for turn in turns[:most])
        return [run for run in begun if run]


def begin(turn: Turn, now: datetime) -> ImportRun | None:
    """The run of this turn; None if somebody else was first."""
    plan = turn.plan
    taken = {"passed_at": now} | ({"audited_at": now} if turn.kind == K.AUDIT else {})
    before = {name: getattr(plan, name) for name in taken}
    # What was never imported whole and proven is that first.
    known = plan.account.runs.filter(status__in=PROVABLE).exists()
    kind = turn.kind if known else K.IMPORT
    try:
        with transaction.atomic():
            if not Plan.objects.filter(pk=plan.pk, **before).update(**taken):
                return None
            again = NOTHING_AGAIN
            if kind == K.AUDIT:
                again = oldest(extent_of(plan), portion(plan, now))
            return control.start(plan.account, DEEDS[kind], kind=kind, reread=again, by="schedule")
    except control.ActiveRun:
        return None


class Cost(NamedTuple):
    """What reading every payment list again costs this account, one request a list."""

    lists: int
    # As `nights` takes, and what is allowed or else taken.
    wanted: int
    a_night: int
    # How many nights it takes with that.
    nights: int

    @property
    def words(self) -> str:
        """`588 requests a night read all 4,111 payment lists again within 7 nights.`"""
        said = (
            f"{self.a_night:,} requests a night read all {self.lists:,} payment lists"
            f" again within {self.nights} nights."
        )
        if self.a_night >= self.wanted:
            return said
        return f"{said} What was chosen would take {self.wanted:,}."


def cost(plan: Plan) -> Cost:
    lists = kept(extent_of(plan)).count()
    wanted = math.ceil(lists / plan.nights)
    a_night = plan.allowance or wanted
    return Cost(lists, wanted, a_night, math.ceil(lists / a_night) if a_night else 0)


def portion(plan: Plan, now: datetime) -> int:
    """How many lists an audit reads again: its share, or up to those that would be too old by the
    next one, since lists that were never read come before them. At most MOST_SHARES of it; an allowance
    is kept to."""
    share = cost(plan).a_night
    if plan.allowance:
        return share
    too_old = now - plan.nights * DAY + DAY / 2
    lists = kept(extent_of(plan))
    if not lists.filter(payments_read_at__lte=too_old).exists():
        return share
    up_to_them = lists.exclude(payments_read_at__gt=too_old).count()
    return min(max(share, up_to_them), MOST_SHARES * share)


def extent_of(plan: Plan) -> Extent:
    return Scope(plan.account).extent


def following(plan: Plan, now: datetime) -> datetime | None:
    """When the next turn comes, if nothing is active then; None if nothing is planned, or nothing
    can be asked."""
    if not keys.present(plan.account):
        return None
    turns = [*_hours(plan, now)] if plan.hourly else []
    if plan.nightly:
        night = night_of(plan, now)
        turns.append(_after_quiet(plan, _on(plan, night.astimezone(_zone(plan)).date() + DAY)))
    return min(turns, default=None)


def _after_quiet(plan: Plan, turn: datetime) -> datetime:
    """A turn of the night that falls into the quiet hours is taken at their end."""
    if plan.quiet_to is None or not is_quiet(plan, turn):
        return turn
    local = turn.astimezone(_zone(plan))
    ends = local.replace(
        hour=plan.quiet_to.hour, minute=plan.quiet_to.minute, second=0, microsecond=0
    )
    return ends if ends.replace(tzinfo=None) > local.replace(tzinfo=None) else ends + DAY


def _hours(plan: Plan, now: datetime) -> Iterator[datetime]:
    """The next hourly turn outside the quiet hours, if there is one within a day."""
    hours = (hour_of(plan, now) + n * HOUR for n in range(1, 25))
    loud = (hour for hour in hours if not is_quiet(plan, hour))
    if first := next(loud, None):
        yield first


def set_plan(account: AcuityAccount, **columns: Any) -> Plan:
    """The account's plan with these columns, made where there is none. Raises ConfigurationError."""
    plan = Plan.objects.filter(account=account).first() or Plan(account=account)
    for name, value in columns.items():
        setattr(plan, name, value)
    check(plan)
    plan.save()
    audit.write("planned", tenant=account.tenant_id, note=words(plan))
    return plan


def check(plan: Plan) -> None:
    """Raises ConfigurationError if the plan cannot be meant."""
    if (plan.quiet_from is None) != (plan.quiet_to is None):
        raise ConfigurationError("Quiet hours need a beginning and an end, or neither.")
    if not plan.nights:
        raise ConfigurationError("Every list is read again within 1 night or more, not 0.")
    if plan.allowance == 0:
        raise ConfigurationError(
            "An allowance is 1 list a night or more; empty: as the nights take."
        )


def words(plan: Plan) -> str:
    """The plan in a sentence: `hourly pass, nightly audit 01:00-05:00, quiet 22:00-06:00`."""
    said = ["hourly pass"] if plan.hourly else []
    if plan.nightly:
        said.append(f"nightly audit {span(plan.night_from, plan.night_to)}")
    if not said:
        return "nothing planned"
    if plan.quiet_from:
        said.append(f"quiet {span(plan.quiet_from, plan.quiet_to)}")
    return ", ".join(said)


def span(begins: time | None, ends: time | None) -> str:
    """`22:00-06:00`; nothing without a beginning or an end."""
    return f"{begins:%H:%M}-{ends:%H:%M}" if begins and ends else ""
