"""Is a booking gone? Only what the source denies in two looks, at least a minute apart."""

from collections.abc import Iterable
from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from bookings.models import Appointment

# One odd answer is not a verdict, and two in one breath are one.
APART = timedelta(seconds=60)


def denied_before(rows: QuerySet[Appointment]) -> QuerySet[Appointment, int]:
    """Primary keys of those whose first look is long enough ago."""
    return rows.filter(missing_since__lte=timezone.now() - APART).values_list("pk", flat=True)


def remember(rows: QuerySet[Appointment], missing: Iterable[int]) -> None:
    """Of `rows`, the source denies `missing` in this look, and shows the others."""
    before = set(rows.exclude(missing_since=None).values_list("pk", flat=True))
    now = set(missing)
    if fresh := now - before:
        rows.filter(pk__in=fresh).update(missing_since=timezone.now())
    if back := before - now:
        rows.filter(pk__in=back).update(missing_since=None)
