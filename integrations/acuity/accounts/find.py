"""Which account is meant? By ID, by tenant, or from the environment on first use."""

import uuid

from django.core.exceptions import ValidationError

from bookings.models import Tenant
from integrations import audit
from integrations.acuity.errors import ConfigurationError
from integrations.conf import conf
from integrations.models import AcuityAccount


def account(account_id: str = "", tenant_id: str = "", *, save: bool = True) -> AcuityAccount:
    """The account meant. Raises ConfigurationError, which says what to set or name."""
    accounts = AcuityAccount.objects.select_related("tenant")
    if account_id:
        # Longer numbers are none that a database knows.
        possible = account_id.isdecimal() and len(account_id) < 19
        found = accounts.filter(pk=account_id) if possible else accounts.none()
        if account := found.first():
            return account
        raise ConfigurationError(
            f"There is no Acuity account {account_id}; acuity_accounts lists them."
        )
    if tenant_id:
        try:
            matches = list(accounts.filter(tenant_id=uuid.UUID(tenant_id))[:2])
        except (ValueError, ValidationError):
            raise ConfigurationError(f"{tenant_id!r} is not a tenant's UUID.") from None
        if len(matches) == 1:
            return matches[0]
        many = (
            "several Acuity accounts: name one with --account" if matches else "no Acuity account"
        )
        raise ConfigurationError(f"Tenant {tenant_id} has {many}.")
    if not conf.ACUITY_USER_ID or not conf.ACUITY_API_KEY:
        raise ConfigurationError(
            "Set ACUITY_USER_ID and ACUITY_API_KEY (Acuity: Integrations → API), or name an --account."
        )
    return ensure(conf.ACUITY_USER_ID, conf.ACUITY_API_KEY, save=save)


def ensure(
    user_id: str, api_key: str, base_url: str = "", name: str = "Acuity", *, save: bool = True
) -> AcuityAccount:
    """The account with these credentials, made with its tenant on first use, stored if `save`."""
    account = AcuityAccount.objects.select_related("tenant").filter(user_id=user_id).first()
    if account is None:
        account = AcuityAccount(tenant=Tenant(name=name), user_id=user_id)
    changed = account.pk and account.api_key != api_key
    account.api_key, account.base_url = api_key, base_url
    if save:
        account.tenant.save()
        account.save()
        if changed:
            audit.write("changed a key", tenant=account.tenant_id, note=f"Account {user_id}")
    return account
