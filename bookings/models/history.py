"""What was a row before?"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from bookings.models.base import Tenant


class Change(models.Model):
    """What one write has changed of one row. Written with it, never changed, never deleted."""

    seen_at = models.DateTimeField(help_text=_("When the change was seen."))
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, db_index=False)
    resource = models.CharField(max_length=32, help_text=_("In which table."))
    row = models.BigIntegerField(help_text=_("Primary key of the row."))
    external_id = models.CharField(max_length=255, help_text=_("ID of the row at the source."))
    run = models.UUIDField(
        null=True, blank=True, help_text=_("The import that saw it, if one did.")
    )
    by = models.CharField(max_length=16, help_text=_("import, verify or webhook"))
    changed = models.JSONField(help_text=_("Column: [before, after]."))

    class Meta:
        indexes = [
            models.Index(fields=["resource", "row", "seen_at"]),
            models.Index(fields=["tenant", "seen_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.resource} {self.external_id}: {', '.join(self.changed)}"
