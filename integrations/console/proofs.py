"""The calendar of proof: what is known of each month and day of an account, and since when?"""

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import Count
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dates import MONTHS, WEEKDAYS_ABBR
from django.utils.formats import get_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings import zones
from bookings.models import Appointment
from bookings.tables import number
from integrations import access
from integrations.acuity.proof.headline import headline
from integrations.acuity.reading.findings import Gap
from integrations.acuity.resources.scope import Period
from integrations.console import asked, coverage
from integrations.console.home import FRESH
from integrations.models import AcuityAccount, ImportRun

# Proofs that are looked through for each month's newest.
RUNS = 50
MONTHS_OF_YEAR = range(1, 13)


@dataclass(frozen=True)
class Month:
    """`state`: proven, old, gap or never. The proof's run is None where no proof spoke of it."""

    name: str
    state: str
    words: str
    run: ImportRun | None = None
    first: str = ""
    last: str = ""


@dataclass(frozen=True)
class Day:
    """`state` as a month's; `words` say it, and how many bookings are stored."""

    day: date
    state: str
    words: str


def page(request: HttpRequest) -> list[dict[str, Any]]:
    """One part for each account that the user may see, with the days of a year of the chosen one."""
    rows = AcuityAccount.objects.select_related("tenant").order_by("tenant__name", "name", "pk")
    accounts = list(access.of_user(request.user).narrow(rows))
    chosen, year = request.GET.get("account", ""), request.GET.get("year", "")
    if len(accounts) == 1:
        chosen = str(accounts[0].pk)
    return [_part(one, year if str(one.pk) == chosen else None) for one in accounts]


def _part(account: AcuityAccount, chosen: str | None) -> dict[str, Any]:
    """`chosen` is the year of which the days are shown: None for none, the newest if it is no year."""
    proven = account.runs.filter(verified_at__isnull=False).defer(
        "differences", "digests", "tuning"
    )
    runs = list(proven.order_by("-verified_at")[:RUNS])
    last = runs[0] if runs else None
    where = zones.of(account.tenant)
    years = _years(_months(runs))
    known = [int(row["year"]) for row in years]
    year = None
    if chosen is not None and known:
        year = asked.number(chosen) if asked.number(chosen) in known else known[0]
    return {
        "account": account,
        "year": year,
        "days": _days(account, runs, year) if year else [],
        "zone": where.key,
        "last": last,
        "at": zones.written(last.verified_at, where) if last else "",
        "sentence": headline(last.scope, last.verified) if last else "",
        "years": years,
    }


def _months(runs: list[ImportRun]) -> dict[str, Month]:
    """The newest proof's word of each month."""
    found: dict[str, Month] = {}
    for run in reversed(runs):
        for row in coverage.months(run):
            state = "gap" if row["state"] != "whole" else _age(run)
            words = number(row["stored"]) if row["state"] == "whole" else row["words"]
            found[row["month"]] = _month(row["month"], state, words, run)
    return found


def _age(run: ImportRun) -> str:
    old = bool(run.verified_at and timezone.now() - run.verified_at > FRESH)
    return "old" if old else "proven"


def _month(name: str, state: str, words: str, run: ImportRun | None) -> Month:
    year, month = int(name[:4]), int(name[5:7])
    last = calendar.monthrange(year, month)[1]
    return Month(name, state, words, run, f"{name}-01", f"{name}-{last:02}")


def _years(months: dict[str, Month]) -> list[dict[str, Any]]:
    """The newest first, twelve months each."""
    return [
        {
            "year": year,
            "months": [
                months.get(name) or _month(name, "never", _("never asked"), None)
                for name in (f"{year}-{n:02}" for n in MONTHS_OF_YEAR)
            ],
        }
        for year in sorted({name[:4] for name in months}, reverse=True)
    ]


class _Word:
    """What one proof says of a day."""

    def __init__(self, run: ImportRun) -> None:
        self._run = run
        self._period = Period(run.min_date, run.max_date)
        self._months = {row["month"]: row for row in coverage.months(run)}
        gaps = [Gap.of(gap) for gap in run.gaps]
        self._gap_days = {gap.day for gap in gaps if gap.kind in coverage.OPEN and gap.day}
        # Months of which something is missing on no day in particular.
        self._vague = {gap.month for gap in gaps if gap.kind in coverage.OPEN and not gap.day} | {
            name for name, row in self._months.items() if row["state"] in ("short", "rejected")
        }

    def of(self, day: date) -> str:
        """The state, nothing if it did not speak of this day."""
        name = f"{day:%Y-%m}"
        if name not in self._months or not self._period.contains(day):
            return ""
        unsure = name in self._vague or "" in self._vague or day.isoformat() in self._gap_days
        return "gap" if unsure else _age(self._run)


def _days(account: AcuityAccount, runs: Sequence[ImportRun], year: int) -> list[dict[str, Any]]:
    """The months of the year, each with its weeks of days; None where a week has days of another."""
    words = [_Word(run) for run in runs]
    rows = account.rows(Appointment).filter(removed_at=None, service_date__year=year)
    stored = dict(rows.order_by().values_list("service_date").annotate(n=Count("*")))
    weeks = calendar.Calendar((int(get_format("FIRST_DAY_OF_WEEK")) - 1) % 7)
    return [
        {
            "name": MONTHS[month],
            "month": _month(f"{year}-{month:02}", "", "", None),
            "heads": [WEEKDAYS_ABBR[n] for n in weeks.iterweekdays()],
            "weeks": [
                [_day(day, words, stored) if day.month == month else None for day in week]
                for week in weeks.monthdatescalendar(year, month)
            ],
        }
        for month in MONTHS_OF_YEAR
    ]


def _day(day: date, words: Sequence[_Word], stored: Mapping[date, int]) -> Day:
    """By the newest proof that speaks of it."""
    state = next((found for word in words if (found := word.of(day))), "never")
    n = stored.get(day, 0)
    said = {
        "proven": _("proven in the last 7 days"),
        "old": _("proven, longer ago"),
        "gap": _("a gap, or more may exist"),
        "never": _("never asked"),
    }[state]
    counted = ngettext("%(n)s booking", "%(n)s bookings", n) % {"n": number(n)}
    return Day(day, state, f"{counted}, {said}")
