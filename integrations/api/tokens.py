"""Who is asking? A bearer token limited to its tenants, or a member of staff with a session."""

import hashlib
import secrets
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from ninja.errors import AuthorizationError
from ninja.security import HttpBearer, SessionAuth
from ninja.utils import check_csrf

from bookings.models import Tenant
from integrations import access, audit
from integrations.access import Scope
from integrations.api.problems import WrongToken
from integrations.models import AcuityAccount, ApiToken, ImportRun, Role

SEEN = timedelta(minutes=1)
# What is asked for by POST, by the last word of the address.
DEEDS = {"import": "start", "pause": "pause", "resume": "resume", "cancel": "cancel"}


def digest(token: str) -> str:
    """Tokens are long and random, so a plain hash cannot be turned back."""
    return hashlib.sha256(token.encode()).hexdigest()


def issue(name: str, tenants: Iterable[Tenant], role: str = Role.OPERATOR) -> str:
    """A new token; only its digest is stored."""
    token = secrets.token_urlsafe(32)
    ApiToken.objects.create(name=name, digest=digest(token), role=role).tenants.set(tenants)
    return token


@dataclass(frozen=True)
class Caller:
    """Who calls, and what that may. What it may not see does not exist for it (404)."""

    scope: Scope
    kind: str
    name: str

    def acting(self) -> AbstractContextManager[None]:
        """Within, what is done is this caller's deed."""
        return audit.acting(self.kind, self.name)

    def may(self, deed: str, tenant: Any) -> bool:
        return self.scope.may(deed, tenant)

    def accounts(self) -> QuerySet[AcuityAccount]:
        return self.scope.narrow(AcuityAccount.objects.select_related("tenant"))

    def runs(self) -> QuerySet[ImportRun]:
        rows = ImportRun.objects.select_related("account__tenant").prefetch_related("steps")
        return self.scope.narrow(rows)


class Bearer(HttpBearer):
    def authenticate(self, request: HttpRequest, token: str) -> Caller:
        found = ApiToken.objects.filter(digest=digest(token)).first()
        if found is None:
            raise WrongToken
        now = timezone.now()
        stale = Q(last_used_at=None) | Q(last_used_at__lt=now - SEEN)
        ApiToken.objects.filter(stale, pk=found.pk).update(last_used_at=now)
        return Caller(access.of_token(found), "token", found.name)


class Staff(SessionAuth):
    """A staff session, with the CSRF token where something changes. Nobody logged in: no opinion."""

    def __call__(self, request: HttpRequest) -> Caller | None:
        if not request.user.is_authenticated:
            return None
        if check_csrf(request):
            raise AuthorizationError(message="Send this session's CSRF token as X-CSRFToken.")
        return self.authenticate(request, None)

    def authenticate(self, request: HttpRequest, key: str | None) -> Caller:
        user = request.user
        if not (user.is_active and user.is_staff and user.has_perm("integrations.view_importrun")):
            last = request.path.rpartition("/")[2]
            deed = DEEDS.get(last, "view") if request.method == "POST" else "view"
            raise AuthorizationError(message=f"This needs the permission to {deed} imports.")
        return Caller(access.of_user(user), "person", user.get_username())
