"""What an import remembers: the account, the run, its steps, and what could not be stored."""

import uuid
from datetime import time
from typing import Any, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bookings.models import Imported, Tenant
from integrations.secrets import SecretField

Row = TypeVar("Row", bound=Imported)


class AcuityAccount(models.Model):
    """One Acuity login, by key or by OAuth. Both secrets are encrypted at rest."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="acuity_accounts")
    user_id = models.CharField(max_length=64)
    api_key = SecretField(blank=True, default="")
    oauth_token = SecretField(blank=True, default="", editable=False)
    base_url = models.URLField(blank=True, help_text=_("Empty: ACUITY_BASE_URL."))
    name = models.CharField(max_length=200, blank=True)
    timezone = models.CharField(max_length=64, blank=True)
    # Who answers to the credentials: empty until /me was read.
    source_id = models.CharField(
        max_length=64, blank=True, default="", help_text=_("As Acuity has it.")
    )
    country = models.CharField(max_length=2, blank=True, default="", help_text=_("ISO 3166."))
    # What identifies a client; null until /me was read. See docs/guarantees.md.
    clients_distinct_by_phone = models.BooleanField(null=True, blank=True)
    # The page limit that `auto` found best here last time.
    best_page_limit = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "user_id"], name="account_identity")
        ]
        permissions = [
            ("run_import", "Can run, pause and resume imports"),
            ("cancel_import", "Can cancel imports"),
        ]

    def __str__(self) -> str:
        return self.name or f"Acuity {self.user_id}"

    @property
    def marks(self) -> dict[str, Any]:
        """The columns that tell this account's rows from those of the tenant's other accounts."""
        return {
            "tenant_id": self.tenant_id,
            "source": "acuity",
            "source_account": self.source_id,
        }

    def rows(self, model: type[Row]) -> QuerySet[Row]:
        """The account's own rows of `model`."""
        return model._default_manager.filter(**self.marks)


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


class Plan(models.Model):
    """When an account is looked at by itself. See `acuity/sync/plans.py`."""

    account = models.OneToOneField(AcuityAccount, on_delete=models.CASCADE, related_name="plan")
    hourly = models.BooleanField("hourly pass", default=True)
    nightly = models.BooleanField("nightly audit", default=True)
    # Times of day are the account's own.
    night_from = models.TimeField(default=time(1), help_text=_("The audit begins from here on …"))
    night_to = models.TimeField(default=time(5), help_text=_("… to here, in the account's zone."))
    quiet_from = models.TimeField(
        null=True, blank=True, help_text=_("Nothing begins from here on …")
    )
    quiet_to = models.TimeField(null=True, blank=True, help_text=_("… to here."))
    nights = models.PositiveSmallIntegerField(
        default=7, help_text=_("Every list of payments is read again within so many nights.")
    )
    allowance = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text=_("Lists read again a night, at most; empty: as `nights` takes."),
    )
    created_at = models.DateTimeField(auto_now_add=True)
    passed_at = models.DateTimeField(null=True, blank=True, editable=False)
    audited_at = models.DateTimeField(null=True, blank=True, editable=False)

    def __str__(self) -> str:
        return str(self.account)


class Webhooks(models.Model):
    """The account's webhooks are wanted, at this address. See `acuity/sync/webhooks.py`."""

    account = models.OneToOneField(AcuityAccount, on_delete=models.CASCADE, related_name="webhooks")
    target = models.URLField(max_length=500)
    since = models.DateTimeField(null=True, help_text=_("All of them without a break."))
    checked_at = models.DateTimeField(null=True)
    trouble = models.TextField(blank=True, help_text=_("Why the last look failed, in words."))

    class Meta:
        verbose_name_plural = "webhooks"


class WebhookDay(models.Model):
    """Changes of a day (UTC): those that webhooks told, and those that a pass had to find."""

    account = models.ForeignKey(AcuityAccount, on_delete=models.CASCADE, related_name="told")
    day = models.DateField()
    received = models.PositiveIntegerField(default=0)
    missed = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "day"], name="day_identity")]


class NoticeChannel(models.Model):
    """Where a tenant's people are told. See `integrations/notices`."""

    class Kind(models.TextChoices):
        MAIL = "mail", _("E-mail")
        WEBHOOK = "webhook", _("Signed webhook")
        SLACK = "slack", _("Slack-compatible")

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="channels")
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.MAIL)
    address = models.CharField(max_length=500, help_text=_("Of the mailbox, or of the webhook."))
    secret = SecretField(blank=True, default="", help_text=_("Signs what a webhook gets."))
    digest = models.BooleanField(default=False, help_text=_("Also a summary each Monday."))
    active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"{self.get_kind_display()} to {self.tenant}"


