"""Server time of the run page and the webhook after an import of 200,000: `python -m tests.benchmarks.pages`."""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

from tests.benchmarks.__main__ import Databases, ours, sandbox

TIMES = 30


def measure(name: str, ask: Callable[[], Any]) -> None:
    ask()
    taken = []
    for _ in range(TIMES):
        began = time.perf_counter()
        status = ask().status_code
        taken.append((time.perf_counter() - began) * 1000)
        assert status == 200, status
    taken.sort()
    print(f"  {name:<28}median {statistics.median(taken):6.1f} ms   longest {taken[-1]:6.1f} ms")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sandbox(200_000) as url:
        database = Databases(folder).sqlite()
        ours(database, url)
        os.environ |= {"DATABASE_URL": database, "REDIS_URL": "", "ALLOWED_HOSTS": "testserver"}
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        import django

        django.setup()
        from django.contrib.auth.models import User
        from django.test import Client
        from django.urls import reverse

        from integrations.api.webhook import signature
        from integrations.models import AcuityAccount, ImportRun

        run, account = ImportRun.objects.get(), AcuityAccount.objects.get()
        browser = Client()
        browser.force_login(User.objects.create_superuser("bench"))
        page = reverse("admin:integrations_importrun_change", args=[run.pk])
        print(
            f"{run.steps.get(resource='appointments').offset:,} appointments, {run.pages.count()} pages"
        )
        measure("run page", lambda: browser.get(page))
        number = iter(range(1, 1000))

        def webhook() -> Any:
            body = f"action=changed&id={next(number)}&calendarID=1&appointmentTypeID=2".encode()
            return Client().post(
                f"/integrations/booking/acuity/webhook/{account.pk}",
                body,
                content_type="application/x-www-form-urlencoded",
                headers={"X-Acuity-Signature": signature(account.api_key, body)},
            )

        measure("webhook", webhook)


if __name__ == "__main__":
    main()
