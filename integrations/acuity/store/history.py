"""What did a write change? Kept in the transaction that writes it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from django.db.models import Model, QuerySet
from django.utils import timezone

from bookings.history import OF, owned, plain
from bookings.models import Change, Tenant
from integrations.acuity.store.bulk import Row, insert

# How a row is recognised, and what is made of its other columns.
NO_CONTENT = {
    "external_id",
    "raw",
    "content_hash",
    "fingerprint",
    "payment_state",
    "known_from",
    "certificate_ref_id",
    "name_key",
    "review",
}


class Seen(NamedTuple):
    """Who saw what is written, and what it is called."""

    tenant: Tenant
    resource: str
    # None outside imports.
    run: UUID | None
    by: str


Difference = tuple[int, str, dict[str, tuple[Any, Any]]]


def keep(seen: Seen, model: type[Model], differences: Iterable[Difference]) -> None:
    """Remember what changes: primary key, ID, and by column the values before and after."""
    found = [each for each in differences if each[2]]
    if not found:
        return
    ids = _ids(model, found)
    rows = [
        (
            pk,
            external_id,
            {
                model._meta.get_field(name).name: [
                    plain(ids[name].get(value, value) if name in ids else value) for value in pair
                ]
                for name, pair in changed.items()
            },
        )
        for pk, external_id, changed in found
    ]
    _write(seen, rows)


class Parts:
    """What belongs to rows, as it is before and after a write."""

    def __init__(self, model: type[Model], of: type[Model], pks: Iterable[int]) -> None:
        """`of` these rows of `model`, before."""
        self._model, self._part, self._pks = model, OF[of], list(pks)
        self._had = self._read()

    def keep(self, seen: Seen) -> None:
        """Remember what is other now."""
        now, name = self._read(), self._part.name
        pairs = {pk: [self._had.get(pk, []), now.get(pk, [])] for pk in self._pks}
        keys = self._model._default_manager.filter(pk__in=self._pks)
        ids = dict(keys.values_list("pk", "external_id"))
        _write(
            seen,
            [(pk, ids[pk], {name: pair}) for pk, pair in pairs.items() if pair[0] != pair[1]],
        )

    def _read(self) -> dict[int, list[Any]]:
        return owned(self._part, self._pks) if self._pks else {}


def _write(seen: Seen, rows: Sequence[Row]) -> None:
    if not rows:
        return
    insert(
        Change,
        ["row", "external_id", "changed"],
        rows,
        seen_at=timezone.now(),
        tenant_id=seen.tenant.pk,
        resource=seen.resource,
        run=seen.run,
        by=seen.by,
    )


def compared(model: type[Model], names: Sequence[str], rows: Mapping[int, Row]) -> list[Difference]:
    """How `rows` of `names`, by primary key, differ from what is stored."""
    at = [n for n, name in enumerate(names) if name not in NO_CONTENT]
    wanted = [names[n] for n in at]
    stored = model._default_manager.filter(pk__in=list(rows)).values_list(
        "pk", "external_id", *wanted
    )
    return [
        (pk, external_id, _differing(wanted, had, [_value(rows[pk][n]) for n in at]))
        for pk, external_id, *had in stored
    ]


def altered(model: type[Model], names: Sequence[str], rows: Mapping[int, Row]) -> set[int]:
    """Primary keys of those of `rows` that have another value stored, whoever wrote it."""
    return {pk for pk, _, differing in compared(model, names, rows) if differing}


def update(seen: Seen, rows: QuerySet[Any], **columns: Any) -> int:
    """`rows.update(**columns)`, remembered. How many rows were written."""
    names = [name for name in columns if name not in NO_CONTENT]
    found = rows.values_list("pk", "external_id", *names)
    keep(
        seen,
        rows.model,
        [
            (pk, external_id, _differing(names, had, [columns[name] for name in names]))
            for pk, external_id, *had in found
        ],
    )
    return rows.update(**columns)


def _differing(
    names: Sequence[str], had: Sequence[Any], now: Sequence[Any]
) -> dict[str, tuple[Any, Any]]:
    pairs = zip(names, had, now, strict=True)
    return {name: (before, after) for name, before, after in pairs if before != after}


def _value(value: Any) -> Any:
    return msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else value


def _ids(model: type[Model], found: Iterable[Difference]) -> dict[str, dict[int, str]]:
    """IDs at the source by primary key, for each column that refers to other rows."""
    wanted: dict[str, set[int]] = {}
    for _, _, changed in found:
        for name, pair in changed.items():
            if model._meta.get_field(name).is_relation:
                wanted.setdefault(name, set()).update(pk for pk in pair if pk is not None)
    ids = {}
    for name, pks in wanted.items():
        other: Any = model._meta.get_field(name).related_model
        rows = other._default_manager.filter(pk__in=pks)
        ids[name] = dict(rows.values_list("pk", "external_id"))
    return ids
