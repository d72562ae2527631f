"""What was paid?"""

from django.db import models

from bookings.models.base import Tenant
from bookings.models.calendar import Appointment


class Payment(models.Model):
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, db_index=False)
    appointment = models.ForeignKey(
        Appointment, on_delete=models.CASCADE, related_name="payments", db_index=False
    )
    external_id = models.CharField(max_length=64)
    transaction_id = models.CharField(max_length=255, blank=True)
    processor = models.CharField(max_length=64)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    currency = models.CharField(max_length=3)
    paid_at = models.DateTimeField()
    service_date = models.DateField()
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["appointment", "external_id"], name="payment_identity")
        ]
        indexes = [
            models.Index(fields=["tenant", "service_date", "processor"]),
            models.Index(fields=["tenant", "paid_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} by {self.processor}"
