"""What was stored when it was proven? Per resource and month: the count, the cents, and a digest."""

import hashlib
from collections.abc import Iterable
from decimal import Decimal
from itertools import groupby

import msgspec

from bookings.amounts import counted
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.base import Line
from integrations.acuity.resources.scope import Extent


class Month(msgspec.Struct, frozen=True, omit_defaults=True):
    """`sha256` is of the rows' lines, sorted and joined by line ends, in UTF-8."""

    count: int
    # Hundredths of the currency's unit, or thousandths where `places` is 3.
    cents: int
    sha256: str
    # The cents by what they are told apart by: payments by processor.
    parts: dict[str, int] = {}
    places: int = 2


Digests = dict[str, dict[str, Month]]


def stored(extent: Extent, resources: Iterable[str], places: int) -> Digests:
    """What the database now holds of these resources, by month; `all` where a row has none.

    Money is counted in hundredths or thousandths of its unit, as `places` says.
    """
    return {
        name: {
            month: _month(list(lines), places)
            for month, lines in groupby(RESOURCES[name].lines(extent), lambda line: line.month)
        }
        for name in RESOURCES
        if name in resources
    }


def _month(lines: list[Line], places: int) -> Month:
    text = "\n".join(sorted(line.text for line in lines))
    parts: dict[str, Decimal] = {}
    for line in lines:
        parts[line.part] = parts.get(line.part, Decimal(0)) + line.amount
    return Month(
        count=len(lines),
        cents=counted(sum(parts.values(), Decimal(0)), places),
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        parts={n: counted(amount, places) for n, amount in sorted(parts.items()) if n},
        places=places,
    )
