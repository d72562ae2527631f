"""What does an address or a form ask for? Whatever somebody typed there, it is no error of the server."""

import uuid


def number(text: str) -> int | None:
    """The number of a row; None for what no database has as one."""
    return int(text) if text.isdecimal() and len(text) < 19 else None


def identifier(text: str) -> uuid.UUID | None:
    """The UUID of a row, or None."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
