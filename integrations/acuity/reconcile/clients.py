"""Does Acuity's own export of clients have the people who are stored, as they are stored?"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

from bookings.models import Appointment, Client
from integrations.acuity.reading.identity import phone_key
from integrations.acuity.reading.values import Reject, plain
from integrations.acuity.reconcile.files import File, Row
from integrations.acuity.reconcile.result import Result
from integrations.acuity.resources.scope import Scope
from integrations.models import AcuityAccount

DAYS = "Days Since Last Appointment"
NONE = "none"
COLUMNS = ("First Name", "Last Name", "Email", "Phone", "Notes", DAYS)


def compare(file: File, account: AcuityAccount) -> Result:
    """Person by person, by the rule that tells clients apart."""
    rule = Scope(account).identity
    listed = account.rows(Client).filter(listed=True)
    known = {client.external_id: client for client in listed}
    result, found = Result(file.kind, len(file.rows)), dict[int, tuple[Client, Row]]()
    unknown = [name for name in file.columns if name not in COLUMNS]
    result.not_compared += [f"column {name!r}, which is not known" for name in unknown]
    for n, row in enumerate(file.rows, start=2):
        names = ("First Name", "Last Name", "Email", "Phone")
        first, last, email, phone = (row.get(name, "") for name in names)
        entry = {"firstName": first, "lastName": last, "email": email, "phone": phone}
        try:
            client = known.get(rule.keys(entry)[0])
        except Reject:
            client = None
        if client is None:
            result.only_in_file.append(f"row {n}")
            continue
        # The same person may stand there again, with another e-mail address.
        result.matched += client.pk not in found
        found.setdefault(client.pk, (client, row))
        key = f"client {client.pk}"
        emails, phones = (_said(client, name) for name in ("email", "phone"))
        if email.casefold() not in map(str.casefold, emails):
            result.compare(key, "Email", email, *emails)
        if phone_key(phone, rule.region) not in (phone_key(each, rule.region) for each in phones):
            result.compare(key, "Phone", phone, *phones)
        if "Notes" in row:
            notes = _said(client, "notes")
            result.compare(key, "Notes", _spaced(row["Notes"]), *map(_spaced, notes))
    result.only_in_database += [f"client {c.pk}" for c in known.values() if c.pk not in found]
    _days(result, account, found.values())
    return result


def _said(client: Client, name: str) -> list[str]:
    """What each entry that is this person has there: the file may begin with any."""
    entries = client.raw.get("entries", []) if isinstance(client.raw, dict) else []
    return [getattr(client, name), *(plain(entry.get(name)).strip() for entry in entries)]


def _spaced(text: str) -> str:
    return " ".join(text.split())


class Days(NamedTuple):
    """A client's bookings by day, with those that were canceled and without: the vendor does not say
    which it counts."""

    every: list[date]
    kept: list[date]

    def since_last(self, day: date) -> list[str]:
        """What the file may say on that day."""
        last = (max((d for d in days if d <= day), default=None) for days in self)
        return [NONE if one is None else str((day - one).days) for one in last]


def _days(result: Result, account: AcuityAccount, found: Iterable[tuple[Client, Row]]) -> None:
    """The days since the last booking, counted from the day on which most rows agree: the file does
    not say of which day it is."""
    merged = account.rows(Client).exclude(merged_into=None)
    apart = {pk for pair in merged.values_list("pk", "merged_into") for pk in pair}
    said = {client.pk: row[DAYS] or NONE for client, row in found if client.pk not in apart}
    bookings: dict[int, Days] = defaultdict(lambda: Days([], []))
    rows = account.rows(Appointment).filter(removed_at=None, client__listed=True)
    for pk, day, canceled in rows.values_list("client", "service_date", "canceled").iterator():
        bookings[pk].every.append(day)
        if not canceled:
            bookings[pk].kept.append(day)
    counted = {pk: int(text) for pk, text in said.items() if re.fullmatch(r"\d{1,5}", text)}
    votes = Counter(
        each + timedelta(days=days)
        for pk, days in counted.items()
        for each in {*bookings[pk].every}
    )
    [(day, most)] = votes.most_common(1) or [(date.min, 0)]
    if most < 2 or 2 * most <= len(counted):
        result.not_compared.append(f"{DAYS}: the rows do not agree on the day that they count from")
        return
    for pk, text in said.items():
        result.compare(f"client {pk}", DAYS, text, *bookings[pk].since_last(day))
    if apart:
        result.not_compared.append(f"{DAYS} of {len(apart)} merged clients")
