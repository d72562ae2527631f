"""What does an import look like in a terminal? Progress on standard error, results on output."""

import contextlib
import getpass
import os
import shlex
import sys
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec.structs import astuple
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bookings.amounts import shortest
from bookings.reports.obligations import CERTIFICATES
from bookings.reports.revenue import ORDERS
from integrations.acuity.proof.headline import headline
from integrations.acuity.resources import RESOURCES
from integrations.acuity.resources.base import Unasked
from integrations.acuity.runs import progress
from integrations.acuity.runs.preview import Rehearsal
from integrations.acuity.runs.results import Counts, Result
from integrations.models import ImportRun, ImportStep

WORDS = {
    "completed": "completed, verified",
    "completed_with_gaps": "completed with gaps: something is missing or unproven, see below",
    "paused": "paused",
    "failed": "failed, resumable",
}
# The summary's columns on a narrow terminal, and on a very narrow one.
SHORT = {
    "fetched": "read",
    "stored": "stored",
    "created": "new",
    "updated": "changed",
    "restated": "restated",
    "unchanged": "same",
    "rejected": "rejected",
}
SHORTEST = {name: SHORT[name] for name in ("stored", "created", "updated", "rejected")}
# Without a terminal that moves its cursor: a line each so many seconds, or percent.
LINE_SECONDS, LINE_PERCENT = 10.0, 10


def plain(stderr: bool = True) -> bool:
    """Whether there is nobody to watch bars move: a log, a build, an editor's shell."""
    stream = sys.stderr if stderr else sys.stdout
    dumb = os.environ.get("TERM") in ("dumb", "unknown") or os.environ.get("CI", "") not in (
        "",
        "0",
    )
    return dumb or not stream.isatty()


def colourless(stderr: bool = True) -> bool:
    """Whether what is written there has no codes of colour."""
    return bool(os.environ.get("NO_COLOR")) or plain(stderr)


def console(stderr: bool = False) -> Console:
    """No movement where it is `plain`, no colour where it is `colourless`."""
    return Console(
        stderr=stderr,
        highlight=False,
        force_terminal=False if plain(stderr) else None,
        color_system=None if colourless(stderr) else "auto",
    )


def say(n: int, noun: str) -> str:
    """`1 retry`, `2 retries`: a number, and so many of what is named in the singular."""
    several = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{n:,} {noun if n == 1 else several}"


def show(out: Console, *tables: Table) -> None:
    """The first of the tables, each narrower than the one before, that fits; where nobody's terminal
    sets a width, the first."""
    widths = [Measurement.get(out, out.options.update(width=10_000), t).maximum for t in tables]
    if not out.is_terminal:
        out.width = max(out.width, widths[0])
    fits = (table for table, width in zip(tables, widths, strict=True) if width <= out.width)
    out.print(next(fits, tables[-1]))


def command(*words: str) -> str:
    """A command as it is called here, so that it runs as printed."""
    python = Path(sys.executable)
    if python.is_relative_to(Path.cwd()):
        python = python.relative_to(Path.cwd())
    return shlex.join([str(python), sys.argv[0], *words])


class Lines:
    """A line for each step now and then, for whoever reads it later."""

    def __init__(self) -> None:
        # When each step said something last, and how many tenths of it were done.
        self._said: dict[str, tuple[float, int]] = {}

    def __enter__(self) -> "Lines":
        return self

    def __exit__(self, *_: object) -> None:
        return

    def show(self, run: ImportRun) -> None:
        steps = [step for step in run.steps.all() if step.resource != "account"]
        # The end of the last step is the summary's to tell.
        for step in steps[:-1] if steps and steps[-1].status == "done" else steps:
            if step.status != "pending":
                self._show(step)

    def _show(self, step: ImportStep) -> None:
        shape, now = progress.of(step), time.monotonic()
        tenth = (shape.percent or 0) // LINE_PERCENT
        when, before = self._said.get(step.resource, (now, 0))
        self._said.setdefault(step.resource, (now, 0))
        if tenth > before or (now - when >= LINE_SECONDS and step.status != "done"):
            self._said[step.resource] = (now, tenth)
            note = f"waiting: {step.waiting_for}" if step.not_before else shape.rate
            print(", ".join(filter(None, [f"{step.resource} {shape.text}", note])), file=sys.stderr)


