"""What was stored when it was proven? Per resource and month: the count, the cents, and a digest."""

import hashlib
from collections import Counter
from collections.abc import Iterable
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
    parts: Counter[str] = Counter()
    for line in lines:
        parts[line.part] += round(line.amount * 100)
    return Month(
        count=len(lines),
        cents=sum(parts.values()),
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        parts={name: cents for name, cents in sorted(parts.items()) if name},
    )
