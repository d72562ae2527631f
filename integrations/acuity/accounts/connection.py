"""With which credentials, address, time-outs and pace is an account asked?"""

from django.conf import settings

from integrations.acuity.accounts import addresses, keys
from integrations.acuity.source.client import AcuityClient
from integrations.acuity.source.throttle import Pace, default_throttle
from integrations.models import AcuityAccount, ImportRun


def account_client(account: AcuityAccount, run: ImportRun | None = None) -> AcuityClient:
    """Raises KeyUnreadable, or ConfigurationError on an address that credentials must not go to."""
    keys.check(account)
    own = run.requests_per_second if run else None
    return AcuityClient(
        addresses.address_of(account),
        account.user_id,
        account.api_key,
        default_throttle(),
        timeout=(settings.ACUITY_CONNECT_TIMEOUT, settings.ACUITY_READ_TIMEOUT),
        pace=Pace(str(run.pk), 1 / own) if run and own else None,
        token=account.oauth_token,
        private=addresses.may_be_private(account),
    )
