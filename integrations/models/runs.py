"""A run, its steps and pages, and what could not be stored."""

import uuid

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from integrations.models.accounts import AcuityAccount


class ImportRun(models.Model):
    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        VERIFYING = "verifying"
        PAUSING = "pausing"
        PAUSED = "paused"
        CANCELLING = "cancelling"
        CANCELLED = "cancelled"
        FAILED = "failed"
        COMPLETED = "completed"
        COMPLETED_WITH_GAPS = "completed_with_gaps"

    ACTIVE = ["queued", "running", "verifying", "pausing", "paused", "cancelling"]
    WORKING = ["queued", "running", "verifying"]

    class Kind(models.TextChoices):
        IMPORT = "import", _("Import")
        PASS = "pass", _("Hourly pass")
        AUDIT = "audit", _("Nightly audit")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(AcuityAccount, on_delete=models.CASCADE, related_name="runs")
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.IMPORT)
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.QUEUED)
    reason = models.TextField(blank=True, help_text=_("Why it failed, in words."))
    error_class = models.CharField(max_length=64, blank=True)
    min_date = models.DateField(null=True, blank=True)
    max_date = models.DateField(null=True, blank=True)
    page_limit = models.PositiveIntegerField(default=100)
    auto_page_limit = models.BooleanField(
        default=False, help_text=_("Grow and shrink the page limit.")
    )
    tuning = models.JSONField(
        default=dict, blank=True, help_text=_("What `auto` has found so far.")
    )
    # For this run only, and never above the deployment's; empty: the deployment's.
    requests_per_second = models.FloatField(null=True, blank=True)
    accept_removals = models.BooleanField(
        default=False, help_text=_("Mark as gone however many Acuity no longer shows.")
    )
    accept_rejects = models.BooleanField(
        default=False, help_text=_("Go on however many are rejected.")
    )
    idempotency_key = models.CharField(max_length=200, null=True, blank=True)
    reread = models.JSONField(
        default=dict, blank=True, help_text=_("Up to which reading payment lists are read again.")
    )
    payments_mode = models.CharField(max_length=8, default="paid")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    resumed = models.PositiveIntegerField(default=0)
    started_by = models.CharField(
        max_length=16,
        default="code",
        help_text=_("Who began or resumed it last: command, person, …"),
    )
    announced = models.BooleanField(
        default=False, help_text=_("Whether the log has the line that it began, or goes on.")
    )
    verified = models.BooleanField(default=False)
    verified_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When that was last proven.")
    )
    coverage = models.JSONField(default=dict, blank=True, help_text=_("Month: [source, stored]."))
    gaps = models.JSONField(default=list, blank=True)
    differences = models.JSONField(default=list, blank=True)
    scope = models.JSONField(default=dict, blank=True, help_text=_("What was asked and compared."))
    ignored_parameters = models.JSONField(default=list, blank=True)
    digests = models.JSONField(
        default=dict, blank=True, help_text=_("What was stored when it was proven, by month.")
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account"],
                name="one_active_run",
                condition=Q(
                    status__in=["queued", "running", "verifying", "pausing", "paused", "cancelling"]
                ),
            ),
            models.UniqueConstraint(fields=["account", "idempotency_key"], name="one_run_per_key"),
        ]
        indexes = [models.Index(fields=["status", "created_at"])]

    def __str__(self) -> str:
        return f"Import {str(self.id)[:8]} ({self.status})"


class ImportStep(models.Model):
    """The only copy of a step's position. A message names the version it expects to find."""

    class Status(models.TextChoices):
        PENDING = "pending"
        RUNNING = "running"
        DONE = "done"

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    resource = models.CharField(max_length=32)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.PENDING)
    version = models.PositiveIntegerField(default=0)
    offset = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True, blank=True)
    cursor = models.JSONField(default=dict, blank=True)
    fetched = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    restated = models.PositiveIntegerField(
        default=0,
        help_text=_("Stored anew because their bytes changed, and none of their columns."),
    )
    unchanged = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    requests = models.PositiveIntegerField(default=0)
    retries = models.PositiveIntegerField(default=0)
    throttled = models.PositiveIntegerField(default=0)
    lease_token = models.CharField(max_length=32, blank=True, default="")
    lease_owner = models.CharField(max_length=255, blank=True, default="")
    lease_until = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)
    waiting_for = models.TextField(blank=True, default="")
    attempts = models.PositiveIntegerField(default=0, help_text=_("In a row without progress."))
    deaths = models.PositiveIntegerField(default=0, help_text=_("Processes lost on this window."))
    active_ms = models.PositiveBigIntegerField(
        default=0, help_text=_("Spent working, not waiting.")
    )
    failing_since = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["run", "resource"], name="step_identity"),
        ]


class StagedPage(models.Model):
    """A page of a listing that only comes whole, kept until its step is done."""

    step = models.ForeignKey(ImportStep, on_delete=models.CASCADE, related_name="staged")
    offset = models.PositiveIntegerField()
    records = models.TextField(help_text=_("JSON, as it came."))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["step", "offset"], name="staged_identity")]


class PageFetch(models.Model):
    """One page window as it happened, for people to read."""

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="pages")
    resource = models.CharField(max_length=32)
    offset = models.PositiveIntegerField()
    limit = models.PositiveIntegerField()
    count = models.PositiveIntegerField()
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    restated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    requests = models.PositiveIntegerField(default=0)
    throttled = models.PositiveIntegerField(default=0)
    elapsed_ms = models.PositiveIntegerField()
    fetched_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["run", "fetched_at"])]


class RejectedRecord(models.Model):
    """A record that could not be stored, with the reason, once however often it is seen."""

    account = models.ForeignKey(AcuityAccount, on_delete=models.CASCADE, related_name="rejected")
    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="rejects")
    resource = models.CharField(max_length=32)
    digest = models.CharField(max_length=64)
    external_id = models.CharField(max_length=255, blank=True)
    payload = models.JSONField()
    reason = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    # Tried again: since when somebody wants that, until when a worker has it, and what kept it from it.
    retry_asked = models.DateTimeField(null=True, blank=True)
    retry_due = models.DateTimeField(null=True, blank=True)
    retry_trouble = models.TextField(blank=True, default="")

    class Meta:
        indexes = [
            models.Index(
                fields=["retry_due"],
                condition=models.Q(retry_due__isnull=False),
                name="rejects_tried_again",
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "resource", "digest"], name="reject_identity"
            )
        ]

    def __str__(self) -> str:
        return f"{self.resource} {self.external_id}".strip()


class CompletionEvent(models.Model):
    """The outbox row behind `AcuityImportCompleted`: its key makes it happen once a run."""

    run = models.OneToOneField(ImportRun, on_delete=models.CASCADE, related_name="completion")
    payload = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)


class EndpointMetric(models.Model):
    """Requests sent to one endpoint with one outcome, summed over every process, for /metrics."""

    # Upper bounds, in seconds, of the latency histogram's buckets.
    BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

    endpoint = models.CharField(max_length=64)
    status = models.CharField(max_length=16, help_text=_("HTTP status, or the error's name."))
    count = models.PositiveBigIntegerField(default=0)
    seconds = models.FloatField(default=0)
    waited = models.FloatField(default=0, help_text=_("Seconds spent waiting for the throttle."))
    buckets = models.JSONField(default=list, help_text=_("Requests per bucket, not cumulative."))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "status"], name="metric_identity")
        ]
