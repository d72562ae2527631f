"""What would an import do? Reads the account, compares it with the database, and writes nothing."""

from collections.abc import Callable
from typing import Any

import msgspec

from integrations.acuity.accounts.connection import account_client
from integrations.acuity.errors import BadAnswer
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.account import of_answer
from integrations.acuity.resources.base import Context, Foreseen, Resource, Unasked, WouldChange
from integrations.acuity.resources.scope import Position, Scope
from integrations.acuity.runs.options import Options
from integrations.acuity.runs.results import flattened
from integrations.acuity.source.fetching import Fetcher
from integrations.conf import conf
from integrations.models import AcuityAccount


class Rehearsal(msgspec.Struct, frozen=True):
    """What an import would do. `resources` by name; `requests` is what finding out has taken."""

    account: str = ""
    resources: dict[str, Foreseen | Unasked] = {}
    changes: list[WouldChange] = []
    requests: int = 0

    def as_json(self) -> dict[str, Any]:
        """As `--json` and a row of `DryRun` have it."""
        return {"dry_run": True} | flattened(self)

    @classmethod
    def of(cls, column: dict[str, Any]) -> "Rehearsal":
        """What a row of `DryRun` has; nothing if it has not come so far."""
        found = {name: column[name] for name in RESOURCES if name in column}
        return cls(
            account=column.get("account", ""),
            resources={name: _part(part) for name, part in found.items()},
            changes=msgspec.convert(column.get("changes", []), list[WouldChange]),
            requests=column.get("requests", 0),
        )


def _part(column: dict[str, int]) -> Foreseen | Unasked:
    if "requests" in column:
        return msgspec.convert(column, Unasked)
    return msgspec.convert(column, Foreseen)


def nobody(_resource: str, _read: int) -> None:
    """Nobody is told how far it is."""


def dry_run(
    account: AcuityAccount,
    options: Options,
    source: Fetcher | None = None,
    tell: Callable[[str, int], None] = nobody,
) -> Rehearsal:
    """A whole import without the writing: what it would create, update, leave and reject.

    What takes a request a record is not asked for; how many those would be is in `requests`.
    `changes` names the first rows that would change. Raises an `AcuityError`.

    `source` asks, and is closed at the end. `tell` is told how many records of a resource were read.
    """
    only, limit = options.only, options.page_limit or conf.ACUITY_PAGE_LIMIT
    source = source or Fetcher(account_client(account), lambda: None)
    scope = Scope(account, options.period, choices=options.choices)
    context = Context.of(scope, source, Position(limit=limit))
    try:
        facts = of_answer(account, source.get("/me"))
        account.source_id = account.source_id or facts.id
        account.timezone = facts.timezone
        account.clients_distinct_by_phone = facts.by_phone is not False
        # What the account step would have stored.
        context.catalog.calendars = {
            str(c["id"]): str(c["timezone"]) for c in source.get("/calendars")
        }
        kinds = source.get("/appointment-types", includeDeleted="true")
        context.catalog.types = [str(kind["id"]) for kind in kinds]
        found: dict[str, Foreseen | Unasked] = {}
        chosen = [resource for name, resource in RESOURCES.items() if name in only]
        for resource in chosen:
            if set(resource.after) <= set(only):
                tell(resource.name, 0)
                saw = _tell(context, resource, chosen, tell)
                found[resource.name] = resource.dry_run(context, saw)
        name, asked = facts.name or str(account), source.client.tally.requests
        return Rehearsal(name, found, context.changing, asked)
    except (TypeError, KeyError, AttributeError):
        raise BadAnswer("/me, /calendars or /appointment-types has another shape") from None
    finally:
        source.close()


def _tell(
    context: Context, of: Resource, chosen: list[Resource], tell: Callable[[str, int], None]
) -> Callable[[list[Any]], None]:
    """Tells the resources that come after `of` which records it has, and `tell` how many."""
    read = 0

    def saw(records: list[Any]) -> None:
        nonlocal read
        read += len(records)
        tell(of.name, read)
        for resource in chosen:
            if of.name in resource.after:
                resource.foresee(context, records)

    return saw
