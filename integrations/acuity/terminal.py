"""What does an import look like in a terminal? Progress on standard error, results on output."""

import sys
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from integrations.models import ImportRun

err = Console(stderr=True, highlight=False)


class Bars:
    """A bar for each step on a terminal; nothing elsewhere, where log lines tell."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description:<13}"),
            BarColumn(),
            MofNCompleteColumn(),
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
                    step.resource, total=None, start=False, note=""
                )
            if step.status == "pending":
                continue
            done = step.status == "done"
            self._progress.start_task(self._tasks[step.resource])
            self._progress.update(
                self._tasks[step.resource],
                completed=step.offset,
                total=step.offset if done else step.total,
                note=f"waiting: {step.waiting_for}" if step.not_before else "",
            )


def summary(result: dict[str, Any], reason: str = "") -> None:
    console = Console(highlight=False)
    table = Table("", "fetched", "stored", "created", "updated", "unchanged", "rejected")
    for name in ("clients", "appointments", "payments"):
        table.add_row(name, *(f"{value:,}" for value in result[name].values()))
    console.print(table)
    proof = "verified: nothing is missing" if result["verified"] else "not verified"
    console.print(f"Run {result['run']}: {result['status']}, {proof}")
    console.print(
        f"{result['requests']:,} requests, {result['retries']} retries, {result['elapsed_s']} s"
    )
    if reason:
        console.print(reason)
    for gap in result["gaps"]:
        console.print(f"GAP {gap.get('day') or gap.get('month') or ''} {gap['reason']}")
    if result["differences"]:
        console.print(
            f"{len(result['differences'])} appointments whose payments differ from the amount paid"
        )


def rehearsal(answer: dict[str, Any]) -> None:
    console = Console(highlight=False)
    table = Table("", "fetched", "to create", "to update", "unchanged", "rejected")
    for name in ("clients", "appointments"):
        if name in answer:
            table.add_row(name, *(f"{value:,}" for value in answer[name].values()))
    console.print(table)
    if "payments" in answer:
        console.print(f"Payments would take {answer['payments']['requests']:,} further requests.")
    console.print(f"Dry run of {answer['account']}: nothing was written.")


def coverage(months: dict[str, list[int]]) -> None:
    if not months:
        return
    table = Table("month", "Acuity", "stored", "", title="Coverage, month by month")
    for month, (source, stored) in sorted(months.items()):
        table.add_row(month, f"{source:,}", f"{stored:,}", "✓" if stored >= source else "MISSING")
    source, stored = (sum(pair[n] for pair in months.values()) for n in (0, 1))
    table.add_row("total", f"{source:,}", f"{stored:,}", "✓" if stored >= source else "MISSING")
    Console(highlight=False).print(table)


def revenue(report: dict[str, Any]) -> None:
    table = Table("month", "processor", "payments", report["currency"], title="Revenue by date of service")
    for month, processors in report["months"].items():
        for processor, row in processors.items():
            table.add_row(month, processor, f"{row['count']:,}", row["amount"])
    Console(highlight=False).print(table)
