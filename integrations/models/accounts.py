"""The account: one log-in at Acuity."""

from typing import Any, TypeVar

from django.db import models
from django.db.models import QuerySet
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
