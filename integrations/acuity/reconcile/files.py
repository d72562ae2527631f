"""What kind of file is it, and what does it say? By its header; names are never logged."""

import csv
import hashlib
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from pathlib import Path
from zoneinfo import ZoneInfo

from integrations.acuity.errors import ConfigurationError
from integrations.acuity.reading import zones

Row = dict[str, str]
BOOKINGS, CLIENTS, REVENUE = "appointments", "clients", "revenue"
# By kind, the columns without which a file is not of that kind.
KINDS = {
    BOOKINGS: ("Start Time", "Appointment ID"),
    CLIENTS: ("First Name", "Last Name", "Days Since Last Appointment"),
    REVENUE: ("Processor", "Transactions", "Amount"),
    "stripe": ("id", "Amount", "Amount Refunded", "Currency"),
    "square": ("Transaction ID", "Payment ID", "Event Type", "Total Collected"),
}
TIMES = (
    "%B %d, %Y %H:%M",
    "%B %d, %Y %I:%M %p",
    "%m/%d/%Y %H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
)


class UnknownFile(ConfigurationError):
    """A file that cannot be compared; the sentence says what was looked for."""


@dataclass(frozen=True)
class File:
    """A file as it was read; `digest` is its SHA-256."""

    kind: str
    columns: list[str]
    rows: list[Row]
    digest: str


def read(path: Path, kind: str = "") -> File:
    """The file, its kind by its header unless named. Raises UnknownFile."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnknownFile(f"{path} cannot be read: {error.strerror}.") from None
    lines = StringIO(_text(content), newline="")
    header = lines.readline()
    lines.seek(0)
    rows = csv.reader(lines, delimiter=max(",;\t", key=header.count))
    columns = [name.strip() for name in next(rows, [])]
    found = kind if kind in KINDS and _lacking(columns, kind) == [] else _kind(columns, kind)
    read = [
        {name: value.strip() for name, value in zip(columns, row, strict=False)}
        for row in rows
        if any(row)
    ]
    return File(found, columns, read, hashlib.sha256(content).hexdigest())


def _text(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _kind(columns: list[str], kind: str) -> str:
    wanted = [kind] if kind else list(KINDS)
    for each in wanted:
        if not _lacking(columns, each):
            return each
    looked = "; ".join(f"{each}: {', '.join(KINDS[each])}" for each in wanted)
    raise UnknownFile(f"No known file has this header. Looked for the columns of {looked}.")


def _lacking(columns: list[str], kind: str) -> list[str]:
    return [name for name in KINDS[kind] if name not in columns]


def moments(text: str, zone: str) -> set[datetime]:
    """The times that are called so in the zone: two in the hour when the clocks go back. None where
    it is no time."""
    for form in TIMES:
        try:
            wall = datetime.strptime(text.strip(), form)  # noqa: DTZ007 - its zone comes next
        except ValueError:
            continue
        place = zones.zone(zone) or ZoneInfo("UTC")
        return {wall.replace(tzinfo=place, fold=fold) for fold in (0, 1)}
    return set()
