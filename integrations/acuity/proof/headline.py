"""What may be said of a run in one sentence? Never more than was asked and compared."""

from typing import Any

UNKNOWN = "The proof of this run kept no word of what it asked; prove it again."


def headline(scope: dict[str, Any], verified: bool) -> str:
    """`All 4,111 bookings, all 650 clients, … Not asked: …`, or nothing where nothing was compared."""
    if "note" in scope:
        return UNKNOWN
    if not scope:
        return ""
    unasked = scope.get("payments", {}).get("unasked", 0)
    said = []
    if kept := _kept(scope):
        said.append(("All " if verified else "Stored: ") + ", ".join(kept) + ".")
    if unasked:
        said.append(f"Not asked: the payments of {unasked:,} unpaid bookings.")
    said += [part["not_asked"] for part in scope.values() if part.get("not_asked")]
    return " ".join(said)


def _kept(scope: dict[str, Any]) -> list[str]:
    found = []
    if part := scope.get("appointments"):
        found.append(f"{part['stored']:,} bookings that Acuity lists")
    if part := scope.get("clients"):
        found.append(f"{part['stored']:,} clients of its list")
    if part := scope.get("payments"):
        found.append(f"the {part['lists_read']:,} payment lists that were read")
    return found
