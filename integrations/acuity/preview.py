"""What would an import find? Reads the account and writes nothing."""

from typing import Any

from integrations.acuity.client import AcuityClient
from integrations.acuity.records import Identity, Reject
from integrations.acuity.resources.clients import grouped


def look(client: AcuityClient) -> dict[str, Any]:
    """`{"account", "timezone", "client_entries", "clients", "first", "last"}`. Raises AcuityError."""
    me = client.get("/me")
    entries = client.get("/clients")
    identity = Identity(by_phone=me.get("clientsDistinctByPhone") is not False)
    bounds = [
        client.get("/appointments", showall="true", direction=way, max=1, minDate="1900-01-01")
        for way in ("ASC", "DESC")
    ]
    try:
        clients = len(grouped(entries, identity))
    except Reject:
        clients = len(entries)
    return {
        "account": me.get("name"),
        "timezone": me.get("timezone"),
        "client_entries": len(entries),
        "clients": clients,
        "first": bounds[0][0]["datetime"] if bounds[0] else None,
        "last": bounds[1][0]["datetime"] if bounds[1] else None,
    }
