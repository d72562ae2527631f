"""Was a client renamed? Acuity gives clients no ID, but a booking keeps its own.

When a name leaves the list and another appears, the bookings of the one are asked whom they name now.
"""

from collections import Counter, defaultdict
from typing import Any, NamedTuple

from bookings.models import Appointment, Client
from integrations.acuity import events
from integrations.acuity.reading.listing import Row, decode_one
from integrations.acuity.resources.base import Context

# So many bookings are asked for at most: more is another list, not a few other names.
ASKED = 200


class Renamed(NamedTuple):
    """The new key by client, and of those who could be several or none, what a person should know."""

    keys: dict[int, str]
    unsure: dict[int, str]


def look(context: Context, groups: list[list[bytes]]) -> Renamed:
    """Which stored clients are now listed under another key. Asks only where that may be."""
    listed = {context.identity.key_of_entry(group[0]) for group in groups} - {""}
    rows = list(context.account.rows(Client).values_list("external_id", "pk", "listed"))
    left = [pk for key, pk, was_listed in rows if was_listed and key not in listed]
    fresh = listed - {key for key, _, _ in rows}
    if not fresh or not 0 < len(left) <= ASKED:
        return Renamed({}, {})
    bookings = context.account.rows(Appointment).filter(client__in=left, removed_at=None)
    asked = list(bookings.order_by("pk").values_list("client_id", "external_id")[: ASKED + 1])
    if len(asked) > ASKED:
        return Renamed({}, {})
    answers = context.source.each([f"/appointments/{key}" for _, key in asked], decode=decode_one)
    named: dict[int, Counter[str]] = defaultdict(Counter)
    names: dict[str, str] = {}
    for (client, _), row in zip(asked, answers, strict=True):
        if isinstance(row, Row) and (key := context.identity.owner_of(row)):
            named[client][key] += 1
            names[key] = f"{row.first_name} {row.last_name}"
    return _judge(named, fresh, names)


def _judge(named: dict[int, Counter[str]], fresh: set[str], names: dict[str, str]) -> Renamed:
    """One new name alone, in two bookings or in all, and nobody else's: it is the same person."""
    found = {client: fresh & keys.keys() for client, keys in named.items()}
    claims = Counter(key for keys in found.values() for key in keys)
    keys: dict[int, str] = {}
    unsure: dict[int, str] = {}
    for client, candidates in found.items():
        if not candidates:
            continue
        key, *others = sorted(candidates)
        enough = named[client][key] >= min(2, named[client].total())
        if not others and enough and claims[key] == 1:
            keys[client] = key
        else:
            unsure[client] = ", ".join(names[key] for key in sorted(candidates))
    return Renamed(keys, unsure)


def write(context: Context, found: Renamed) -> None:
    """The row stays and gets the new key; what is listed of it is stored with its page."""
    run: Any = context.scope.run
    rows = context.account.rows(Client)
    give_keys(context, found)
    for client in found.keys:
        events.log("acuity_client_renamed", run=run, client=client)
    for client, names in found.unsure.items():
        review = f"No longer listed under this name. Its bookings now name: {names}."
        rows.filter(pk=client).update(review=review)
        events.log("acuity_client_to_review", run=run, client=client)


def give_keys(context: Context, found: Renamed) -> None:
    rows = context.account.rows(Client)
    for client, key in found.keys.items():
        rows.filter(pk=client).update(external_id=key, content_hash="")