class Notice(models.Model):
    """Something that people are told of, as long as it lasts."""

    account = models.ForeignKey(AcuityAccount, on_delete=models.CASCADE, related_name="notices")
    cause = models.CharField(max_length=16)
    text = models.TextField()
    opened_at = models.DateTimeField(auto_now_add=True)
    recovered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "cause"],
                name="one_open_notice",
                condition=Q(recovered_at=None),
            )
        ]


class NoticeMessage(models.Model):
    """What one channel is sent, once: the outbox of notices."""

    channel = models.ForeignKey(NoticeChannel, on_delete=models.CASCADE, related_name="messages")
    key = models.CharField(max_length=64, help_text=_("What is told, so that it is told once."))
    subject = models.CharField(max_length=200)
    text = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    not_before = models.DateTimeField(null=True, help_text=_("Empty: at once."))
    sent_at = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    trouble = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "key"], name="message_identity")]


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


class Role(models.TextChoices):
    """What somebody may do for a tenant; each may what those before it may. See `access.py`."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    OWNER = "owner"


class Membership(models.Model):
    """A person's role in a tenant. Who has none there sees nothing of it."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.VIEWER)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "tenant"], name="membership_identity")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.tenant}: {self.role}"


class AuditEntry(models.Model):
    """Who did what, and when: written once, never changed. See `audit.py`."""

    at = models.DateTimeField(auto_now_add=True)
    actor = models.CharField(
        max_length=8, help_text=_("person, token, schedule, webhook, command …")
    )
    name = models.CharField(max_length=150, blank=True)
    deed = models.CharField(max_length=64)
    note = models.TextField(blank=True)
    # What was deleted leaves its entries behind.
    tenant = models.ForeignKey(Tenant, null=True, on_delete=models.SET_NULL, related_name="audit")
    run = models.ForeignKey(ImportRun, null=True, on_delete=models.SET_NULL, related_name="audit")

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["run", "at"]), models.Index(fields=["tenant", "at"])]

    def __str__(self) -> str:
        return f"{self.deed} by {self.actor} {self.name}".strip()


class ApiToken(models.Model):
    """A token for the HTTP API, limited to its tenants and role. Only its digest is stored."""

    name = models.CharField(max_length=100)
    role = models.CharField(max_length=8, choices=Role.choices, default=Role.OPERATOR)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    tenants = models.ManyToManyField(Tenant, related_name="api_tokens")
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)

    def __str__(self) -> str:
        return self.name


class DryRun(models.Model):
    """What an import would do, found out by a worker and kept. See `acuity/runs/dry_runs.py`."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        STOPPED = "stopped"

    ACTIVE = ["queued", "running"]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(AcuityAccount, on_delete=models.CASCADE, related_name="dry_runs")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.QUEUED)
    options = models.JSONField(default=dict, help_text=_("As an import is started with."))
    progress = models.JSONField(default=dict, help_text=_("Records read so far, by resource."))
    result = models.JSONField(default=dict)
    reason = models.TextField(blank=True, help_text=_("Why it failed, in words."))
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    # Who works on it now, until `due_at`; then it is sent again, whoever has it.
    token = models.CharField(max_length=32, blank=True, default="")
    due_at = models.DateTimeField(default=timezone.now, help_text=_("When it is sent again."))

    def __str__(self) -> str:
        return f"Dry run {str(self.id)[:8]} ({self.status})"


class ExportFile(models.Model):
    """A file that a worker makes of an account, kept until it expires. See `acuity/runs/exports.py`."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    ACTIVE = ["queued", "running"]

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey(AcuityAccount, on_delete=models.CASCADE, related_name="exports")
    format = models.CharField(max_length=8)
    people = models.BooleanField(default=True)
    spreadsheet = models.BooleanField(default=False)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.QUEUED)
    reason = models.TextField(blank=True)
    size = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField()
    due_at = models.DateTimeField(default=timezone.now)


class ExportPart(models.Model):
    """So many bytes of the file, by number."""

    export = models.ForeignKey(ExportFile, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["export", "number"], name="export_part_identity")
        ]


class RefreshRequest(models.Model):
    """A webhook asked for this appointment to be read again. One row however often it is asked,
    until what was read is stored and nobody asked since."""

    account = models.ForeignKey(AcuityAccount, on_delete=models.CASCADE, related_name="refreshes")
    external_id = models.CharField(max_length=32)
    requested_at = models.DateTimeField(auto_now_add=True)
    asked = models.PositiveIntegerField(default=1, help_text=_("How often it was asked for."))
    attempts = models.PositiveIntegerField(default=0, help_text=_("How often it was tried."))
    # Who reads it now, until `due_at`; then it is sent again, whoever has it.
    token = models.CharField(max_length=32, blank=True, default="")
    due_at = models.DateTimeField(default=timezone.now, help_text=_("When it is sent again."))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "external_id"], name="refresh_identity")
        ]
