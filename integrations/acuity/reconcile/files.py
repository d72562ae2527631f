"""What kind of file is it, and what does it say? By its header; names are never logged."""

import csv
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
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
# As one exporter calls them.
OTHERWISE = {
    "Time Zone": "Timezone",
    "Appointment Type": "Type",
    "Price": "Appointment Price",
    "Paid": "Paid?",
}
TIMES = (
    "%B %d, %Y %H:%M",
    "%B %d, %Y %I:%M %p",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M:%S %p",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%d %H:%M",
)
_HALF = re.compile(r"\s*([ap])\.?m\.?$", re.IGNORECASE)
_ISO = re.compile(r"(?<=\d)T(?=\d)")


class UnknownFile(ConfigurationError):
    """A file that cannot be compared; the sentence says what was looked for."""


@dataclass(frozen=True)
class File:
    """A file as it was read; `digest` is its SHA-256. A column's name that comes again has a number
    behind it in `columns` and rows, and `called` says what it is."""

    kind: str
    columns: list[str]
    rows: list[Row]
    digest: str
    called: dict[str, str]


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
    called = _called([name.strip() for name in next(rows, [])])
    columns = list(called)
    found = _kind(columns, kind)
    if found == BOOKINGS:
        called = {_known(name, columns): what for name, what in called.items()}
        columns = list(called)
    read = [
        dict.fromkeys(columns, "") | dict(zip(columns, map(str.strip, row), strict=False))
        for row in rows
        if any(row)
    ]
    return File(found, columns, read, hashlib.sha256(content).hexdigest(), called)


def _called(names: list[str]) -> dict[str, str]:
    """The names, each once: those that come again have a number behind them."""
    found: dict[str, str] = {}
    for name in names:
        key, n = name, 1
        while key in found:
            key, n = f"{name} ({n + 1})", n + 1
        found[key] = name
    return found


def _known(name: str, columns: list[str]) -> str:
    other = OTHERWISE.get(name, name)
    return name if other in columns else other


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
    """The times in UTC that are called so in the zone: two in the hour when the clocks go back. None
    where it is no time."""
    text = _ISO.sub(" ", _HALF.sub(r" \1m", text.strip()))
    for form in TIMES:
        try:
            wall = datetime.strptime(text, form)  # noqa: DTZ007 - its zone comes next
        except ValueError:
            continue
        place = zones.zone(zone) or ZoneInfo("UTC")
        # In their own zone both would be one: Python compares what the clock shows.
        return {wall.replace(tzinfo=place, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return set()
