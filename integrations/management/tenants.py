"""Which business is meant?"""

import uuid

from bookings.models import Tenant
from integrations.acuity.errors import ConfigurationError


def find(value: str) -> Tenant:
    """The tenant with this UUID, or the only one. Raises ConfigurationError."""
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
