"""What do all rows have in common: the business, and where they were copied from?"""

import uuid
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Tenant(models.Model):
    """A business. Times are reported in `timezone`, money in `currency` (ISO 4217)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    timezone = models.CharField(max_length=64, default="UTC")
    currency = models.CharField(max_length=3, default="USD")
    former_currencies = models.JSONField(
        default=list,
        editable=False,
        help_text=_("The currencies that it had before, in which payments are stored."),
    )

    class Meta:
        permissions = [("view_revenue", "Can see revenue")]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **options: Any) -> None:
        """With another currency, keeps in mind the one in which payments are stored."""
        only = options.get("update_fields")
        if not self._state.adding and (only is None or "currency" in only):
            self._keep_in_mind()
            if only is not None:
                options["update_fields"] = {*only, "former_currencies"}
        super().save(*args, **options)

    def _keep_in_mind(self) -> None:
        stored = Tenant.objects.filter(pk=self.pk)
        for was, former in stored.values_list("currency", "former_currencies"):
            if was.upper() != self.currency.upper():
                paid = self.payment_set.filter(currency__iexact=was)
                former = sorted({*former, *([was.upper()] if paid.exists() else [])})
            self.former_currencies = [each for each in former if each != self.currency.upper()]


class Imported(models.Model):
    """A row copied from a source, recognised by (tenant, source, source_account, external_id)."""

    id = models.BigAutoField(primary_key=True)
    # Foreign keys that an index of several columns begins with need none of their own.
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, db_index=False)
    external_id = models.CharField(max_length=255, help_text=_("ID at the source."))
    source = models.CharField(max_length=20, default="acuity")
    # Whose it is there: accounts of one tenant number their rows independently.
    source_account = models.CharField(
        max_length=64, blank=True, default="", help_text=_("The account's ID at the source.")
    )
    raw = models.JSONField(default=dict, blank=True)
    content_hash = models.CharField(max_length=128, blank=True, default="")
    first_seen = models.DateTimeField(
        null=True,
        blank=True,
        default=timezone.now,
        editable=False,
        help_text=_("Since when it is here."),
    )

    class Meta:
        abstract = True
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "source", "source_account", "external_id"],
                name="%(class)s_identity",
            )
        ]


class Listed(Imported):
    """A row of a list that comes whole. One that leaves the list stays, with `removed_at` set."""

    # Something named it before any list had it, or without one ever having it.
    known_from = models.CharField(
        max_length=32, blank=True, default="", help_text=_("What names it, where no list has it.")
    )
    removed_at = models.DateTimeField(
        null=True, blank=True, help_text=_("Gone at the source since.")
    )

    class Meta(Imported.Meta):
        abstract = True
