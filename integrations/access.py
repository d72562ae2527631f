"""Who may see and do what, and for which tenant? Everybody who needs to know asks here.

A person's role in a tenant (`Membership`) says how far he may go there; Django's permissions, as
ever, which kinds of things he may see and do at all. Superusers may everything. What somebody may
not see does not exist for him: he gets a 404.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Model, QuerySet

from bookings.models import Tenant
from integrations.models import ApiToken, Membership, Role

# What each deed takes: the least role in the tenant, and the permission that a person has besides.
DEEDS: dict[str, tuple[str, str]] = {
    "view": (Role.VIEWER, ""),
    "revenue": (Role.VIEWER, "bookings.view_revenue"),
    "run": (Role.OPERATOR, "integrations.run_import"),
    "cancel": (Role.OPERATOR, "integrations.cancel_import"),
    # Which clients are one person.
    "merge": (Role.OPERATOR, "bookings.change_client"),
    # Everything, people and money, in a file.
    "export": (Role.OWNER, "bookings.view_revenue"),
    "forget": (Role.OWNER, "bookings.delete_client"),
    # Accounts, keys and tokens; deleting.
    "own": (Role.OWNER, ""),
}
Row = TypeVar("Row", bound=Model)
RANK = {role: rank for rank, role in enumerate(Role.values)}


@dataclass(frozen=True)
class Scope:
    """What a person or a token may: a role by tenant, and what is permitted at all."""

    # None: every role everywhere.
    roles: Mapping[Any, str] | None
    permitted: frozenset[str] | None = None

    def may(self, deed: str, tenant: Any = None) -> bool:
        """Whether `deed` is allowed for the tenant (or its ID); without one, for any tenant."""
        role, permission = DEEDS[deed]
        if permission and self.permitted is not None and permission not in self.permitted:
            return False
        if self.roles is None:
            return True
        if tenant is None:
            return any(RANK[had] >= RANK[role] for had in self.roles.values())
        had = self.roles.get(getattr(tenant, "pk", tenant))
        return had is not None and RANK[had] >= RANK[role]

    def narrow(self, rows: QuerySet[Row], deed: str = "view") -> QuerySet[Row]:
        """Those of `rows` whose tenant allows the deed."""
        if self.roles is None and self.may(deed):
            return rows
        allowed = [pk for pk in self.roles or () if self.may(deed, pk)]
        if rows.model is ApiToken:
            # A token for another tenant, too, is nobody's but that one's.
            beyond = Tenant.objects.exclude(pk__in=allowed)
            return rows.filter(tenants__in=allowed).exclude(tenants__in=beyond).distinct()
        return rows.filter(**{f"{path_to_tenant(rows.model)}__in": allowed})


def path_to_tenant(model: type[Model]) -> str:
    """The lookup that leads from a row to its tenant."""
    if model is Tenant:
        return "pk"
    names = {field.name for field in model._meta.get_fields()}
    if "tenant" in names:
        return "tenant"
    way = next(name for name in ("account", "run", "step", "channel", "export") if name in names)
    inner = model._meta.get_field(way).related_model
    assert isinstance(inner, type)
    return f"{way}__{path_to_tenant(inner)}"


NOBODY = Scope({}, frozenset())


def of_user(user: Any) -> Scope:
    """A member of staff's scope; nobody else has one."""
    if not (user.is_active and user.is_staff):
        return NOBODY
    if user.is_superuser:
        return Scope(None)
    if not hasattr(user, "_scope"):
        roles = dict(Membership.objects.filter(user=user).values_list("tenant_id", "role"))
        user._scope = Scope(roles, frozenset(user.get_all_permissions()))
    scope: Scope = user._scope
    return scope


def of_token(token: ApiToken) -> Scope:
    return Scope(dict.fromkeys(token.tenants.values_list("pk", flat=True), token.role))
