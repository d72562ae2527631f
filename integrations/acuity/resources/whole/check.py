"""Is what is stored what the list shows? Asked anew and otherwise, and compared."""

from collections.abc import Iterable, Mapping
from typing import Any

from integrations.acuity.reading.values import key_of
from integrations.acuity.resources.base import Checked, Context, Found
from integrations.acuity.resources.earlier import held, just_listed
from integrations.acuity.resources.records import Record, Shown, list_digest, resolved
from integrations.acuity.resources.whole.listing import REFUSALS, Listing
from integrations.acuity.store.history import altered
from integrations.acuity.store.references import Keys, find


def check(resource: Listing, context: Context, cursor: dict[str, Any]) -> Checked:
    """The listing, asked anew and otherwise, against what is stored.

    It was read twice alike if the import has just had the same list; else it is read again. A
    list that an earlier proof has asked for so is not asked for once more, unless `anew`, nor is
    one of which another question shows, row by row, what the import has just listed.
    """
    had = (
        {}
        if cursor.get("anew")
        else held(context, resource.name, lambda: resource.stored(context.scope))
    )
    if had:
        names = ("listed", "alike", "evidence", "ignored", "own", "held")
        return Checked(Found(), {n: had[n] for n in names if n in had}, done=True)
    try:
        if not cursor.get("anew") and (agreed := _agreed(resource, context)):
            return Checked(Found(), agreed, done=True)
        known = None if cursor.get("anew") else _imported(resource, context)
        shown, again = _read(resource, context, known)
        other = resource.otherwise(context, shown.rows)
        if told := _told_otherwise(resource, context, shown, other):
            # They may have changed in between.
            shown, again = _read(resource, context, list_digest(again.rows))
            other = resource.otherwise(context, shown.rows)
            told = _told_otherwise(resource, context, shown, other)
    except REFUSALS as refusal:
        return Checked(Found(), {"refused": refusal.status}, done=True)
    listed = [*shown.rows, *again.rows]
    alike = list_digest(shown.rows) == list_digest(again.rows)
    # Where the two tell a row in two ways, what stands is the list's.
    payloads = {key_of(payload): payload for payload in [*other.rows, *listed]}
    parsed = resource.parse(context, payloads.values())
    keys = find(context.account, (ref for record in parsed.records for ref in record.refs()))
    stored = list(_stored(resource, context))
    prints = {key: print_ for key, _, print_ in stored}
    pks = {key: pk for key, pk, _ in stored}
    altered = _altered(resource, parsed.records, pks, keys)
    changed = [
        record.payload
        for record in parsed.records
        if record.key in altered or prints.get(record.key) != record.content_hash(keys)
    ]
    gone = [pk for key, pk in pks.items() if key not in payloads]
    facts: dict[str, Any] = {
        "listed": len(payloads),
        "alike": alike,
        "cut": len({*map(key_of, other.rows)} - {*map(key_of, listed)}),
        "evidence": shown.evidence + other.evidence,
        "told": sorted(told),
        "gaps": shown.gaps + other.gaps,
        "ignored": sorted({*shown.ignored, *other.ignored}),
    }
    if alike and not (told or facts["cut"] or facts["gaps"]):
        facts |= {"proven": list_digest(shown.rows)}
    many_gone = len(gone) > bool(other.evidence) and 2 * len(gone) >= len(stored)
    if many_gone and not context.scope.accept_removals:
        facts |= {"refused_gone": len(gone)}
        gone = []
    elif alike:
        facts |= {"gone": len(gone)}
    else:
        gone = []
    return Checked(Found(changed, gone), facts, done=True)


def _read(resource: Listing, context: Context, known: str | None) -> tuple[Shown, Shown]:
    """The list, read twice; once if it is `known` by its digest. Raises an `AcuityError`."""
    shown = resource.listing(context)
    once = list_digest(shown.rows) == known
    return shown, shown if once else resource.listing(context)


def _agreed(resource: Listing, context: Context) -> dict[str, Any] | None:
    """Where this proof ends, if another question shows the very rows that this run's import has
    listed a moment ago; None if not. Raises an `AcuityError`."""
    if not just_listed(context, resource.name):
        return None
    had = resource.rows(context.scope).values_list("external_id", "content_hash", "raw")
    stored, rows = {}, []
    for key, print_, raw in had:
        stored[key] = print_
        rows.append(raw or {"id": key})
    step = just_listed(context, resource.name, len(stored))
    if not step:
        return None
    other = resource.otherwise(context, rows)
    parsed = resource.parse(context, [*other.rows, *other.again])
    records: list[Record] = parsed.records
    keys = find(context.account, (ref for record in records for ref in record.refs()))
    odd = any(stored.get(r.key) != r.content_hash(keys) for r in records)
    if not other.evidence or odd or parsed.rejects or other.gaps or other.ignored:
        return None
    if len(stored) - len(records) > other.may_lack:
        return None
    return {
        "listed": len(stored),
        "alike": True,
        "own": True,
        "evidence": other.evidence,
        "ignored": [],
        "proven": step.cursor["digest"],
    }


def _told_otherwise(resource: Listing, context: Context, shown: Shown, other: Shown) -> set[str]:
    """IDs of which another question says something else than the list."""
    listed = {r.key: (r.values, r.parts) for r in resource.parse(context, shown.rows).records}
    again = resource.parse(context, [*other.rows, *other.again]).records
    return {r.key for r in again if listed.get(r.key, (r.values, r.parts)) != (r.values, r.parts)}


def _imported(resource: Listing, context: Context) -> str | None:
    """The digest of the list that this run has imported."""
    step = context.scope.imported.get(resource.name)
    return step.cursor.get("digest") if step and step.status == "done" else None


def _stored(resource: Listing, context: Context) -> Iterable[tuple[str, int, str]]:
    return resource.rows(context.scope).values_list("external_id", "pk", "content_hash")


def _altered(
    resource: Listing, records: list[Record], pks: Mapping[str, int], keys: Keys
) -> set[str]:
    """The keys of records of which a column, or what belongs to them, is not as the import wrote it."""
    here = {pks[record.key]: record for record in records if record.key in pks}
    rows = {pk: (r.key, *resolved(r.values, keys)) for pk, r in here.items()}
    found = altered(resource.model, ["external_id", *resource.columns], rows)
    return {here[pk].key for pk in found | resource.incomplete(here, keys)}
