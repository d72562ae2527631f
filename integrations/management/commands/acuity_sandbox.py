"""manage.py acuity_sandbox: a local Acuity API to try the importer against."""

from typing import Any

from django.core.management.base import CommandParser

from integrations.acuity.errors import ConfigurationError
from integrations.acuity.sandbox import SandboxOptions, make_account, serve
from integrations.management.refusals import AcuityCommand, between, within


class Command(AcuityCommand):
    help = "Serve an invented Acuity account on this machine until Ctrl-C."
    needs_database = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=within(0, 65535), default=8765)
        parser.add_argument("--clients", type=within(1, 10**6), default=718)
        parser.add_argument("--appointments", type=within(1, 10**7), default=4111)
        parser.add_argument(
            "--months", type=within(1, 600), default=31, help="that the bookings span"
        )
        parser.add_argument("--paging", choices=["documented", "offset"], default="documented")
        parser.add_argument("--rps", type=between(0, 10_000), default=10, help="0 = no limit")
        parser.add_argument(
            "--latency", type=between(0, 3600), default=0, help="seconds before each answer"
        )
        parser.add_argument(
            "--faults", type=between(0, 1), default=0, help="share of failing answers, 0 to 1"
        )
        parser.add_argument(
            "--cap", type=within(1, 10**7), default=None, help="silent cap on an answer's rows"
        )

    def handle(self, **options: Any) -> None:
        names = ("paging", "rps", "latency", "faults", "cap")
        account = make_account(**{n: options[n] for n in ("clients", "appointments", "months")})
        try:
            serve(SandboxOptions(**{n: options[n] for n in names}), account, options["port"])
        except OSError as error:
            raise ConfigurationError(
                f"Port {options['port']} cannot be had ({error.strerror}): name another with --port."
            ) from None
