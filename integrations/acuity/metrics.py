"""How many requests went where, and how long did they take? Kept in the database for /metrics."""

import re
from bisect import bisect_left
from collections.abc import Mapping
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


def record(calls: Mapping[tuple[str, str], Calls]) -> None:
    """Add `calls` by (endpoint, status); in one order, so that two workers never wait in a ring."""
    for (name, status), new in sorted(calls.items()):
        with transaction.atomic():
            row, _ = EndpointMetric.objects.get_or_create(endpoint=name, status=status)
            row = EndpointMetric.objects.select_for_update().get(pk=row.pk)
            row.count += new.count
            row.seconds += new.seconds
            row.waited += new.waited
            row.buckets = [
                a + b for a, b in zip(row.buckets or [0] * len(new.buckets), new.buckets, strict=True)
            ]
            row.save()
