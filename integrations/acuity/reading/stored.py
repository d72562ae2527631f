"""How is a value kept in a JSON column, and read again, also one that an older importer wrote?"""

from typing import Any, Self

import msgspec


class Stored(msgspec.Struct, frozen=True, omit_defaults=True):
    """A subclass has a default for each of its fields, so that rows without them can be read."""

    @classmethod
    def of(cls, column: Any) -> Self:
        """What the column holds; keys that are unknown by now are left out."""
        return msgspec.convert(column, cls, strict=False)


def as_json(value: Any) -> Any:
    """As a column keeps it: of a `Stored`, without the fields that have their defaults."""
    return msgspec.to_builtins(value)
