"""What could not be stored, kept once; and settled when it could be."""

from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

from django.utils import timezone

from integrations.acuity.reading.identity import Identity
from integrations.acuity.reading.listing import SECRET
from integrations.acuity.reading.values import digest, key_of
from integrations.acuity.store.forgotten import Forgotten, rest
from integrations.acuity.store.upsert import Counts
from integrations.models import AcuityAccount, RejectedRecord


class Origin(NamedTuple):
    """Whose records they are, the run under which what is rejected of them is kept, and who is who."""

    account: int
    run: UUID | None
    identity: Identity


def reject(origin: Origin, resource: str, rejects: list[tuple[Any, str]]) -> Counts:
    """Keep what could not be stored: once, under the last run that saw it, if there is one."""
    if not (rejects and origin.run):
        return Counts(rejected=len(rejects))
    account = AcuityAccount.objects.select_related("tenant").get(pk=origin.account)
    rows, forgotten = {}, Forgotten(account.tenant)
    for payload, reason in rejects:
        key = key_of(payload)[:255]
        row = RejectedRecord(
            account_id=origin.account,
            run_id=origin.run,
            resource=resource,
            # A listing and a single answer show one record in two shapes; its ID is the same.
            digest=digest([key] if key else payload),
            external_id=key,
            payload=_shown(payload),
            reason=reason,
        )
        theirs = forgotten.named(origin.identity, payload)
        if theirs is None:
            theirs = forgotten.row(account.source_id, resource, key)
        if theirs is not None or forgotten.rejected(row.digest):
            row.payload = rest(payload)
        rows[row.digest] = row
    RejectedRecord.objects.bulk_create(
        rows.values(),
        update_conflicts=True,
        unique_fields=["account", "resource", "digest"],
        update_fields=["run", "payload", "reason", "resolved_at"],
    )
    return Counts(rejected=len(rows))


def _shown(payload: Any) -> Any:
    """The payload without the links that let anyone manage or pay for a booking."""
    if isinstance(payload, dict):
        return {name: value for name, value in payload.items() if name not in SECRET}
    return payload


def resolve(origin: Origin, resource: str, ids: Iterable[str]) -> None:
    """These records are stored now, so what was rejected of them is settled."""
    waiting = RejectedRecord.objects.filter(
        account_id=origin.account, resource=resource, resolved_at=None
    )
    rejected = dict(waiting.values_list("external_id", "pk"))
    if settled := [rejected[key] for key in ids if key in rejected]:
        waiting.filter(pk__in=settled).update(resolved_at=timezone.now())
