"""What is old enough goes, and nothing that a run, a proof or a person still needs."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.utils import timezone

from integrations import audit
from integrations.acuity.sandbox import Sandbox
from integrations.acuity.sync import refresh
from integrations.models import (
    AcuityAccount,
    AuditEntry,
    DryRun,
    ExportFile,
    ImportRun,
    ImportStep,
    PageFetch,
    RefreshRequest,
    RejectedRecord,
    StagedPage,
)
from integrations.privacy import retention
from tests.conftest import begin, import_all, run_to_end

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.database,
    pytest.mark.sandbox(clients=5, appointments=20, months=1),
]
KINDS = ["page log", "staged pages", "dry runs", "webhook requests", "resolved rejects", "exports"]


def left() -> list[int]:
    models = (PageFetch, StagedPage, DryRun, RefreshRequest, RejectedRecord)
    return [model.objects.count() for model in models]


def an_old_account(box: Sandbox, account: AcuityAccount, days: float) -> ImportRun:
    """One of each kind, so many days old, of a run that failed then."""
    run, then = import_all(box), timezone.now() - timedelta(days=days)
    ImportRun.objects.update(status="failed", finished_at=then)
    PageFetch.objects.exclude(pk=PageFetch.objects.first().pk).delete()  # type: ignore[union-attr]
    PageFetch.objects.update(fetched_at=then)
    StagedPage.objects.create(step=ImportStep.objects.first(), offset=0, records="[]")
    DryRun.objects.create(account=account, status="done", finished_at=then)
    refresh.request(account, "1")
    RefreshRequest.objects.update(requested_at=then)
    for settled in (then, None):
        RejectedRecord.objects.create(
            account=account,
            run=run,
            resource="clients",
            digest=str(settled),
            payload={},
            resolved_at=settled,
        )
    RejectedRecord.objects.update(created_at=then)
    ExportFile.objects.create(account=account, format="csv", expires_at=then)
    return run


@pytest.mark.long
@pytest.mark.parametrize(
    ("days", "kept"),
    [(29, [1, 1, 1, 1, 2]), (31, [1, 0, 0, 0, 2]), (91, [0, 0, 0, 0, 1])],
)
def test_each_kind_goes_at_its_age(
    box: Sandbox, account: AcuityAccount, days: float, kept: list[int]
) -> None:
    run = an_old_account(box, account, days)
    audit.write("looked", run=run)
    trail = AuditEntry.objects.count()

    gone = retention.prune()

    assert left() == kept
    assert list(gone) == KINDS and sum(gone.values()) == 7 - sum(kept)
    assert ImportRun.objects.count() == 1 and AuditEntry.objects.count() == trail


@pytest.mark.long
def test_zero_keeps_for_ever_and_an_export_goes_when_it_said(
    box: Sandbox, account: AcuityAccount, settings: Any
) -> None:
    an_old_account(box, account, 10_000)
    for name in ("PAGES", "STAGED", "WEBHOOKS", "REJECTS"):
        setattr(settings, f"ACUITY_KEEP_{name}_DAYS", 0)

    assert retention.prune() == {"exports": 1}
    assert left() == [1, 1, 1, 1, 2]


def test_a_run_that_can_go_on_keeps_all_that_it_needs(box: Sandbox) -> None:
    run = run_to_end(begin(box, page_limit=2), before="appointments")
    ImportRun.objects.update(status="paused")
    StagedPage.objects.create(step=ImportStep.objects.first(), offset=0, records="[]")
    PageFetch.objects.update(fetched_at=timezone.now() - timedelta(days=400))
    before = left()

    retention.prune(timezone.now() + timedelta(days=400))

    assert left() == before and run.pages.exists()


def test_many_rows_go_in_batches(
    box: Sandbox, account: AcuityAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    for number in range(10):
        refresh.request(account, str(number))

    gone = retention.prune(timezone.now() + timedelta(days=31))

    assert gone["webhook requests"] == 10 and not RefreshRequest.objects.exists()


@pytest.mark.long
def test_the_command_counts_first(
    box: Sandbox, account: AcuityAccount, capsys: pytest.CaptureFixture[str]
) -> None:
    an_old_account(box, account, 91)

    call_command("acuity_prune", "--dry-run", "--json")
    assert json.loads(capsys.readouterr().out) == dict.fromkeys(KINDS, 1)
    assert left() == [1, 1, 1, 1, 2]
    call_command("acuity_prune")
    assert capsys.readouterr().out == (
        "Deleted: 1 page log, 1 staged pages, 1 dry runs, 1 webhook requests, 1 resolved rejects,"
        " 1 exports.\n"
    )
    assert left() == [0, 0, 0, 0, 1]


def test_sessions_go_once_they_have_expired() -> None:
    now = timezone.now()
    for key, at in (("over", now - timedelta(seconds=1)), ("live", now + timedelta(hours=1))):
        Session.objects.create(session_key=key, session_data="", expire_date=at)

    retention.prune()

    assert [*Session.objects.values_list("pk", flat=True)] == ["live"]
