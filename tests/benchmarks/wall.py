"""At the source's limit of 10 requests a second, on lines of all kinds: `make wall`.

The server counts what arrives, after a delay on the way there; its log is what is measured, from the
first to the last payment request of an import by three workers. Beside each line stands what one
fixed spacing could reach on it at best, in a simulation that is told the line beforehand.
"""

import argparse
import gc
import heapq
import os
import random
import tempfile
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django

from integrations.acuity.sandbox import Sandbox, SandboxOptions, make_account
from integrations.acuity.sandbox.server import Answer, Query

BUDGET = 10
IMPORTS = (
    "from integrations.acuity.accounts import find; from integrations.acuity.runs import control"
)
# Seconds on the way there and on the way back.
Delays = Callable[[random.Random], tuple[float, float]]


def quiet(rng: random.Random) -> tuple[float, float]:
    return 0.075, 0.075


def rough(rng: random.Random) -> tuple[float, float]:
    """150 ms ± 60 ms: a standard deviation of 30 ms each way."""
    there, back = (max(0.005, rng.gauss(0.075, 0.03)) for _ in range(2))
    return there, back


def spikes(rng: random.Random) -> tuple[float, float]:
    """One answer in fifty is a second late, half of it on the way there."""
    late = 0.5 if rng.random() < 0.02 else 0.0
    return 0.075 + late, 0.075 + late


def slow(rng: random.Random) -> tuple[float, float]:
    return 0.6, 0.6


LINES: dict[str, tuple[Delays, float, float]] = {
    # The least share of the budget and the largest share of 429s that are good enough.
    "quiet": (quiet, 0.97, 0.0),
    "rough": (rough, 0.885, 0.005),
    "spikes": (spikes, 0.93, 0.01),
    "slow": (slow, 0.96, 0.0),
}


class Line(Sandbox):
    """A sandbox at the end of a line."""

    def __init__(self, account: Any, delays: Delays, **options: Any) -> None:
        super().__init__(account, SandboxOptions(rps=BUDGET, max_connections=20, **options))
        self.delays = delays
        self.arrived: list[tuple[float, str, int]] = []
        self._chance = random.Random(11)

    def answer(
        self, method: str, path: str, query: Query, authorization: str, ip: str, body: bytes = b""
    ) -> Answer:
        with self.lock:
            there, back = self.delays(self._chance)
        time.sleep(there)
        at = time.monotonic()
        found = super().answer(method, path, query, authorization, ip, body)
        with self.lock:
            self.arrived.append((at, path, found.status))
        time.sleep(back)
        return found


@dataclass
class Figures:
    used: float
    refused: float

    @classmethod
    def of(cls, arrived: list[tuple[float, int]]) -> "Figures":
        """The share of the budget that was answered, and of the requests that were not."""
        good = sorted(at for at, status in arrived if status != 429)
        span = good[-1] - good[0]
        return cls((len(good) - 1) / span / BUDGET, 1 - len(good) / len(arrived))

    def __str__(self) -> str:
        return f"{self.used:6.1%} of the budget, {self.refused:5.2%} × 429"


def simulated(delays: Delays, most_refused: float, requests: int = 4_000) -> Figures:
    """The best that one fixed spacing can do; each 429 costs a pause of 0.15 s."""
    found = [_fixed(delays, 1 + step / 200, requests) for step in range(50)]
    return max((f for f in found if f.refused <= most_refused), key=lambda f: f.used)


def _fixed(delays: Delays, spacing: float, requests: int) -> Figures:
    rng, due = random.Random(5), 0.0
    under_way: list[float] = []
    counted, arrived = deque[float](), list[tuple[float, int]]()
    for _ in range(requests):
        heapq.heappush(under_way, due + delays(rng)[0])
        due += spacing / BUDGET
        while under_way and under_way[0] <= due:
            at = heapq.heappop(under_way)
            while counted and counted[0] <= at - 1:
                counted.popleft()
            full = len(counted) >= BUDGET
            arrived.append((at, 429 if full else 200))
            if full:
                due = max(due, at + 0.15)
            else:
                counted.append(at)
    return Figures.of(arrived)


def at_work(account: Any, delays: Delays, during: Callable[[Line, Any], None]) -> Line:
    """An import over that line by three workers; `during` is called meanwhile, until it returns."""
    from tests.runs.test_stalls import Place

    with tempfile.TemporaryDirectory() as folder, Line(account, delays) as box:
        place = Place(Path(folder), box)
        place.shared |= {"ACUITY_REQUESTS_PER_SECOND": str(BUDGET)}
        try:
            for _ in range(3):
                place.worker()
            place.start_import("--no-verify")
            during(box, place)
        finally:
            place.close()
        return box


