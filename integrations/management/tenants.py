"""Which business is meant?"""

import uuid

from bookings.models import Tenant
from integrations.acuity.accounts import find as accounts
from integrations.acuity.errors import ConfigurationError
from integrations.models import AcuityAccount


def find(value: str, account: str = "") -> Tenant:
    """The tenant with this UUID or account, or the only one. Raises ConfigurationError."""
    if account:
        return accounts.account(account, value).tenant
    tenants = Tenant.objects.all()
    if value:
        try:
            tenants = tenants.filter(pk=uuid.UUID(value))
        except ValueError:
            raise ConfigurationError(f"{value!r} is not a tenant's UUID.") from None
    found = list(tenants[:2])
    if not found:
        raise ConfigurationError("There is no such tenant; run acuity_import first.")
    if len(found) > 1:
        raise ConfigurationError("There are several tenants: name one with --tenant.")
    return found[0]


def account(tenant: Tenant, named: str = "") -> AcuityAccount | None:
    """The account that was named, or the tenant's only one; None where it has none any more. Raises
    ConfigurationError if there are several, as each numbers its rows by itself."""
    if named:
        return accounts.account(named)
    found = list(tenant.acuity_accounts.order_by("pk")[:2])
    if len(found) > 1:
        raise ConfigurationError("The tenant has several Acuity accounts: name one with --account.")
    return found[0] if found else None
