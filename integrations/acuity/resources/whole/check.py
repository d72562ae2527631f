"""Is what is stored what the list shows? Asked anew and otherwise, and compared."""

from collections.abc import Iterable, Mapping
from typing import Any

from integrations.acuity.resources.base import Checked, Context, Found
from integrations.acuity.resources.earlier import held, just_listed
from integrations.acuity.resources.records import Record, Shown, key_of, list_digest, resolved
from integrations.acuity.resources.whole.listing import REFUSALS, Listing
from integrations.acuity.store.history import altered
from integrations.acuity.store.references import Keys, find


def check(resource: Listing, context: Context, cursor: dict[str, Any]) -> Checked:
    """The listing, asked anew and otherwise, against what is stored.

    It was read twice alike if the import has just had the same list; else it is read again. A
    list that an earlier proof has asked for so is not asked for once more, unless `anew`, nor is
    one of which another question shows, row by row, what the import has just listed.
    """
    had = {} if cursor.get("anew") else held(context, resource.name, resource.stored(context.scope))
    if had:
        names = ("listed", "alike", "evidence", "ignored", "own", "held")
        return Checked(Found(), {n: had[n] for n in names if n in had}, done=True)
    try:
        if not cursor.get("anew") and (agreed := _agreed(resource, context)):
            return Checked(Found(), agreed, done=True)
        shown = resource.listing(context)
        first = second = shown.rows
        alike = not cursor.get("anew") and _imported(resource, context) == list_digest(first)
        if not alike:
            second = resource.listing(context).rows
            alike = list_digest(first) == list_digest(second)
        other = resource.otherwise(context, first)
        if told := _told_otherwise(resource, context, first, other):
            # They may have changed in between.
            first = second = resource.listing(context).rows
            other = resource.otherwise(context, first)
            told = _told_otherwise(resource, context, first, other)
    except REFUSALS as refusal:
        return Checked(Found(), {"refused": refusal.status}, done=True)
    # Where the two tell a row in two ways, what stands is the list's.
    payloads = {key_of(payload): payload for payload in [*other.rows, *first, *second]}
    parsed = resource.parse(context, payloads.values())
    keys = find(context.account, (ref for record in parsed.records for ref in record.refs()))
    stored = {key: (pk, print_) for key, pk, print_ in _stored(resource, context)}
    altered = _altered(resource, parsed.records, stored, keys)
    changed = [
        record.payload
        for record in parsed.records
        if record.key in altered or stored.get(record.key, (0, ""))[1] != record.content_hash(keys)
    ]
    gone = {key: pk for key, (pk, _) in stored.items() if key not in payloads}
    facts: dict[str, Any] = {
        "listed": len(payloads),
        "alike": alike,
        "cut": len(other.rows and {*map(key_of, other.rows)} - {*map(key_of, first + second)}),
        "evidence": shown.evidence + other.evidence,
        "told": sorted(told),
        "gaps": shown.gaps + other.gaps,
        "ignored": sorted({*shown.ignored, *other.ignored}),
    }
    if alike and not (told or facts["cut"] or facts["gaps"]):
        facts |= {"proven": list_digest(first)}
    many_gone = len(gone) > bool(other.evidence) and 2 * len(gone) >= len(stored)
    if many_gone and not context.scope.accept_removals:
        facts |= {"refused_gone": len(gone)}
        gone = {}
    elif alike:
        facts |= {"gone": len(gone)}
    else:
        gone = {}
    return Checked(Found(changed, list(gone.values())), facts, done=True)


def _agreed(resource: Listing, context: Context) -> dict[str, Any]:
    """Where this proof ends, if another question shows the very rows that this run's import has
    listed a moment ago; nothing if not. Raises an `AcuityError`."""
    stored = {key: print_ for key, _, print_ in _stored(resource, context)}
    step = just_listed(context, resource.name, len(stored))
    if not step:
        return {}
    had = resource.rows(context.scope).values_list("external_id", "raw")
    rows = [raw or {"id": key} for key, raw in had]
    other = resource.otherwise(context, rows)
    parsed = resource.parse(context, [*other.rows, *other.again])
    records: list[Record] = parsed.records
    keys = find(context.account, (ref for record in records for ref in record.refs()))
    odd = any(stored.get(r.key) != r.content_hash(keys) for r in records)
    if not other.evidence or odd or parsed.rejects or other.gaps or other.ignored:
        return {}
    if len(stored) - len(records) > other.may_lack:
        return {}
    return {
        "listed": len(stored),
        "alike": True,
        "own": True,
        "evidence": other.evidence,
        "ignored": [],
        "proven": step.cursor["digest"],
    }


def _told_otherwise(resource: Listing, context: Context, rows: list[Any], other: Shown) -> set[str]:
    """IDs of which another question says something else than the list."""
    listed = {r.key: (r.values, r.parts) for r in resource.parse(context, rows).records}
    again = resource.parse(context, [*other.rows, *other.again]).records
    return {r.key for r in again if listed.get(r.key, (r.values, r.parts)) != (r.values, r.parts)}


def _imported(resource: Listing, context: Context) -> str | None:
    """The digest of the list that this run has imported."""
    step = context.scope.steps.filter(resource=resource.name, status="done").first()
    return step.cursor.get("digest") if step else None


def _stored(resource: Listing, context: Context) -> Iterable[tuple[str, int, str]]:
    return resource.rows(context.scope).values_list("external_id", "pk", "content_hash")


def _altered(
    resource: Listing, records: list[Record], stored: Mapping[str, tuple[int, str]], keys: Keys
) -> set[str]:
    """The keys of records of which a column is not as the import has written it."""
    names = ["external_id", *resource.columns]
    rows = {
        stored[r.key][0]: (r.key, *resolved(r.values, keys)) for r in records if r.key in stored
    }
    return {rows[pk][0] for pk in altered(resource.model, names, rows)}
