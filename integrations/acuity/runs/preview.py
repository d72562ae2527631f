"""What would an import do? Reads the account, compares it with the database, and writes nothing."""

from collections.abc import Callable
from typing import Any

from integrations.acuity.accounts.addresses import is_own
from integrations.acuity.accounts.connection import account_client
from integrations.acuity.errors import BadAnswer
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.base import Context, Resource
from integrations.acuity.resources.scope import Position, Scope
from integrations.acuity.runs.options import Options
from integrations.acuity.source.fetching import Fetcher
from integrations.conf import conf
from integrations.models import AcuityAccount


def dry_run(
    account: AcuityAccount, options: Options, source: Fetcher | None = None
) -> dict[str, Any]:
    """A whole import without the writing: what it would create, update, leave and reject.

    What takes a request a record is not asked for; how many those would be is in `requests`.
    Raises an `AcuityError`.

    `source` asks, and is closed at the end.
    """
    only, limit = options.only, options.page_limit or conf.ACUITY_PAGE_LIMIT
    source = source or Fetcher(account_client(account), lambda: None)
    scope = Scope(account, options.period, choices=options.choices)
    context = Context.of(scope, source, Position(limit=limit))
    try:
        me = source.get("/me")
        account.source_id = account.source_id or str(me.get("id") or "")
        account.timezone = str(me.get("timezone") or "")
        account.clients_distinct_by_phone = me.get("clientsDistinctByPhone") is not False
        # What the account step would have stored.
        context.catalog.calendars = {
            str(c["id"]): str(c["timezone"]) for c in source.get("/calendars")
        }
        kinds = source.get("/appointment-types", includeDeleted="true")
        context.catalog.types = [str(kind["id"]) for kind in kinds]
        answer: dict[str, Any] = {
            "dry_run": True,
            "account": me.get("name") if is_own(account) else str(account),
        }
        chosen = [resource for name, resource in RESOURCES.items() if name in only]
        for resource in chosen:
            if set(resource.after) <= set(only):
                answer[resource.name] = resource.dry_run(context, _tell(context, resource, chosen))
        return answer | {"requests": source.client.tally.requests}
    except (TypeError, KeyError, AttributeError):
        raise BadAnswer("/me, /calendars or /appointment-types has another shape") from None
    finally:
        source.close()


def _tell(context: Context, of: Resource, chosen: list[Resource]) -> Callable[[list[Any]], None]:
    """Tells the resources that come after `of` which records it has."""

    def saw(records: list[Any]) -> None:
        for resource in chosen:
            if of.name in resource.after:
                resource.foresee(context, records)

    return saw
