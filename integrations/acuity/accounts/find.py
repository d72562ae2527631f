"""Which account is meant? By ID, by tenant, or from the environment on first use."""

import uuid

from bookings.models import Tenant
from integrations import audit
from integrations.acuity.errors import ConfigurationError
from integrations.conf import conf
from integrations.models import AcuityAccount


def account(account_id: str = "", tenant_id: str = "", *, save: bool = True) -> AcuityAccount:
    """The account meant. Raises ConfigurationError, which says what to set or name."""
    accounts = AcuityAccount.objects.select_related("tenant")
    tenant = _uuid(tenant_id) if tenant_id else None
    if account_id:
        # Longer numbers are none that a database knows.
        possible = account_id.isdecimal() and len(account_id) < 19
        found = accounts.filter(pk=account_id) if possible else accounts.none()
        if account := found.first():
            if tenant and account.tenant_id != tenant:
                raise ConfigurationError(
                    f"Account {account_id} is not one of tenant {tenant_id}: name one of the two."
                )
            return account
        raise ConfigurationError(
            f"There is no Acuity account {account_id}; acuity_accounts lists them."
        )
    if tenant:
        matches = list(accounts.filter(tenant_id=tenant)[:2])
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


def _uuid(value: str) -> uuid.UUID:
    try:
        return uuid.UUID(value)
    except ValueError:
        raise ConfigurationError(
            f"{value!r} is not a tenant's UUID; acuity_accounts lists them."
        ) from None


def ensure(
    user_id: str, api_key: str, base_url: str = "", name: str = "Acuity", *, save: bool = True
) -> AcuityAccount:
    """The account with these credentials, made with its tenant on first use, stored if `save`."""
    account = AcuityAccount.objects.select_related("tenant").filter(user_id=user_id).first()
    if account is None:
        account = AcuityAccount(tenant=Tenant(name=name), user_id=user_id)
    account.api_key, account.base_url = api_key, base_url
    if save:
        store(account)
    return account


def store(account: AcuityAccount) -> None:
    """Keep what `account` or `ensure` found without `save`: tenant, account, and a changed key."""
    before = AcuityAccount.objects.filter(pk=account.pk).first()
    if before and (before.api_key, before.base_url) == (account.api_key, account.base_url):
        return
    account.tenant.save()
    account.save()
    if before and before.api_key != account.api_key:
        audit.write("changed a key", tenant=account.tenant_id, note=f"Account {account.user_id}")
