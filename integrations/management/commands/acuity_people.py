"""manage.py acuity_people: who may be one person under two names, or two under one; merging and separating."""

import json
from typing import Any

from django.core.management.base import CommandParser

from bookings.models import Client
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.resources.clients import merging
from integrations.acuity.resources.clients.namesakes import namesakes
from integrations.management import tenants
from integrations.management.refusals import AcuityCommand


class Command(AcuityCommand):
    help = (
        "List clients who may be one person, and one who may be two;"
        " merge two of them, or separate them again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--tenant", default="", metavar="UUID")
        parser.add_argument("--json", action="store_true", help="the list as JSON")
        deed = parser.add_mutually_exclusive_group()
        deed.add_argument("--merge", nargs=2, type=int, metavar=("PK", "INTO"))
        deed.add_argument("--separate", type=int, metavar="PK")

    def handle(self, **options: Any) -> None:
        if options["merge"]:
            other, kept = map(_client, options["merge"])
            moved = merging.merge(other, kept)
            self.stdout.write(
                f"Client {other.pk} is merged into client {kept.pk}, with {moved} bookings."
            )
        elif options["separate"] is not None:
            other = _client(options["separate"])
            moved = merging.separate(other)
            self.stdout.write(f"Client {other.pk} stands by itself again, with {moved} bookings.")
        else:
            self._list(options)

    def _list(self, options: dict[str, Any]) -> None:
        tenant = tenants.find(options["tenant"])
        found = [*merging.candidates(tenant), *namesakes(tenant)]
        groups = [{"why": g.why, "clients": [client.pk for client in g.clients]} for g in found]
        if options["json"]:
            self.stdout.write(json.dumps(groups))
            return
        for group in found:
            # No names: what a terminal shows is kept in many places.
            self.stdout.write(f"{group.why}: {', '.join(f'client {c.pk}' for c in group.clients)}")
        if not found:
            self.stdout.write(
                "No two clients share an e-mail address, a phone number or a name, and none may be two."
            )


def _client(pk: int) -> Client:
    if client := Client.objects.select_related("tenant", "merged_into").filter(pk=pk).first():
        return client
    raise ConfigurationError(f"There is no client {pk}: see its number in the admin's address.")
