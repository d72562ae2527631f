"""How is an account connected without a key? Its owner agrees at Acuity's own page (OAuth 2).

Acuity's tokens don't expire, and its documents name no refresh: one that is refused is replaced by
connecting again.
"""

from functools import partial
from typing import NamedTuple

from authlib.common.errors import AuthlibBaseError
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session

from bookings.models import Tenant
from integrations.acuity.accounts import briefly
from integrations.acuity.errors import ConfigurationError, TimedOut, UnknownAccount
from integrations.conf import conf
from integrations.models import AcuityAccount
from integrations.secrets import Unreadable

TIMEOUT = briefly.SECONDS
SCOPE = "api-v1"


class Begun(NamedTuple):
    """Where the owner is sent, and what has to be kept until he comes back."""

    url: str
    state: str
    verifier: str


def offered() -> bool:
    """Whether this deployment is registered with Acuity."""
    return bool(conf.ACUITY_OAUTH_CLIENT_ID and conf.ACUITY_OAUTH_CLIENT_SECRET)


def begin(redirect_uri: str) -> Begun:
    verifier = generate_token(64)
    url, state = _session(redirect_uri).create_authorization_url(
        _url("authorize"), code_verifier=verifier
    )
    return Begun(url, state, verifier)


def finish(redirect_uri: str, came: str, state: str, verifier: str) -> str:
    """The token for the address with which the owner came back. Raises ConfigurationError or TimedOut."""
    if "code=" not in came:
        raise ConfigurationError("Acuity did not connect the account: it was not agreed to.")
    ask = partial(
        _session(redirect_uri).fetch_token,
        _url("token"),
        authorization_response=came,
        state=state,
        code_verifier=verifier,
        timeout=TIMEOUT,
        allow_redirects=False,
    )
    try:
        return str(briefly.soon(ask)["access_token"])
    except (AuthlibBaseError, OSError, ValueError, KeyError):
        # What came instead is not shown: it may hold a code.
        raise ConfigurationError("Acuity did not connect the account: try again.") from None


def connect(tenant: Tenant, token: str, again: AcuityAccount | None = None) -> AcuityAccount:
    """The tenant's account whose the token is, with it stored; made on first use.

    Raises an `AcuityError`: UnknownAccount if it is not the account that is connected `again`.
    """
    client = briefly.client(AcuityAccount(tenant=tenant, oauth_token=token))
    try:
        me = briefly.soon(partial(client.get, "/me"))
    finally:
        client.close()
    number = str(me.get("id") or "") if isinstance(me, dict) else ""
    if not number or (again and again.source_id and again.source_id != number):
        raise UnknownAccount("connect as the account that was connected before")
    account = (
        again
        or AcuityAccount.objects.filter(tenant=tenant, user_id=number).first()
        or AcuityAccount(tenant=tenant, user_id=number)
    )
    if account.base_url:
        # Its key was another server's; the token is for Acuity.
        account.base_url = account.api_key = ""
    account.oauth_token = token
    account.save()
    return account


def disconnect(account: AcuityAccount) -> bool:
    """Forget the token here, whatever Acuity says to it. True if Acuity has revoked it, too."""
    token, account.oauth_token = account.oauth_token, ""
    account.save(update_fields=["oauth_token"])
    if isinstance(token, Unreadable):
        return False
    ask = partial(
        _session("").revoke_token,
        _url("disconnect"),
        token=token,
        body=f"access_token={token}",
        timeout=TIMEOUT,
        allow_redirects=False,
    )
    try:
        return bool(briefly.soon(ask).status_code == 200)
    except (AuthlibBaseError, TimedOut, OSError, ValueError):
        return False


def _session(redirect_uri: str) -> OAuth2Session:
    session = OAuth2Session(
        conf.ACUITY_OAUTH_CLIENT_ID,
        conf.ACUITY_OAUTH_CLIENT_SECRET,
        scope=SCOPE,
        redirect_uri=redirect_uri,
        code_challenge_method="S256",
        token_endpoint_auth_method="client_secret_post",
        revocation_endpoint_auth_method="client_secret_post",
    )
    # Neither proxies nor .netrc: the secret goes to Acuity and nowhere else.
    session.trust_env = False
    return session


def _url(what: str) -> str:
    return f"{conf.ACUITY_OAUTH_URL.rstrip('/')}/{what}"
