"""At which address is an account asked, and is that this deployment's own or a stranger's?"""

from integrations.acuity.source.addresses import check_base_url, check_public
from integrations.conf import conf
from integrations.models import AcuityAccount


def address_of(account: AcuityAccount) -> str:
    """The account's own address, else ACUITY_BASE_URL."""
    return (account.base_url or str(conf.ACUITY_BASE_URL)).rstrip("/")


def is_own(account: AcuityAccount) -> bool:
    """Whether it is asked where ACUITY_BASE_URL says. What any other address answers is not shown."""
    return address_of(account) == str(conf.ACUITY_BASE_URL).rstrip("/")


def may_be_private(account: AcuityAccount) -> bool:
    """Whoever sets ACUITY_BASE_URL runs this server; whoever fills in an account may not."""
    return is_own(account) or bool(conf.ACUITY_ALLOW_PRIVATE_ADDRESSES)


def check(account: AcuityAccount) -> None:
    """Raises ConfigurationError or PrivateAddress if the account cannot be asked there."""
    url = check_base_url(address_of(account))
    if not may_be_private(account):
        check_public(url)
