"""Who did it? Whoever lets somebody in says who acts; what is done then is written down with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from integrations.models import AuditEntry, ImportRun


class Actor(NamedTuple):
    """A person, token, schedule, webhook or command, with the name it has; else the importer."""

    kind: str = "importer"
    name: str = ""


_actor: ContextVar[Actor] = ContextVar("actor", default=Actor())  # noqa: B039 - a tuple


@contextmanager
def acting(kind: str, name: str = "") -> Iterator[None]:
    """Whatever is written down within was done by this actor."""
    before = _actor.set(Actor(kind, name))
    try:
        yield
    finally:
        _actor.reset(before)


def write(deed: str, *, run: ImportRun | None = None, tenant: Any = None, note: str = "") -> None:
    """Add to the trail. `note` never holds a key, nor a client's data."""
    actor = _actor.get()
    tenant_id = run.account.tenant_id if run else getattr(tenant, "pk", tenant)
    AuditEntry.objects.create(
        actor=actor.kind,
        name=actor.name[:150],
        deed=deed,
        note=note,
        run=run,
        tenant_id=tenant_id,
    )
