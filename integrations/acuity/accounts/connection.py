"""With which credentials, address, time-outs and pace is an account asked?"""

from integrations.acuity.source.client import AcuityClient
from integrations.acuity.source.throttle import Pace, default_throttle
from integrations.conf import conf
from integrations.models import AcuityAccount, ImportRun


def account_client(account: AcuityAccount, run: ImportRun | None = None) -> AcuityClient:
    own = run.requests_per_second if run else None
    return AcuityClient(
        account.base_url or conf.ACUITY_BASE_URL,
        account.user_id,
        account.api_key,
        default_throttle(),
        timeout=(conf.ACUITY_CONNECT_TIMEOUT, conf.ACUITY_READ_TIMEOUT),
        pace=Pace(str(run.pk), 1 / own) if run and own else None,
    )
