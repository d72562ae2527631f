"""Everything changed, against a first import: `python -m tests.benchmarks.changed [--appointments N]`.

One new key in each booking, a changed column in each, and a first import whose history is taken out,
into SQLite and PostgreSQL in one run. Whole processes without their start, the best of `--times`.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from integrations.acuity.sandbox import Sandbox, SandboxOptions, make_account
from tests.benchmarks.__main__ import CLIENTS_PER_APPOINTMENT, Databases, Ran, manage, warm

WITHOUT = ["-m", "tests.benchmarks.changed", "--without-history"]


def without_history(args: list[str]) -> None:
    """A command of `manage.py` that keeps no change."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.core.management import call_command

    from integrations.acuity.store import history, overwrite

    history.keep = overwrite.keep = lambda *_: None
    call_command(*args)


def imported(database: str, url: str, only: str, program: Iterable[str] = ()) -> Ran:
    words = ("--only", only, "--no-verify", "--json", "--page-limit", "1000")
    return manage(database, url, "acuity_import", *words, program=program)


class Kind:
    """Imports into one kind of database, and how long they took."""

    def __init__(self, make: Callable[..., str], url: str) -> None:
        self.make, self.url, self.start = make, url, Ran(0, 0, "")
        self.migrated = make()
        manage(self.migrated, url, "migrate", "-v0")
        for _ in range(2):
            self.start = imported(self.fresh(), url, "labels")

    def fresh(self) -> str:
        return self.make(self.migrated)

    def best(self, before: Ran | None, ran: Ran) -> Ran:
        took = Ran(ran.seconds - self.start.seconds, 0, ran.output, ran.cpu - self.start.cpu)
        if before is None:
            return took
        seconds, cpu = min(before.seconds, took.seconds), min(before.cpu, took.cpu)
        return Ran(seconds, 0, ran.output, cpu)

    def all(self, database: str, program: Iterable[str] = ()) -> Ran:
        return imported(database, self.url, "appointments", program)


@contextmanager
def account(appointments: int) -> Iterator[Sandbox]:
    data = make_account(
        clients=round(appointments * CLIENTS_PER_APPOINTMENT), appointments=appointments
    )
    with Sandbox(data, SandboxOptions()) as box:
        warm(box.base_url)
        yield box


def edit(box: Sandbox, **over: str) -> None:
    for number in list(box.account.bookings):
        box.account.edit(number, **over)
    warm(box.base_url)


def said(name: str, ran: Ran, base: Ran) -> None:
    ratios = f"{ran.seconds / base.seconds:5.2f} × time, {ran.cpu / base.cpu:5.2f} × processor"
    print(f"  {name:<48}{ran.seconds:7.1f} s{ran.cpu:7.1f} s  {ratios}", flush=True)


def measure(appointments: int, times: int, databases: Databases) -> None:
    for name in ("sqlite", "postgres"):
        with account(appointments) as box:
            kind = Kind(getattr(databases, name), box.base_url)
            first = plain = None
            used = []
            for _ in range(times):
                plain = kind.best(plain, kind.all(kind.fresh(), WITHOUT))
                used.append(kind.fresh())
                first = kind.best(first, kind.all(used[-1]))
            assert first and plain
            print(f"\n{appointments:,} appointments, {name}; × = as long as the first line")
            said("first import", first, first)
            said("first import, history taken out", plain, first)
            for title, counted, edits in (
                ("a new key in each", "restated", [{"newKey": f"{n}"} for n in range(times)]),
                (
                    "a changed column in each",
                    "updated",
                    [{"price": f"{n}.50"} for n in range(times)],
                ),
            ):
                took = None
                for over in edits:
                    edit(box, **over)
                    took = kind.best(took, kind.all(used[0]))
                    counts = json.loads(took.output.splitlines()[0])["appointments"]
                    assert counts[counted] == appointments, took.output
                assert took
                said(f"{title}: all {counted}", took, first)


def main() -> None:
    if sys.argv[1:2] == ["--without-history"]:
        return without_history(sys.argv[2:])
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--appointments", type=int, default=200_000)
    parser.add_argument("--times", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(options.appointments, options.times, Databases(folder))
    return None


if __name__ == "__main__":
    main()
