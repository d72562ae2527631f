"""What does a booking's list of payments mean? Typed records, and a reason for each that is none."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from integrations.acuity.reading.values import (
    Reject,
    as_object,
    clean,
    digest,
    listed,
    moment,
    money,
    plain,
)


class PaymentRecord(msgspec.Struct, frozen=True):
    key: str
    transaction_id: str
    processor: str
    amount: Decimal
    paid_at: datetime
    raw: dict[str, Any]


class PaymentList(NamedTuple):
    """What could be read of an appointment's payments, and why the rest could not."""

    records: list[PaymentRecord]
    faults: list[str]


def parse_payments(
    rows: Any, zone: str = "", at: datetime | None = None, places: int = 2
) -> PaymentList:
    """An appointment's payments. Cash has no ID, so twins are told apart by counting them.

    Times without an offset are taken in `zone`; a payment without a date was made `at`. Raises
    Reject if there is no list.
    """
    found = listed(rows) if isinstance(rows, list | dict) else None
    if found is None:
        raise Reject("the payments are not a list")
    records: list[PaymentRecord] = []
    faults: list[str] = []
    seen: dict[tuple[str, ...], int] = {}
    for row in found:
        try:
            record = _payment(as_object(clean(row)), zone, at, seen, places)
        except Reject as reason:
            faults.append(str(reason))
            continue
        records.append(record)
    return PaymentList(records, faults)


def _payment(
    row: dict[str, Any],
    zone: str,
    at: datetime | None,
    seen: dict[tuple[str, ...], int],
    places: int,
) -> PaymentRecord:
    transaction = plain(row.get("transactionID"))[:255]
    processor = plain(row.get("processor"))[:64]
    if row.get("amount") in (None, "", False):
        raise Reject("amount is missing")
    amount = money(row.get("amount"), "amount", places)
    try:
        paid_at = moment(row.get("created"), "created", zone).astimezone(UTC)
        dated = paid_at.isoformat()
    except Reject:
        # A payment is an amount of a booking; its date is decoration.
        if at is None:
            raise
        paid_at, dated = at, ""
    parts = [processor, transaction, dated, str(amount)]
    occurrence = seen[tuple(parts)] = seen.get(tuple(parts), 0) + 1
    return PaymentRecord(
        key=digest([*parts, occurrence]),
        transaction_id=transaction,
        processor=processor or "unknown",
        amount=amount,
        paid_at=paid_at,
        raw=row,
    )
