"""Who sees which tenant's rows? Nobody is told apart here; a project, or an app that does, says so.

`integrations` puts its own rules in the place of these.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet


def _all(user: Any, rows: QuerySet[Any], deed: str = "view") -> QuerySet[Any]:
    return rows


def _anybody(user: Any, deed: str, tenant: Any = None) -> bool:
    return True


def _nowhere(user: Any, deed: str, tenant: Any) -> None:
    return None


@dataclass
class Rules:
    # Those of the rows that the user may see, or do `deed` to.
    narrow: Callable[..., QuerySet[Any]] = _all
    # Whether the user may do `deed` for a tenant, or for any.
    may: Callable[..., bool] = _anybody
    # Told of what a user took out.
    tell: Callable[[Any, str, Any], None] = _nowhere


rules = Rules()
