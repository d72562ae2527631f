"""Staying in step: plans, webhooks, and what is to be read again."""

from datetime import time

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integrations.models.accounts import AcuityAccount


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
