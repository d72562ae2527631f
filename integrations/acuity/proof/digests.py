"""What was stored when it was proven? Per resource and month: the count, the cents, and a digest."""

import hashlib
from collections.abc import Iterable
from decimal import Decimal
from itertools import groupby

import msgspec

from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.base import Line
from integrations.acuity.resources.scope import Extent


class Month(msgspec.Struct, frozen=True, omit_defaults=True):
    """`sha256` is of the rows' lines, sorted and joined by line ends, in UTF-8."""

    count: int
    cents: int
    sha256: str
    # The cents by what they are told apart by: payments by processor.
    parts: dict[str, int] = {}


Digests = dict[str, dict[str, Month]]


def stored(extent: Extent, resources: Iterable[str]) -> Digests:
    """What the database now holds of these resources, by month; `all` where a row has none."""
    return {
        name: {
            month: _month(list(lines))
            for month, lines in groupby(RESOURCES[name].lines(extent), lambda line: line.month)
        }
        for name in RESOURCES
        if name in resources
    }


def _month(lines: list[Line]) -> Month:
    text = "\n".join(sorted(line.text for line in lines))
    parts: dict[str, Decimal] = {}
    for line in lines:
        parts[line.part] = parts.get(line.part, Decimal(0)) + line.amount
    return Month(
        count=len(lines),
        cents=round(sum(parts.values(), Decimal(0)) * 100),
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        parts={name: round(amount * 100) for name, amount in sorted(parts.items()) if name},
    )
