"""What does an import look like in a terminal? Progress on standard error, results on output."""

import sys
from decimal import Decimal
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from integrations.acuity.proof.headline import headline
from integrations.acuity.resources import RESOURCES
from integrations.acuity.runs import progress
from integrations.models import ImportRun

WORDS = {
    "completed": "completed, verified",
    "completed_with_gaps": "completed with gaps: something is missing or unproven, see below",
    "paused": "paused",
    "failed": "failed, resumable",
}
err = Console(stderr=True, highlight=False)


class Bars:
    """A bar for each step on a terminal; nothing elsewhere, where log lines tell."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<13}"),
            BarColumn(),
            TextColumn("{task.fields[text]}"),
            TextColumn("{task.fields[rate]}", style="dim"),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=err,
            disable=not sys.stderr.isatty(),
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


def summary(result: dict[str, Any], reason: str = "") -> None:
    console = Console(highlight=False)
    table = _table("", "fetched", "stored", "created", "updated", "unchanged", "rejected")
    for name in RESOURCES:
        table.add_row(name, *(f"{value:,}" for value in result[name].values()))
    console.print(table)
    console.print(f"Run {result['run']}: [bold]{WORDS.get(result['status'], result['status'])}[/]")
    if said := headline(result["scope"], result["verified"]):
        console.print(said, soft_wrap=True)
    console.print(
        f"{result['requests']:,} requests, {result['retries']} retries, {result['elapsed_s']} s"
    )
    if reason:
        console.print(reason)
    for gap in result["gaps"]:
        console.print(f"[red]GAP[/] {gap.get('day') or gap.get('month') or ''} {gap['reason']}")
    if result["differences"]:
        console.print(
            f"{len(result['differences'])} appointments whose payments differ from the amount paid"
        )


def dry_run(answer: dict[str, Any]) -> None:
    console = Console(highlight=False)
    table = _table("", "fetched", "to create", "to update", "unchanged", "rejected")
    asking = []
    for name, resource in RESOURCES.items():
        counts = answer.get(name, {})
        if "requests" in counts:
            asking.append(f"{resource.title} would take {counts['requests']:,} further requests.")
        elif counts:
            table.add_row(name, *(f"{value:,}" for value in counts.values()))
    console.print(table)
    for sentence in asking:
        console.print(sentence)
    console.print(f"Dry run of {answer['account']}: nothing was written.")


def coverage(months: dict[str, list[int]]) -> None:
    """Month by month, what Acuity lists and what is stored."""
    if not months:
        return
    source, stored = (sum(pair[n] for pair in months.values()) for n in (0, 1))
    table = _table("month", "Acuity", "stored", "", title="Coverage", footers=_pair(source, stored))
    for month, pair in sorted(months.items()):
        table.add_row(month, *_pair(*pair))
    Console(highlight=False).print(table)


def _pair(source: int, stored: int) -> list[str]:
    return [f"{source:,}", f"{stored:,}", "[green]✓[/]" if stored >= source else "[red]MISSING[/]"]


def revenue(report: dict[str, Any]) -> None:
    """A row for each month, a column for each processor."""
    months = report["months"]
    names = sorted({name for processors in months.values() for name in processors})
    sums = [sum(_amount(months[m], [name]) for m in months) for name in names]
    table = _table(
        "month",
        *names,
        "total",
        title=f"Revenue by date of service, {report['currency']}",
        footers=[f"{amount:,.2f}" for amount in [*sums, sum(sums)]],
    )
    for month, processors in months.items():
        amounts = [_amount(processors, [name]) for name in names]
        table.add_row(month, *(f"{amount:,.2f}" for amount in [*amounts, sum(amounts)]))
    Console(highlight=False).print(table)


def _amount(processors: dict[str, Any], names: list[str]) -> Decimal:
    return sum((Decimal(processors[n]["amount"]) for n in names if n in processors), Decimal(0))


def _table(first: str, *numbers: str, title: str = "", footers: list[str] | None = None) -> Table:
    table = Table(
        title=title or None, title_justify="left", box=SIMPLE_HEAD, show_footer=bool(footers)
    )
    table.add_column(first, footer="total")
    for name, footer in zip(numbers, footers or [""] * len(numbers), strict=True):
        table.add_column(name, justify="right", footer=footer)
    return table
