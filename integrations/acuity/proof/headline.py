"""What may be said of a run in one sentence? Never more than was asked and compared."""

from typing import Any

from integrations.acuity.resources import RESOURCES

UNKNOWN = "This run's proof did not record what it asked; prove it again."


def headline(scope: dict[str, Any], verified: bool) -> str:
    """`All 4,111 bookings, all 650 clients, … Not asked: …`, or nothing where nothing was compared."""
    if "note" in scope:
        return UNKNOWN
    if not scope:
        return ""
    # What comes in pages leads: it is what an import is about.
    parts = [(r, part) for r in RESOURCES.values() if (part := scope.get(r.name))]
    parts.sort(key=lambda found: not found[0].sized)
    kept = [words for resource, part in parts if (words := resource.kept(part))]
    said = [("All " if verified else "Stored: ") + ", ".join(kept) + "."] if kept else []
    said += [words for resource, part in parts if (words := resource.not_asked(part))]
    said += [words] if (words := _unproven(scope)) else []
    return " ".join(said)


def _unproven(scope: dict[str, Any]) -> str:
    """Which lists may have been cut, though nothing shows it."""
    names = [r.title.lower() for r in RESOURCES.values() if "unproven" in scope.get(r.name, {})]
    return f"Not proven to be whole: {', '.join(names)}." if names else ""