def whoami() -> str:
    """The login at this terminal; nothing where the system has none for the process."""
    with contextlib.suppress(OSError, KeyError):
        return getpass.getuser()
    return ""


class Bars:
    """A bar for each step on a terminal."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<13}"),
            BarColumn(),
            TextColumn("{task.fields[text]}"),
            TextColumn("{task.fields[rate]}", style="dim"),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=console(stderr=True),
        )
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> "Bars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, run: ImportRun) -> None:
        for step in run.steps.all():
            if step.resource == "account":
                continue
            if step.resource not in self._tasks:
                self._tasks[step.resource] = self._progress.add_task(
                    step.resource, total=None, start=False, text="", rate="", note=""
                )
            if step.status == "pending":
                continue
            shape, bar = progress.of(step), self._tasks[step.resource]
            left = f"{shape.left} left" if shape.left else ""
            self._progress.start_task(bar)
            self._progress.update(
                bar,
                completed=shape.percent or 0,
                # Without a total the bar pulses: it moves, but promises nothing.
                total=None if shape.percent is None else 100,
                text=shape.text,
                rate=shape.rate,
                note=f"waiting: {step.waiting_for}" if step.not_before else left,
            )
            if step.status == "done":
                self._progress.stop_task(bar)


def summary(result: Result, reason: str = "") -> None:
    out = console()
    show(
        out,
        _counts(result, dict(zip(Counts.__struct_fields__, Counts.__struct_fields__, strict=True))),
        _counts(result, SHORT),
        _counts(result, SHORTEST),
    )
    out.print(f"Run {result.run}: [bold]{WORDS.get(result.status, result.status)}[/]")
    if said := headline(result.scope, result.verified):
        out.print(said, soft_wrap=not out.is_terminal)
    asked = f"{say(result.requests, 'request')}, {say(result.retries, 'retry')}"
    out.print(f"{asked}, {result.elapsed_s} s")
    if reason:
        out.print(reason, soft_wrap=not out.is_terminal)
    for gap in result.gaps:
        out.print(f"[red]GAP[/] {gap.get('day') or gap.get('month') or ''} {gap['reason']}")
    if wrong := len(result.differences):
        differ = "differs" if wrong == 1 else "differ"
        what = f"{say(wrong, 'appointment')} whose sum of payments {differ} from the amount paid"
        out.print(what)


def _counts(result: Result, headings: dict[str, str]) -> Table:
    table = _table("", *headings.values())
    for name, counts in result.resources.items():
        table.add_row(name, *(f"{getattr(counts, column):,}" for column in headings))
    return table


def dry_run(answer: Rehearsal) -> None:
    out = console()
    table = _table("", "fetched", "to create", "to update", "to restate", "unchanged", "rejected")
    asking = []
    for name, found in answer.resources.items():
        if isinstance(found, Unasked):
            title = RESOURCES[name].title
            asking.append(f"{title} would take {say(found.requests, 'further request')}.")
        else:
            table.add_row(name, *(f"{value:,}" for value in astuple(found)))
    show(out, table)
    for sentence in asking:
        out.print(sentence)
    out.print(f"Dry run of {answer.account}: nothing was written.")


def listing(rows: list[dict[str, Any]], empty: str) -> None:
    """A row of each, its longest words whole where nobody's terminal sets a width."""
    out = console()
    if not rows:
        out.print(empty)
        return
    table, times = Table(box=SIMPLE_HEAD), {n for row in rows for n in row if _time(row[n])}
    for name in rows[0]:
        heading = name.replace("_", " ").removesuffix(" at")
        table.add_column(f"{heading} (UTC)" if name in times else heading, overflow="fold")
    for row in rows:
        table.add_row(*(_time(v) or ("" if v is None else str(v)[:36]) for v in row.values()))
    show(out, table)


def _time(value: Any) -> str:
    """A time of ISO 8601 to the second and in UTC, "" for anything else."""
    if isinstance(value, str) and "T" in value:
        with contextlib.suppress(ValueError):
            return f"{datetime.fromisoformat(value).astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    return ""


def coverage(months: dict[str, list[int]]) -> None:
    """Month by month, what Acuity lists and what is stored."""
    if not months:
        return
    source, stored = (sum(pair[n] for pair in months.values()) for n in (0, 1))
    table = _table("month", "Acuity", "stored", "", title="Coverage", footers=_pair(source, stored))
    for month, pair in sorted(months.items()):
        table.add_row(month, *_pair(*pair))
    show(console(), table)


