"""Is every change stored that a webhook names? A worker is killed, Redis emptied, PostgreSQL restarted.

`python -m tests.webhooks 500 --within 50` changes so many bookings of an imported account, in bursts, and delivers
a webhook for each to a real web process, again after a 500, as Acuity does. 24 of them are the bookings
of a new client. In the end the rows must equal the source's, so many seconds after the last delivery:
twice the time from one sweep to the next, and what a killed reader keeps its request for. Without
`--within`, however long the machine takes.
"""

import argparse
import base64
import hashlib
import hmac
import os
import random
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import requests

from tests.outages import Site

SERIES = 24
BURSTS = 10
KEY = "sandbox-key"
NEWMAN = {"firstName": "Nora", "lastName": "Newman", "email": "nora@example.com", "phone": ""}
PATIENCE = 400


def deliver(url: str, number: int) -> int:
    """How often it had to be delivered."""
    body = f"action=changed&id={number}&calendarID=1&appointmentTypeID=2".encode()
    signed = base64.b64encode(hmac.new(KEY.encode(), body, hashlib.sha256).digest()).decode()
    headers = {
        "X-Acuity-Signature": signed,
        "Content-Type": "application/x-www-form-urlencoded",
    }
    for times in range(1, 60):
        try:
            if requests.post(url, body, headers=headers, timeout=10).status_code == 200:
                return times
        except requests.RequestException:
            pass
        time.sleep(1)
    raise AssertionError(f"nobody took the webhook of {number}")


def change(data: Any, count: int, rng: random.Random) -> list[int]:
    """The IDs of so many bookings that are other than before; the new client's are among them."""
    numbers = rng.sample(list(data.bookings), count - SERIES)
    for number in numbers:
        if rng.random() < 0.5:
            data.cancel(number)
        else:
            at = data.starts[number] + timedelta(days=rng.randint(-9, 9), minutes=5)
            data.move(number, at.replace(tzinfo=None))
    first = datetime(2026, 6, 1, 10)
    series = [data.add_appointment(first + timedelta(days=n), **NEWMAN) for n in range(SERIES)]
    # All of the series at once, so that several workers meet its client for the first time.
    middle = len(numbers) // 2
    return [*numbers[:middle], *series, *numbers[middle:]]


def main(count: int, within: float) -> int:
    site = Site()
    site.django()
    from django.db import connection

    from bookings.models import Appointment
    from integrations.acuity.sandbox import make_account
    from integrations.models import RefreshRequest
    from tests import conftest
    from tests.services import free_port
    from tests.truth import stored, truth

    data = make_account(clients=40, appointments=count, months=6)
    try:
        with conftest.source(data, latency=0.02) as box:
            run = conftest.import_all(box)
            assert run.status == "completed", run.reason
            account = run.account
            port = free_port()
            site.start(sys.executable, "-m", "gunicorn", "config.wsgi", f"--bind=127.0.0.1:{port}")
            site.beat()
            site.worker()
            url = f"http://127.0.0.1:{port}/integrations/booking/acuity/webhook/{account.pk}"
            changed = change(data, count, random.Random(count))
            box.forget()
            size = -(-count // BURSTS)
            began, times = time.monotonic(), 0
            with ThreadPoolExecutor(8) as pool:
                for n in range(BURSTS):
                    connection.close()
                    site.supervise()
                    burst = pool.map(
                        lambda number: deliver(url, number), changed[n * size :][:size]
                    )
                    if n == 2:
                        os.killpg(site.working.pid, signal.SIGKILL)
                        site.working.wait()
                        site.worker()
                    elif n == 4:
                        site.without_broker(0.2)
                    elif n == 6:
                        site.without_database(1.0)
                    times += sum(burst)
                    time.sleep(0.5)
            last = time.monotonic()
            while RefreshRequest.objects.exists() and time.monotonic() - last < PATIENCE:
                # One that loses Redis in the middle of a message may end, as production.md says.
                site.supervise()
                time.sleep(0.2)
            took = time.monotonic() - last
        expected, found = truth(data), stored(account.tenant)
        series = Appointment.objects.filter(client__last_name="Newman").count()
        figures = {
            "webhooks": len(changed),
            "delivered": times,
            "waiting": RefreshRequest.objects.count(),
            "wrong": [name for name in expected if expected[name] != found[name]],
            "lost": len(expected["ids"] - found["ids"]),
            "series": series,
            "stored_after_s": round(took, 1),
            "worker_restarts": site.restarts,
            "seconds": round(time.monotonic() - began),
        }
        personal = [value for value in NEWMAN.values() if value and value in site.log]
    finally:
        sys.stderr.write(site.log[-3000:])
        site.close()
    print(figures)
    assert not personal, "the log has a client's name"
    right = (figures["wrong"], figures["waiting"], series) == ([], 0, SERIES)
    return 0 if right and took <= within else 1


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("count", type=int)
    options.add_argument("--within", type=float, default=PATIENCE, help="seconds")
    sys.exit(main(**vars(options.parse_args())))
