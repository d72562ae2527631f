"""Is a client missing, or listed no longer? The list is read again, and compared."""

import contextlib
from typing import Any

from django.db.models import Q

from bookings.models import Client
from integrations.acuity.reading.findings import Gap
from integrations.acuity.reading.values import Reject
from integrations.acuity.resources.base import BY_COLUMN, BY_DIGEST, Context
from integrations.acuity.resources.clients import people
from integrations.acuity.resources.clients.record import parse_client
from integrations.acuity.resources.clients.save import grouped, opened
from integrations.acuity.source.paging import Snapshot

# What is compared of a client besides the digest of its entries.
SHOWN = ("first_name", "last_name", "email", "phone", "notes")
# Clients are compared so many at a time.
AT_ONCE = 1000


def compare_all(
    context: Context, tries: int = people.TRIES, had: str = ""
) -> tuple[list[list[Any]], list[int], dict[str, Any], list[Gap]]:
    """Groups of entries whose client is not stored, or stored otherwise than listed; the rows of
    clients that are listed no longer, because they were renamed, merged or deleted; what the readings
    of the list have shown; and the gaps in it. `had` is the digest of what the import has just listed."""
    known = context.account.rows(Client).filter(listed=True)
    changed: list[list[Any]] = []
    found: set[str] = set()
    entries, facts, gaps = people.read(context, had=had)
    listed = grouped(entries, context.identity)
    for _, groups in Snapshot.chunks(listed, AT_ONCE):
        records = {}
        for group in map(opened, groups):
            with contextlib.suppress(Reject):
                record = parse_client(group, context.identity)
                shown = (record.content_hash, *(getattr(record, name) for name in SHOWN))
                records[record.key] = (shown, group)
        rows = known.filter(external_id__in=records)
        columns = rows.values_list("external_id", "content_hash", *SHOWN)
        stored = {key: tuple(shown) for key, *shown in columns}
        changed += [group for key, (shown, group) in records.items() if stored.get(key) != shown]
        found |= stored.keys()
    facts["people"] = len(found)
    # Nobody is unlisted by an answer that another one contradicts.
    if known.count() == len(found) or gaps:
        return changed, [], facts, gaps
    left = [pk for pk, key in known.values_list("pk", "external_id") if key not in found]
    # Nor by a list whose search shows them.
    names = people.some_names(known.filter(pk__in=left[: people.ASKED * 4]).order_by("pk"))
    if hidden := people.searched(context, set(entries), names):
        if tries > 1 and people.came_since(context, hidden):
            return compare_all(context, tries - 1)
        return changed, [], facts | {"cut": True}, [*gaps, people.cut(len(hidden))]
    return changed, left, facts, gaps


def scope(context: Context, answers: dict[str, Any]) -> dict[str, Any]:
    rows = context.account.rows(Client)
    alike = "listed twice, alike" if answers.get("alike") else "listed twice, not alike"
    searched = (
        "searched: more than listed" if answers.get("cut") else "searched for a few: no others"
    )
    at = answers.get("held")
    nameless = Q(external_id__startswith=Client.FORGOTTEN)
    forgotten = rows.filter(nameless).count()
    return {
        "listed": answers.get("entries", 0),
        "stored": rows.filter(listed=True).count(),
        "only_in_bookings": rows.filter(listed=False).exclude(nameless).count(),
        "evidence": [
            *([f"the import's own list, the one proven at {at}"] if at else []),
            alike,
            searched,
            BY_DIGEST if at else BY_COLUMN,
        ],
        **({"forgotten": forgotten} if forgotten else {}),
    }
