"""manage.py acuity_sandbox: a local Acuity API to try the importer against."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from integrations.acuity.sandbox import SandboxOptions, make_account, serve


class Command(BaseCommand):
    help = "Serve an invented Acuity account on this machine until Ctrl-C."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8765)
        parser.add_argument("--clients", type=int, default=718)
        parser.add_argument("--appointments", type=int, default=4111)
        parser.add_argument("--months", type=int, default=31, help="that the bookings span")
        parser.add_argument("--paging", choices=["documented", "offset"], default="documented")
        parser.add_argument("--rps", type=float, default=10, help="0 = no limit")
        parser.add_argument("--latency", type=float, default=0, help="seconds before each answer")
        parser.add_argument(
            "--faults", type=float, default=0, help="share of failing answers, 0 to 1"
        )
        parser.add_argument("--cap", type=int, default=None, help="silent cap on an answer's rows")

    def handle(self, **options: Any) -> None:
        names = ("paging", "rps", "latency", "faults", "cap")
        serve(
            SandboxOptions(**{name: options[name] for name in names}),
            make_account(**{name: options[name] for name in ("clients", "appointments", "months")}),
            options["port"],
        )
