"""What is in the calendars?"""

from django.db import models

from bookings.models.base import Imported, Listed
from bookings.models.catalogue import AppointmentType, Calendar
from bookings.models.people import Client


class Appointment(Imported):
    # Digests of the bytes this row was made of: an answer of the same bytes need not be parsed.
    fingerprint = models.CharField(max_length=64, blank=True, default="")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="appointments")
    calendar = models.ForeignKey(Calendar, null=True, blank=True, on_delete=models.SET_NULL)
    appointment_type = models.ForeignKey(
        AppointmentType, null=True, blank=True, on_delete=models.SET_NULL
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    timezone = models.CharField(max_length=64, blank=True)
    service_date = models.DateField(help_text="The local date of the booking.")
    price = models.DecimalField(max_digits=12, decimal_places=2)
    paid = models.BooleanField(default=False)
    amount_paid = models.DecimalField(max_digits=12, decimal_places=2)
    canceled = models.BooleanField(default=False)
    no_show = models.BooleanField(default=False)
    certificate = models.CharField(max_length=255, blank=True, help_text="The code that was used.")
    certificate_ref = models.ForeignKey(
        "bookings.Certificate",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="appointments",
        help_text="Whose code it is, where a list shows it; others are coupons.",
    )
    notes = models.TextField(blank=True)
    forms = models.JSONField(default=list, blank=True)
    labels = models.JSONField(default=list, blank=True)
    # What the source said of payment (`paid:amount`) now, and when its payments were last fetched.
    payment_state = models.CharField(max_length=32, default="no:0.00")
    payments_fetched_for = models.CharField(max_length=32, blank=True, default="")
    payments_read_at = models.DateTimeField(null=True, blank=True)
    # What came then, so that a payment lost from the database since is noticed.
    payments_fetched = models.PositiveIntegerField(default=0)
    payments_fetched_sum = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    removed_at = models.DateTimeField(null=True, blank=True, help_text="Gone at the source since.")

    class Meta(Imported.Meta):
        indexes = [
            models.Index(fields=["tenant", "starts_at"]),
            # Counts by month come from the index alone.
            models.Index(fields=["tenant", "service_date", "removed_at", "source"]),
        ]

    def __str__(self) -> str:
        return f"{self.external_id} on {self.service_date}"


class Block(Listed):
    """A time in which nobody can book."""

    calendar = models.ForeignKey(
        Calendar, null=True, blank=True, on_delete=models.SET_NULL, related_name="blocks"
    )
    service_group = models.CharField(max_length=32, blank=True, default="", help_text="Acuity's ID")
    calendar_timezone = models.CharField(max_length=64, blank=True, default="")
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    notes = models.TextField(blank=True, default="")
    managed = models.BooleanField(default=False)
    recurring = models.TextField(blank=True, default="", help_text="In Acuity's words.")
    until = models.TextField(blank=True, default="", help_text="In Acuity's words.")

    class Meta(Listed.Meta):
        indexes = [models.Index(fields=["tenant", "starts_at"])]

    def __str__(self) -> str:
        return f"{self.external_id} from {self.starts_at:%Y-%m-%d %H:%M}"
