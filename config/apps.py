"""Django's admin: its pages are looked for where they are served or checked; no command loads them."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.contrib.admin.apps import SimpleAdminConfig
from django.contrib.admin.checks import check_admin_app, check_dependencies
from django.core.checks import CheckMessage, Tags, register


class Admin(SimpleAdminConfig):
    def ready(self) -> None:
        register(check_dependencies, Tags.admin)
        register(pages, Tags.admin)


def pages(app_configs: Sequence[AppConfig] | None, **rest: Any) -> Sequence[CheckMessage]:
    """What Django says of them, once all of them are there."""
    from config import admin  # noqa: F401

    return check_admin_app(app_configs, **rest)
