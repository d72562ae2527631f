"""Does a differently cut question show the same bookings? Newest first: each calendar by itself,
then the canceled ones apart. What only such an answer shows is asked for by its ID."""

from datetime import date, timedelta
from functools import partial
from typing import Any

from integrations.acuity.reading.listing import Row
from integrations.acuity.resources.appointments.walk import list_appointments
from integrations.acuity.resources.base import Context
from integrations.acuity.source.checks import Source

EVIDENCE = ["oldest first", "newest first by calendar", "canceled apart"]


def questions(context: Context) -> list[dict[str, str]]:
    newest = {"direction": "DESC"}
    each = [newest | {"showall": "true", "calendarID": key} for key in sorted(context.calendars)]
    return [*each, newest | {"canceled": "true"}]


def ask(context: Context, cut: dict[str, Any], limit: int) -> tuple[list[Row], dict[str, Any]]:
    """The rows of the next answer, and the position behind it; `over` at the end.

    `cut` is {n: which question, until: its last day, keys: the last answer's, ignored: [names],
    intruders: [keys]}.
    """
    asked = questions(context)
    n = cut.get("n", 0)
    if n >= len(asked):
        return [], cut | {"over": True}
    source = Source(
        partial(list_appointments, context, excludeForms="true"), {*cut.get("ignored", [])}
    )
    source.intruders |= {*cut.get("intruders", [])}
    question, until = asked[n], cut.get("until") or _day(context.last_day)
    bounds = {"minDate": _day(context.first_day), "maxDate": until}
    answer = source.ask(**question, **{k: day for k, day in bounds.items() if day}, max=limit)
    learned = {
        "ignored": sorted(source.ignored),
        "intruders": sorted(source.intruders),
        "longest": source.longest,
    }
    following = {"n": n, "keys": sorted(row.key for row in answer.all)} | learned
    days = [row.day for row in answer.rows if row.day]
    before = set(cut.get("keys", []))
    nothing_new = before.issuperset(following["keys"])
    ended = nothing_new and len(answer.all) < len(before)
    if not days or ended or {"maxDate", "calendarID"} & source.ignored:
        return answer.all, {"n": n + 1} | learned
    oldest = min(days)
    if nothing_new:
        # As many as before and none of them new: the answer is full of one day. Go on before it.
        oldest = _day(date.fromisoformat(min(oldest, until or oldest)) - timedelta(days=1))
    return answer.all, following | {"until": oldest}


def _day(day: date | None) -> str:
    return day.isoformat() if day else ""
