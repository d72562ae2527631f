"""Is the database ready for an import? The demo migrates its own; a host's is the host's to migrate."""

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from integrations.acuity.errors import ConfigurationError
from integrations.conf import conf

OURS = ("bookings", "integrations")


def prepare() -> None:
    """Raises ConfigurationError if tables are missing that only `migrate` may make."""
    if conf.ACUITY_MIGRATE:
        call_command("migrate", verbosity=0, interactive=False)
        return
    executor = MigrationExecutor(connection)
    wanted = [node for node in executor.loader.graph.leaf_nodes() if node[0] in OURS]
    if executor.migration_plan(wanted):
        raise ConfigurationError("The database lacks this version's tables: run manage.py migrate.")
