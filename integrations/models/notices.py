"""Who is told of what, and what was sent."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bookings.models import Tenant
from integrations.models.accounts import AcuityAccount
from integrations.secrets import SecretField


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
