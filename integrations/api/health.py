"""Is this deployment well, and what is it doing? For load balancers and for Prometheus."""

import hmac
from collections.abc import Callable, Iterator
from typing import Any

from django.db import DatabaseError, connection
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from integrations.acuity.runs import messages, stalls
from integrations.acuity.source.throttle import default_throttle
from integrations.acuity.sync import freshness
from integrations.api.problems import problem
from integrations.conf import conf
from integrations.models import AcuityAccount, EndpointMetric, ImportRun, ImportStep, RejectedRecord

OUTCOMES = ("created", "updated", "restated", "unchanged", "rejected")
LOOPBACK = {"127.0.0.1", "::1"}


def healthz(request: HttpRequest) -> HttpResponse:
    """200 if database and broker answer, else 503; and a warning where the budget is not shared."""
    found = {"database": _database(), "broker": messages.broker_trouble() or "ok"}
    well = all(answer == "ok" for answer in found.values())
    # A Redis that hangs is both, mostly: it is waited for once.
    if well and (trouble := default_throttle().trouble):
        # Imports go on, only faster together than they should.
        found["budget"] = f"not shared between processes: {trouble}"
    return JsonResponse(found, status=200 if well else 503)


class HealthFirst:
    """First in MIDDLEWARE: a load balancer asks by address, over HTTP, under a name not in ALLOWED_HOSTS."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info == reverse("acuity_healthz"):
            return healthz(request)
        return self.get_response(request)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return type(error).__name__
    return "ok"


def metrics(request: HttpRequest) -> HttpResponse:
    if not _may_scrape(request):
        return problem(401, "Scrape from this machine, or send METRICS_TOKEN as a bearer token.")
    registry = CollectorRegistry()
    registry.register(FromDatabase())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_scrape(request: HttpRequest) -> bool:
    if conf.METRICS_TOKEN:
        given = request.headers.get("Authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {conf.METRICS_TOKEN}".encode())
    forwarded = "X-Forwarded-For" in request.headers
    return request.META.get("REMOTE_ADDR") in LOOPBACK and not forwarded


class FromDatabase:
    """Requests happen in worker processes, so the numbers are kept in the database."""

    def collect(self) -> Iterator[Any]:
        yield from self.requests()
        yield from self.records()
        yield from self.runs()
        yield from self.ages()

    def requests(self) -> Iterator[Any]:
        sent = CounterMetricFamily(
            "acuity_requests", "Requests to Acuity", labels=["endpoint", "status"]
        )
        took = HistogramMetricFamily(
            "acuity_request_seconds", "Time to answer", labels=["endpoint", "status"]
        )
        waited = CounterMetricFamily(
            "acuity_throttle_wait_seconds", "Time waited for the budget", labels=["endpoint"]
        )
        waits: dict[str, float] = {}
        for row in EndpointMetric.objects.order_by("endpoint", "status"):
            sent.add_metric([row.endpoint, row.status], row.count)
            waits[row.endpoint] = waits.get(row.endpoint, 0.0) + row.waited
            so_far, buckets = 0, []
            bounds = [*(f"{bound:g}" for bound in EndpointMetric.BOUNDS), "+Inf"]
            for bound, count in zip(bounds, row.buckets, strict=False):
                so_far += count
                buckets.append((bound, so_far))
            took.add_metric([row.endpoint, row.status], buckets, row.seconds)
        for endpoint, seconds in waits.items():
            waited.add_metric([endpoint], seconds)
        yield from (sent, took, waited)

    def records(self) -> Iterator[Any]:
        family = CounterMetricFamily(
            "acuity_records", "Records of imports", labels=["resource", "outcome"]
        )
        sums = ImportStep.objects.values_list("resource").annotate(
            *(Sum(name) for name in OUTCOMES)
        )
        for resource, *totals in sums.order_by("resource"):
            for name, total in zip(OUTCOMES, totals, strict=True):
                family.add_metric([resource, name], total or 0)
        yield family
        rejected = RejectedRecord.objects.filter(resolved_at=None).count()
        yield GaugeMetricFamily("acuity_rejected_records", "Rejected and not settled", rejected)

    def runs(self) -> Iterator[Any]:
        family = GaugeMetricFamily("acuity_runs", "Imports by state", labels=["status"])
        counts = dict(ImportRun.objects.values_list("status").annotate(n=Count("pk")))
        for status in ImportRun.Status.values:
            family.add_metric([status], counts.get(status, 0))
        yield family
        working = ImportRun.objects.filter(status__in=ImportRun.WORKING).prefetch_related("steps")
        now = timezone.now()
        silences = [(now - stalls.last_sign(run)).total_seconds() for run in working]
        stalled = sum(silence > conf.ACUITY_STALL_SECONDS for silence in silences)
        yield GaugeMetricFamily(
            "acuity_stalled_runs", "Working runs without a sign of life", stalled
        )
        oldest = max(silences, default=0.0)
        yield GaugeMetricFamily(
            "acuity_oldest_progress_seconds", "Longest silence of a working run", oldest
        )

    def ages(self) -> Iterator[Any]:
        """By account; one that has no age yet is left out."""
        listed = GaugeMetricFamily(
            "acuity_bookings_age_seconds", "Since bookings were listed whole", labels=["account"]
        )
        read = GaugeMetricFamily(
            "acuity_payments_age_seconds", "Of the oldest payment list", labels=["account"]
        )
        unread = GaugeMetricFamily(
            "acuity_payments_unread", "Payment lists never read", labels=["account"]
        )
        now = timezone.now()
        for account in AcuityAccount.objects.order_by("pk"):
            fresh, label = freshness.of(account), [str(account.pk)]
            for family, at in ((listed, fresh.bookings), (read, fresh.payments)):
                if at:
                    family.add_metric(label, (now - at).total_seconds())
            unread.add_metric(label, fresh.unread)
        yield from (listed, read, unread)
