"""What do a file and the database have in common, and where do they differ?"""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from bookings.amounts import counted
from integrations.acuity.reading.values import Reject, money

_THOUSANDS = re.compile(r"(\D*\d{1,3})\.(\d{3}\D*)")


@dataclass
class Result:
    """Rows of the file are `row 2` and so on, the header being the first; rows of the database have
    the source's ID, or for clients this database's."""

    kind: str
    rows: int
    # The decimals of the currency by which months are counted.
    places: int = 2
    matched: int = 0
    likely: int = 0
    only_in_file: list[str] = field(default_factory=list)
    only_in_database: list[str] = field(default_factory=list)
    differs: list[dict[str, str]] = field(default_factory=list)
    not_compared: list[str] = field(default_factory=list)
    # What a column was taken to mean, where that could be one of several things.
    read_as: dict[str, str] = field(default_factory=dict)
    # Month: processor: whose: [number, hundredths or thousandths of the unit].
    months: dict[str, Any] = field(
        default_factory=lambda: defaultdict(
            lambda: defaultdict(lambda: defaultdict(lambda: [0, 0]))
        )
    )

    @property
    def agrees(self) -> bool:
        return not (self.only_in_file or self.only_in_database or self.differs)

    def amount(self, text: str) -> Decimal | None:
        """The amount that a file writes, in any of the usual ways; None where it is none."""
        if self.places == 2:
            # Nothing has three decimals: `1.234` is `1,234`.
            text = _THOUSANDS.sub(r"\1\2", text) if _THOUSANDS.fullmatch(text) else text
        try:
            return money(text, "amount", 3)
        except Reject:
            return None

    def add(self, month: str, processor: str, whose: str, money: Decimal, number: int = 1) -> None:
        """Count an amount of the month as the vendor's, the database's or the processor's."""
        sums = self.months[month][processor][whose]
        sums[0] += number
        sums[1] += counted(money, self.places)

    def compare(self, key: str, column: str, file: Any, *database: Any) -> None:
        """Note a difference unless the file has one of the database's values."""
        if file not in database:
            said = " or ".join(dict.fromkeys(map(str, database)))
            self.differs.append({"id": key, "column": column, "file": str(file), "database": said})

    def as_json(self) -> dict[str, Any]:
        found = vars(self) | {"months": {}}
        if self.places == 2:
            del found["places"]
        if not self.read_as:
            del found["read_as"]
        for month, processors in sorted(self.months.items()):
            found["months"][month] = {name: dict(sums) for name, sums in sorted(processors.items())}
        return found
