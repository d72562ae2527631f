"""At the source's limit: 10 requests a second, 150 ms each, three workers: `python -m tests.benchmarks.wall`."""

import tempfile
import time
from pathlib import Path

from integrations.acuity.sandbox import Sandbox, SandboxOptions, make_account
from tests.runs.test_stalls import Place, ended

BUDGET = 10


def main() -> None:
    account = make_account(clients=100, appointments=1_600, months=12)
    options = SandboxOptions(latency=0.15, rps=BUDGET, max_connections=20)
    with tempfile.TemporaryDirectory() as folder, Sandbox(account, options) as box:
        arrived: list[tuple[float, str]] = []
        box.hook = lambda path, query: arrived.append((time.monotonic(), path))
        place = Place(Path(folder), box)
        place.shared |= {"ACUITY_REQUESTS_PER_SECOND": str(BUDGET)}
        try:
            for _ in range(3):
                place.worker()
            place.start_import()
            place.wait(ended, seconds=1_200)
            status = place.state()[0]
        finally:
            place.close()
        refused = sum(answer == 429 for _, _, _, answer in box.requests)
        peak = box.peak_connections
    times = sorted(at for at, path in arrived if path.endswith("/payments"))
    everything = sorted(at for at, _ in arrived)
    crowded = max(
        sum(at <= other < at + 1 for other in everything[n : n + 3 * BUDGET])
        for n, at in enumerate(everything)
    )
    used = (len(times) - 1) / (times[-1] - times[0]) / BUDGET
    print(
        f"{status}: {len(times):,} payment requests in {times[-1] - times[0]:.1f} s,"
        f" {used:.1%} of the budget; at most {crowded} in any second; {refused} answers of 429;"
        f" {peak} connections at most"
    )


if __name__ == "__main__":
    main()
