"""Is the client list whole? It has no end of its own, so it is read twice, and searched."""

from string import ascii_lowercase
from typing import Any

from bookings.models import Client
from integrations.acuity.resources.base import Context
from integrations.acuity.resources.clients.save import list_clients

# So many people who are known only from bookings are searched for by name.
ASKED = 5
DIFFERS: dict[str, Any] = {
    "kind": "clients",
    "reason": "Acuity's client list was another one each time it was asked for.",
}


def read(context: Context) -> tuple[list[bytes], dict[str, Any], list[dict[str, Any]]]:
    """The entries, what the readings have shown (`entries`, `alike`, `cut`), and the gaps.

    The longest of two answers, or of three where they differ; with whom a search shows beside them.
    """
    first, second = (list_clients(context) for _ in range(2))
    if sorted(first) != sorted(second):
        first, second = second, list_clients(context)
    entries = max(first, second, key=len)
    alike = sorted(first) == sorted(second)
    gaps = [] if alike else [DIFFERS]
    if hidden := _searched(context, set(entries), _names(context)):
        hidden |= _searched(context, {*entries, *hidden}, list(ascii_lowercase))
        reason = (
            f"Acuity cuts its client list short: {len(hidden):,} more of its entries were found by"
            " searching; people without a booking may be missing."
        )
        gaps.append({"kind": "clients", "found": len(hidden), "reason": reason})
    whole = [*entries, *sorted(hidden)]
    return whole, {"entries": len(whole), "alike": alike, "cut": bool(hidden)}, gaps


def _names(context: Context) -> list[str]:
    """Whom to search for: some who are in bookings alone, and a letter that many names have."""
    known = context.account.rows(Client).filter(listed=False)
    names = known.exclude(last_name="").order_by("pk").values_list("last_name", flat=True)
    some = list(dict.fromkeys(names[: ASKED * 4]))[:ASKED]
    return [*some, "a"]


def _searched(context: Context, listed: set[bytes], names: list[str]) -> set[bytes]:
    """Entries that a search shows and the list does not."""
    found: set[bytes] = set()
    for name in names:
        found.update(list_clients(context, search=name))
    return found - listed
