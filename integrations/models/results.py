"""What a worker makes for somebody who comes back for it: dry runs, files."""

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integrations.models.accounts import AcuityAccount


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
