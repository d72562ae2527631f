"""What does a business offer, and where?"""

from django.db import models

from bookings.models.base import Imported


class Calendar(Imported):
    name = models.CharField(max_length=255, blank=True)
    timezone = models.CharField(max_length=64, blank=True)

    def __str__(self) -> str:
        return self.name or self.external_id


class AppointmentType(Imported):
    name = models.CharField(max_length=255, blank=True)
    duration = models.PositiveIntegerField(null=True, blank=True, help_text="minutes")
    price = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name or self.external_id
