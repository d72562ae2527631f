"""Which row does an ID name? The one that has it, or one made of what is said where it is named."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from bookings.models import Listed
from integrations.acuity.store.upsert import UNREAD
from integrations.models import AcuityAccount


class Ref(NamedTuple):
    """A value that stands for the row of `model` with Acuity's ID `key`; an empty one for none."""

    model: type[Listed]
    key: str
    # What is known of it where it is named, as pairs of column and value.
    says: tuple[tuple[str, Any], ...] = ()


Keys = dict[type[Listed], dict[str, int]]


def find(account: AcuityAccount, refs: Iterable[Ref]) -> Keys:
    """Primary keys by ID, by model, as far as the account has such rows."""
    wanted: dict[type[Listed], set[str]] = {}
    for ref in refs:
        wanted.setdefault(ref.model, set()).add(ref.key)
    return {model: _stored(account, model, keys - {""}) for model, keys in wanted.items()}


def find_or_make(account: AcuityAccount, refs: Iterable[Ref], named_by: str) -> Keys:
    """As `find`; what is not there is made, `known_from` its first mention."""
    refs = list(refs)
    found = find(account, refs)
    for model, key, says in refs:
        if key and key not in found[model]:
            found[model][key] = make(account, model, key, dict(says), named_by)
    return found


def make(
    account: AcuityAccount, model: type[Listed], key: str, says: Mapping[str, Any], named_by: str
) -> int:
    """The primary key of a new row that no list has shown yet, or of another worker's."""
    row, _ = model._default_manager.get_or_create(
        external_id=key,
        **account.marks,
        defaults={"known_from": named_by, "content_hash": UNREAD, **says},
    )
    return row.pk


def _stored(account: AcuityAccount, model: type[Listed], keys: set[str]) -> dict[str, int]:
    rows = account.rows(model).filter(external_id__in=keys)
    return dict(rows.values_list("external_id", "pk"))
