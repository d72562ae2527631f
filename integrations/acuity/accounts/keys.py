"""With which key is an account asked, and how are stored keys encrypted anew?"""

from typing import NamedTuple

from django.apps import apps
from django.db.models import Model

from integrations.acuity.errors import KeyMissing, KeyUnreadable
from integrations.conf import conf
from integrations.models import AcuityAccount
from integrations.secrets import SecretField, Unreadable

SECRETS = ("api_key", "oauth_token")


def unreadable(account: AcuityAccount) -> bool:
    """Whether a secret of the account cannot be decrypted by this server."""
    return any(isinstance(getattr(account, name), Unreadable) for name in SECRETS)


def present(account: AcuityAccount) -> bool:
    """Whether there is a secret to ask with; one that was disconnected has none."""
    return any(getattr(account, name) for name in SECRETS)


def signing(account: AcuityAccount) -> list[str]:
    """The keys with which Acuity may sign what it sends of this account: the account's own and, of
    one that is connected by OAuth, the application's. Nothing is signed with what cannot be decrypted."""
    if unreadable(account):
        return []
    application = conf.ACUITY_OAUTH_CLIENT_SECRET if account.oauth_token else ""
    return [key for key in (account.api_key, application) if key]


def check(account: AcuityAccount) -> None:
    """Raises KeyUnreadable or KeyMissing, so that nothing is sent in the place of a key."""
    if not present(account):
        raise KeyMissing(str(account))
    if unreadable(account):
        raise KeyUnreadable(str(account))


class Rotated(NamedTuple):
    """Rows whose secrets are encrypted with the first key now, and those that none decrypts."""

    done: list[Model]
    unreadable: list[Model]


def rotate() -> Rotated:
    """Encrypt every secret of every table with the first key; what none decrypts stays as it is."""
    found = Rotated([], [])
    for model in apps.get_models():
        names = [field.name for field in model._meta.fields if isinstance(field, SecretField)]
        for row in model._default_manager.order_by("pk") if names else ():
            if any(isinstance(getattr(row, name), Unreadable) for name in names):
                found.unreadable.append(row)
                continue
            row.save(update_fields=names)
            found.done.append(row)
    return found
