"""Which settings does this package read, and what holds where a project sets none?

docs/reference.md has them in one table; `integrations/checks` says what is wrong with them.
"""

from typing import Any, Generic, TypeVar, overload

from django.conf import settings

T = TypeVar("T")


class Setting(Generic[T]):
    """Django's setting of this name, or the default."""

    def __init__(self, default: T) -> None:
        self.default = default

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> "Setting[T]": ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> Any:
        return self if instance is None else getattr(settings, self.name, self.default)


class Settings:
    ACUITY_BASE_URL = Setting("https://acuityscheduling.com/api/v1")
    ACUITY_USER_ID = Setting("")
    ACUITY_API_KEY = Setting("")
    ACUITY_PAGE_LIMIT = Setting(100)
    ACUITY_REQUESTS_PER_SECOND = Setting(10.0)
    ACUITY_MAX_CONNECTIONS = Setting(20)
    ACUITY_EGRESS = Setting("")
    ACUITY_CONNECT_TIMEOUT = Setting(5.0)
    ACUITY_READ_TIMEOUT = Setting(60.0)
    ACUITY_STALL_SECONDS = Setting(120)
    ACUITY_ALLOW_PRIVATE_ADDRESSES = Setting(False)
    ACUITY_OAUTH_URL = Setting("https://acuityscheduling.com/oauth2")
    ACUITY_OAUTH_CLIENT_ID = Setting("")
    ACUITY_OAUTH_CLIENT_SECRET = Setting("")
    ACUITY_MIGRATE = Setting(False)
    # Days; 0 keeps for ever.
    ACUITY_KEEP_PAGES_DAYS = Setting(90)
    ACUITY_KEEP_STAGED_DAYS = Setting(30)
    ACUITY_KEEP_WEBHOOKS_DAYS = Setting(30)
    ACUITY_KEEP_REJECTS_DAYS = Setting(90)
    REDIS_URL = Setting("")
    FLOWER_URL = Setting("")
    METRICS_TOKEN = Setting("")


conf = Settings()
NAMES = [name for name, value in vars(Settings).items() if isinstance(value, Setting)]
