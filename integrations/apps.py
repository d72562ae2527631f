from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IntegrationsConfig(AppConfig):
    name = "integrations"
    verbose_name = _("Imports")

    def ready(self) -> None:
        from bookings import names, scope

        # The tasks, too: a host's worker has them whether or not it looks for them.
        from integrations import (
            access,
            audit,
            checks,  # noqa: F401
            logs,
            tasks,  # noqa: F401
        )

        def tell(user: Any, deed: str, tenant: Any) -> None:
            with audit.acting("person", user.get_username()):
                audit.write(deed, tenant=tenant)

        names.translate(self)
        logs.install()
        scope.rules.narrow = lambda user, rows, deed="view": access.of_user(user).narrow(rows, deed)
        scope.rules.may = lambda user, deed, tenant=None: access.of_user(user).may(deed, tenant)
        scope.rules.tell = tell
