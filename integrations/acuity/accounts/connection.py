"""With which credentials, address, time-outs and pace is an account asked?"""

from integrations.acuity.accounts import addresses, keys
from integrations.acuity.source.budget import Pace
from integrations.acuity.source.client import TRIES, AcuityClient
from integrations.acuity.source.throttle import default_throttle
from integrations.conf import conf
from integrations.models import AcuityAccount, ImportRun


def account_client(
    account: AcuityAccount,
    run: ImportRun | None = None,
    *,
    timeout: tuple[float, float] | None = None,
    tries: int = TRIES,
) -> AcuityClient:
    """A client of the account; `timeout` is (connect, read) in seconds, by default the settings'.

    Raises KeyUnreadable, or ConfigurationError on an address that credentials must not go to.
    """
    keys.check(account)
    own = run.requests_per_second if run else None
    return AcuityClient(
        addresses.address_of(account),
        account.user_id,
        account.api_key,
        default_throttle(),
        timeout=timeout or (conf.ACUITY_CONNECT_TIMEOUT, conf.ACUITY_READ_TIMEOUT),
        tries=tries,
        # Without a run a person waits, or a webhook.
        pace=Pace(str(run.pk), 1 / own if own else 0.0) if run else Pace("asked", urgent=True),
        token=account.oauth_token,
        private=addresses.may_be_private(account),
        egress=conf.ACUITY_EGRESS,
    )
