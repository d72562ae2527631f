"""What came of a window? How the chain of messages goes on, and a line for people."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """`more`: send the next window · `done`: the chain goes on · `stop`: the chain ends here."""

    kind: str
    text: str
    version: int = 0
    offset: int = 0
