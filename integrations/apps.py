from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    name = "integrations"

    def ready(self) -> None:
        # The tasks, too: a host's worker has them whether or not it looks for them.
        from integrations import checks, tasks  # noqa: F401
