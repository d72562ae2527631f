"""How many requests went where, and how long did they take? Kept in the database for /metrics."""

import re
import threading
from bisect import bisect_left
from dataclasses import dataclass, field

from django.db import transaction

from integrations.models import EndpointMetric

_ID = re.compile(r"/\d+")


def endpoint(path: str) -> str:
    """`/appointments/123/payments` is one of `/appointments/:id/payments`."""
    return _ID.sub("/:id", path)


@dataclass
class Calls:
    """Requests of one kind: how many, how long, how long they waited for their turn."""

    count: int = 0
    seconds: float = 0.0
    waited: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(EndpointMetric.BOUNDS) + 1))

    def add(self, seconds: float, waited: float) -> None:
        self.count += 1
        self.seconds += seconds
        self.waited += waited
        self.buckets[bisect_left(EndpointMetric.BOUNDS, seconds)] += 1


class Ledger:
    """Calls by (endpoint, status), from any number of threads, until they are recorded."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, str], Calls] = {}
        self._lock = threading.Lock()

    def add(self, path: str, status: str, seconds: float, waited: float) -> None:
        with self._lock:
            self._calls.setdefault((endpoint(path), status), Calls()).add(seconds, waited)

    def record(self) -> None:
        """Add them to the database, in one order, so that two workers never wait in a ring."""
        with self._lock:
            calls, self._calls = self._calls, {}
        for (name, status), new in sorted(calls.items()):
            with transaction.atomic(savepoint=False):
                rows = EndpointMetric.objects.select_for_update()
                row = rows.filter(endpoint=name, status=status).first()
                if row is None:
                    made, _ = EndpointMetric.objects.get_or_create(endpoint=name, status=status)
                    row = rows.get(pk=made.pk)
                row.count += new.count
                row.seconds += new.seconds
                row.waited += new.waited
                had = row.buckets or [0] * len(new.buckets)
                row.buckets = [a + b for a, b in zip(had, new.buckets, strict=True)]
                row.save()
