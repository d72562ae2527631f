"""Who may, with which token, and who did."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from bookings.models import Tenant
from integrations.models.runs import ImportRun


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
