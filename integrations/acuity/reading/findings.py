"""What does a run say that is missing, unproven, or does not add up?"""

from collections.abc import Sequence

from integrations.acuity.reading.stored import Stored


class Gap(Stored, frozen=True):
    """What is missing or could not be proven, and why, in one sentence."""

    kind: str = ""
    reason: str = ""
    # Where: a day like `2026-06-15`, a month like `2026-06`, a resource; nothing for all of them.
    day: str = ""
    month: str = ""
    resource: str = ""
    # How many: missing here, listed there, stored beyond that, found otherwise.
    missing: int | None = None
    listed: int | None = None
    extra: int | None = None
    found: int | None = None
    # Parameters that the source has disobeyed.
    ignored: list[str] | None = None
    # IDs of the first few records that it is about.
    ids: list[str] | None = None


# A gap names so many.
NAMED = 5


def named(ids: Sequence[str]) -> str:
    """` (1547000001, 1547000002, …)`, or nothing."""
    more = ["…"] if len(ids) > NAMED else []
    return f" ({', '.join([*ids[:NAMED], *more])})" if ids else ""


class Difference(Stored, frozen=True):
    """An appointment whose payments do not add up. Amounts are text with two decimals."""

    appointment: str = ""
    month: str = ""
    amount_paid: str = ""
    payments: str = ""
    # Why, where that is known.
    reason: str = ""


class Pair(Stored, frozen=True, array_like=True):
    """How many bookings of a month the source lists, and how many are stored."""

    source: int = 0
    stored: int = 0