def to_the_end(box: Line, place: Any) -> None:
    from tests.runs.test_stalls import ended

    place.wait(ended, seconds=3_600)


def payments(box: Line) -> list[tuple[float, int]]:
    return [(at, status) for at, path, status in box.arrived if path.endswith("/payments")]


def one_line(name: str, appointments: int) -> None:
    delays, least, most = LINES[name]
    account = make_account(clients=100, appointments=appointments, months=12)
    box = at_work(account, delays, to_the_end)
    found = payments(box)
    figures = Figures.of(found)
    good = figures.used >= least and figures.refused <= most
    print(
        f"{name:<8}{len(found):>6,} requests: {figures}; {box.peak_connections:2} connections"
        f" | one fixed spacing: {simulated(delays, max(most, 0.0))}"
        f" | {'as wanted' if good else f'NOT {least:.1%}, {most:.1%}'}; load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def turning(seconds: float) -> None:
    """Quiet, rough, quiet: each for `seconds`, then as long again to be measured."""
    account = make_account(clients=100, appointments=int(seconds * 6 * 16), months=12)
    parts: list[tuple[str, float, float]] = []

    def during(box: Line, place: Any) -> None:
        while not payments(box):
            time.sleep(0.2)
        for name in ("quiet", "rough", "quiet"):
            box.delays = LINES[name][0]
            time.sleep(seconds)
            began = time.monotonic()
            time.sleep(seconds)
            parts.append((name, began, time.monotonic()))

    box = at_work(account, quiet, during)
    for name, began, over in parts:
        figures = Figures.of([(at, status) for at, status in payments(box) if began <= at < over])
        print(f"turned {name:<8}{seconds:.0f} s ago: {figures}", flush=True)


def beside(large: int) -> None:
    """A small account alone, then another such while a large one reads its payments; two workers."""
    from tests.commands.test_commands import manage, query
    from tests.runs.test_stalls import Place

    def account(number: int, clients: int, bookings: int, months: int) -> Line:
        data = make_account(clients=clients, appointments=bookings, months=months)
        data.me["id"] = number
        return Line(data, quiet, user_id=str(number))

    def seconds(bookings: int) -> float | None:
        found = query(
            place.folder,
            "SELECT (julianday(run.finished_at) - julianday(run.created_at)) * 86400, run.status,"
            " run.reason FROM integrations_importrun run JOIN integrations_acuityaccount account"
            f" ON account.id = run.account_id WHERE account.user_id = '{bookings}'",
        )
        if not found or found[0][0] is None:
            return None
        took, status, reason = found[0]
        assert status == "completed", reason
        return float(took)

    def wait(number: int) -> float:
        while (took := seconds(number)) is None:
            time.sleep(0.2)
        return took

    with (
        tempfile.TemporaryDirectory() as folder,
        account(1, 450, large, 31) as first,
        account(2, 10, 40, 2) as alone,
        account(3, 10, 40, 2) as late,
    ):
        place = Place(Path(folder), first)
        place.shared |= {
            "ACUITY_REQUESTS_PER_SECOND": str(BUDGET),
            "ACUITY_ALLOW_PRIVATE_ADDRESSES": "1",
        }
        try:
            for _ in range(2):
                place.worker()
            took = []
            for number, box in ((2, alone), (1, first), (3, late)):
                begin = f"control.start(find.ensure('{number}', 'sandbox-key', '{box.base_url}'))"
                done = manage(place.folder, "shell", "-c", f"{IMPORTS}; {begin}", **place.shared)
                assert done.returncode == 0, done.stderr
                if box is first:
                    while len(payments(first)) < 100:
                        time.sleep(0.2)
                else:
                    took.append(wait(number))
            calm, busy = took
            print(
                f"small account: {calm:.1f} s alone, {busy:.1f} s beside a large one: {busy / calm:.2f} ×"
            )
        finally:
            place.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--appointments", type=int, default=1_600)
    parser.add_argument("--lines", default=",".join(LINES))
    parser.add_argument("--turn", type=float, default=60, metavar="SECONDS")
    parser.add_argument("--large", type=int, default=4_000, metavar="BOOKINGS")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    # The server's search for reference cycles would hold answers back for 15 ms, each three seconds.
    gc.disable()
    for name in filter(None, options.lines.split(",")):
        one_line(name, options.appointments)
    if options.turn:
        turning(options.turn)
    if options.large:
        beside(options.large)


if __name__ == "__main__":
    main()
