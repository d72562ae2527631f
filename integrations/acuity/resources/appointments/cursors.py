"""Where does the walk over the bookings stand, and where their proof?"""

from integrations.acuity.reading.findings import Gap
from integrations.acuity.reading.stored import Stored
from integrations.acuity.source.paging import DayCursor


class WalkCursor(DayCursor, frozen=True):
    """The import's walk: a `DayCursor`, what progress is told by, and what the walk has counted."""

    # The first day asked for; None before anything was asked, and where there is no booking.
    first: str | None = None
    # The last day that has a booking, and the first that had one.
    last: str = ""
    begins: str = ""
    # When the walk began, as ISO 8601.
    began: str = ""
    # IDs that the first questions have shown, which only looked for where to begin and to end.
    glimpsed: list[str] = []
    # Bookings listed by month; None before the first page.
    months: dict[str, int] | None = None
    # The limit with which the next page was asked for ahead.
    limit: int | None = None


class CutCursor(Stored, frozen=True):
    """Among the differently cut questions."""

    # Which question, among how many, up to which day; all that takes place after `since`, an instant as
    # ISO 8601, was shown and compared.
    n: int = 0
    among: int = 0
    until: str = ""
    since: str = ""
    # The IDs that were shown of what is not compared yet, each with its day.
    shown: dict[str, str] = {}
    # Parameters that the source has disobeyed.
    ignored: list[str] = []
    # IDs of rows that head answers where they do not belong, and the most rows that an answer had.
    intruders: list[str] = []
    longest: int = 0


class ProofCursor(DayCursor, frozen=True):
    """The proof's walk, and what it has found. Dictionaries by ID hold months like `2026-06`."""

    # Whether everything is to be listed again, even if the import has just found nothing changed.
    anew: bool = False
    # A key of `check.PHASES`; empty before the first.
    phase: str = ""
    # How the bookings were listed that the cuts are held against.
    evidence: list[str] = []
    first: str | None = None
    # Whether the import's own pages are what the cuts are held against, and not a second walk's.
    reused: bool = False
    # Whether only the latest of them are asked for otherwise, since an earlier proof did so with all.
    brief: bool = False
    # Instant up to which what is stored was held against the listing, as ISO 8601.
    upto: str | None = None
    # Bookings listed, by month.
    months: dict[str, int] = {}
    # Stored, but in no listing so far.
    strays: dict[str, str] = {}
    # Shown only by a question that was cut differently.
    apart: dict[str, str] = {}
    asking: CutCursor = CutCursor()
    # The kinds of questions that were asked, and those whose answers were not to be leaned on.
    asked: list[str] = []
    failed: list[str] = []
    # Of the strays: those that answer to their ID, those that answered 404, how many were not asked.
    hidden: dict[str, str] = {}
    missing: list[str] = []
    unasked: int = 0
    # Months to be listed once more; None before that is known.
    again: list[str] | None = None
    # Bookings that would have been marked as gone, had they not been so many.
    refused: int = 0
    # Bookings that were denied for the first time, or too short a time ago.
    pending: int = 0
    gaps: list[Gap] = []
