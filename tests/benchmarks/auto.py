"""The automatic page limit against fixed ones, the whole step: `python -m tests.benchmarks.auto`."""

import json
import os
import subprocess
import sys
import tempfile
import time

from integrations.acuity.sandbox import Sandbox, SandboxOptions, make_account
from tests.benchmarks.__main__ import ROOT

FIXED = [100, 200, 350, 400, 1_000]
PROFILES = {
    "fast": (SandboxOptions(latency=0.05), 40_000),
    "latency by size": (SandboxOptions(latency=0.1, latency_per_record=0.001), 10_000),
    "time-outs above 400": (SandboxOptions(latency=0.2, timeout_above=400), 20_000),
}


def seconds(url: str, limit: str) -> float:
    """Of the appointments' step. Infinite if the import does not get through."""
    with tempfile.TemporaryDirectory() as folder:
        env = os.environ | {
            "DATABASE_URL": f"sqlite:///{folder}/db.sqlite3",
            "REDIS_URL": "",
            "ACUITY_BASE_URL": url,
            "ACUITY_USER_ID": "10000001",
            "ACUITY_API_KEY": "sandbox-key",
            "ACUITY_LOG_LEVEL": "ERROR",
            "ACUITY_REQUESTS_PER_SECOND": "0",
            "ACUITY_MAX_CONNECTIONS": "0",
        }
        began = time.monotonic()
        try:
            done = subprocess.run(
                [
                    sys.executable,
                    "manage.py",
                    "acuity_import",
                    "--only",
                    "appointments",
                    "--no-verify",
                    "--json",
                    *(["--page-limit", limit] if limit else []),
                ],
                cwd=ROOT,
                env=env,
                capture_output=True,
                text=True,
                timeout=60,
            )
        except subprocess.TimeoutExpired:
            return float("inf")
        taken = time.monotonic() - began
        assert json.loads(done.stdout)["status"] == "completed_with_gaps", done.stdout
        return taken


def main() -> None:
    empty = make_account(clients=1, appointments=1, months=1)
    with Sandbox(empty, SandboxOptions()) as box:
        start = seconds(box.base_url, "100")
    print(f"start and set-up, taken off every figure: {start:.1f} s")
    for name, (options, appointments) in PROFILES.items():
        account = make_account(clients=appointments // 10, appointments=appointments)
        with Sandbox(account, options) as box:
            found = {
                limit: seconds(box.base_url, str(limit)) - start
                for limit in FIXED
                if limit <= (options.timeout_above or limit)
            }
            auto = seconds(box.base_url, "") - start
        best = min(found, key=lambda limit: found[limit])
        words = "  ".join(f"{limit}: {taken:.1f} s" for limit, taken in found.items())
        print(
            f"{name:<20} {words}  auto: {auto:.1f} s = {found[best] / auto:.0%} of the best, {best}",
            flush=True,
        )


if __name__ == "__main__":
    main()
