"""manage.py acuity_forget: take a person out of the database, and keep them out."""

from typing import Any

from django.core.management.base import CommandParser

from bookings.models import Client
from integrations.acuity.errors import ConfigurationError
from integrations.management.refusals import AcuityCommand
from integrations.privacy import forgetting


class Command(AcuityCommand):
    help = "Forget a client: everything but the bookings and their money goes, for good."

    def add_arguments(self, parser: CommandParser) -> None:
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("--client", type=int, metavar="PK", help="ID of a client, see the admin")
        who.add_argument("--email", help="every client with this address, of every tenant")

    def handle(self, **options: Any) -> None:
        rows = (
            Client.objects.filter(pk=options["client"])
            if options["client"] is not None
            else forgetting.with_email(options["email"])
        )
        found = [row for row in rows.select_related("tenant") if not row.is_forgotten]
        if not found:
            raise ConfigurationError("There is no such client, or it was forgotten already.")
        for client in found:
            gone = forgetting.forget(client)
            self.stdout.write(f"Client {client.pk} of {client.tenant}: forgotten. {gone}.")