def _pair(source: int, stored: int) -> list[str]:
    return [f"{source:,}", f"{stored:,}", "[green]✓[/]" if stored >= source else "[red]MISSING[/]"]


def revenue(report: dict[str, Any]) -> None:
    """A row for each month, a column for each processor; other currencies in tables of their own."""
    out = console()
    show(out, _by_month(report["months"], report["currency"]))
    vendor, canceled, orders = (_total(report[name]) for name in ("as_vendor", "canceled", ORDERS))
    out.print(
        f"As Acuity's own report counts: {shortest(vendor):,f}, without {shortest(canceled):,f} on canceled bookings"
        f" and no-shows, with {shortest(orders):,f} of orders.",
        soft_wrap=not out.is_terminal,
    )
    for currency, found in report["other_currencies"].items():
        show(out, _by_month(found["months"], currency))


def _by_month(months: dict[str, dict[str, Any]], currency: str) -> Table:
    names = sorted({name for processors in months.values() for name in processors})
    sums = [sum((_amount(months[m], [name]) for m in months), Decimal(0)) for name in names]
    table = _table(
        "month",
        *names,
        "total",
        title=f"Revenue by date of service, {currency}",
        footers=[f"{shortest(amount):,f}" for amount in [*sums, sum(sums, Decimal(0))]],
    )
    for month, processors in months.items():
        amounts = [_amount(processors, [name]) for name in names]
        table.add_row(
            month, *(f"{shortest(amount):,f}" for amount in [*amounts, sum(amounts, Decimal(0))])
        )
    return table


def obligations(report: dict[str, Any]) -> None:
    """What is owed on certificates, by month to come, and on canceled bookings."""
    out, currency = console(), report["currency"]
    for title, name in (("Certificates", CERTIFICATES), ("Expired", "expired")):
        open_ = report[name]
        value, counts, minutes = (open_[kind] for kind in ("value", "counts", "minutes"))
        out.print(
            f"{title}: {value['amount']} {currency} on {value[CERTIFICATES]:,};"
            f" {counts['bookings']:,} bookings on {counts[CERTIFICATES]:,}, an estimated"
            f" {counts['estimate']} {currency} at today's prices;"
            f" {minutes['minutes']:,} minutes on {minutes[CERTIFICATES]:,};"
            f" {open_['unlimited'][CERTIFICATES]:,} without limit.",
            soft_wrap=not out.is_terminal,
        )
    upcoming = report["upcoming"]
    table = _table(
        "month",
        "bookings",
        "deposits",
        "paid in full",
        title=f"Bookings after {report['as_of']}, {currency}",
        footers=[f"{upcoming['bookings']:,}", upcoming["deposits"], upcoming["paid_in_full"]],
    )
    for month, row in upcoming["months"].items():
        table.add_row(month, f"{row['bookings']:,}", row["deposits"], row["paid_in_full"])
    show(out, table)
    for each, found in {currency: report, **report["other_currencies"]}.items():
        canceled = found["canceled"]
        out.print(
            f"Kept on {canceled['bookings']:,} canceled bookings and no-shows, no refund known:"
            f" {canceled['amount']} {each}.",
            soft_wrap=not out.is_terminal,
        )


def _total(months: dict[str, dict[str, Any]]) -> Decimal:
    return sum((_amount(cells, list(cells)) for cells in months.values()), Decimal(0))


def _amount(processors: dict[str, Any], names: list[str]) -> Decimal:
    return sum((Decimal(processors[n]["amount"]) for n in names if n in processors), Decimal(0))


def _table(first: str, *numbers: str, title: str = "", footers: list[str] | None = None) -> Table:
    table = Table(
        title=title or None,
        title_justify="left",
        box=SIMPLE_HEAD,
        show_footer=bool(footers),
        # So that the longest name of a resource fits into 80 columns.
        padding=(0, 1, 0, 0),
    )
    # Where nothing fits, words are broken; none is cut.
    table.add_column(first, footer="total", overflow="fold")
    for name, footer in zip(numbers, footers or [""] * len(numbers), strict=True):
        table.add_column(name, justify="right", footer=footer, overflow="fold")
    return table
