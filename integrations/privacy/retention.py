"""How long is kept what nobody needs for an import or a proof? Settings say so, in days."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

from celery import current_app
from django.apps import apps
from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from integrations.acuity.runs.states import FINAL
from integrations.conf import conf
from integrations.models import (
    DryRun,
    ExportFile,
    PageFetch,
    RefreshRequest,
    RejectedRecord,
    StagedPage,
)

# Rows of one DELETE, so that none of them holds a table for long.
BATCH = 1000


def prune(now: datetime | None = None) -> dict[str, int]:
    """Delete what is older than its setting allows. How many rows of each kind went.

    A setting of 0 keeps its rows for ever. Runs, proofs and the audit trail always stay, and so does
    whatever a run that can go on may need. Task results go by Celery's own `result_expires`, and
    sessions that have expired go, too.
    """
    current_app.backend.cleanup()
    if apps.is_installed("django.contrib.sessions"):
        import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    return {name: _delete(rows) for name, rows in _old(now or timezone.now())}


def count(now: datetime | None = None) -> dict[str, int]:
    """What `prune` would delete."""
    return {name: rows.count() for name, rows in _old(now or timezone.now())}


def _old(now: datetime) -> Iterator[tuple[str, QuerySet[Any]]]:
    def before(days: int) -> datetime:
        return now - timedelta(days=days)

    if days := conf.ACUITY_KEEP_PAGES_DAYS:
        over = PageFetch.objects.filter(run__status__in=FINAL)
        yield "page log", over.filter(fetched_at__lt=before(days))
    if days := conf.ACUITY_KEEP_STAGED_DAYS:
        # A failed run can be resumed, and then reads on.
        staged = StagedPage.objects.filter(step__run__status__in=FINAL)
        yield "staged pages", staged.filter(step__run__finished_at__lt=before(days))
        yield "dry runs", DryRun.objects.filter(finished_at__lt=before(days))
    if days := conf.ACUITY_KEEP_WEBHOOKS_DAYS:
        yield "webhook requests", RefreshRequest.objects.filter(requested_at__lt=before(days))
    if days := conf.ACUITY_KEEP_REJECTS_DAYS:
        yield "resolved rejects", RejectedRecord.objects.filter(resolved_at__lt=before(days))
    # These say themselves when they go.
    yield "exports", ExportFile.objects.filter(expires_at__lt=now)


def _delete(rows: QuerySet[Any]) -> int:
    gone = 0
    while batch := list(rows.values_list("pk", flat=True)[:BATCH]):
        counts = rows.model._default_manager.filter(pk__in=batch).delete()[1]
        gone += counts.get(rows.model._meta.label, 0)
    return gone
