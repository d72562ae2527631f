"""Is the database ready for an import? The demo migrates its own; a host's is the host's to migrate."""

import re
import sys
import time

from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from integrations.acuity.errors import ConfigurationError
from integrations.acuity.runs import outages
from integrations.conf import conf
from integrations.management import terminal

OURS = ("bookings", "integrations")
# What PostgreSQL says that is there, but takes nobody in at the moment.
BUSY = re.compile(
    "too many clients|too many connections|no more connections|remaining connection slots"
    "|starting up|shutting down|recovery|not yet accepting"
)


def reach() -> None:
    """Wait for a database that is there but takes nobody in. Raises OperationalError on any other."""
    until, told = time.monotonic() + outages.WAIT_FOR.total_seconds(), False
    while True:
        try:
            connection.ensure_connection()
            return
        except OperationalError as error:
            if not BUSY.search(str(error)) or time.monotonic() > until:
                raise
        if not told:
            told = True
            print("The database takes no connection now: waiting for it.", file=sys.stderr)
        time.sleep(outages.PAUSE)


def prepare() -> None:
    """Raises ConfigurationError if tables are missing that only `migrate` may make."""
    if conf.ACUITY_MIGRATE:
        call_command("migrate", verbosity=0, interactive=False)
        return
    executor = MigrationExecutor(connection)
    wanted = [node for node in executor.loader.graph.leaf_nodes() if node[0] in OURS]
    if executor.migration_plan(wanted):
        run = terminal.command("migrate")
        raise ConfigurationError(f"The database lacks this version's tables: {run} makes them.")
