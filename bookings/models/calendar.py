"""What is in the calendars?"""

from django.db import models

from bookings.models.base import Imported, Listed
from bookings.models.catalogue import Addon, AppointmentType, Calendar, Form, Label, Question
from bookings.models.people import Client


class Appointment(Imported):
    # Digests of the bytes this row was made of: an answer of the same bytes need not be parsed.
    fingerprint = models.CharField(max_length=64, blank=True, default="")
    client = models.ForeignKey(Client, on_delete=models.RESTRICT, related_name="appointments")
    calendar = models.ForeignKey(Calendar, null=True, blank=True, on_delete=models.SET_NULL)
    appointment_type = models.ForeignKey(
        AppointmentType, null=True, blank=True, on_delete=models.SET_NULL
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    timezone = models.CharField(max_length=64, blank=True, help_text="The client's.")
    created_at = models.DateTimeField(null=True, blank=True, help_text="When it was booked.")
    duration = models.PositiveIntegerField(default=0, help_text="minutes")
    service_date = models.DateField(help_text="The local date of the booking.")
    price = models.DecimalField(max_digits=12, decimal_places=2)
    price_sold = models.DecimalField(
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        help_text="With add-ons and discounts.",
    )
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
    label = models.ForeignKey(Label, null=True, blank=True, on_delete=models.SET_NULL)
    # As they were called when it was booked.
    type_name = models.TextField(blank=True, default="")
    category = models.TextField(blank=True, default="")
    calendar_name = models.TextField(blank=True, default="")
    calendar_timezone = models.CharField(max_length=64, blank=True, default="")
    location = models.TextField(blank=True, default="")
    class_id = models.CharField(
        max_length=32, blank=True, default="", help_text="Shared by those in one class."
    )
    # As the client was called when it was booked.
    first_name = models.TextField(blank=True, default="")
    last_name = models.TextField(blank=True, default="")
    email = models.TextField(blank=True, default="")
    phone = models.TextField(blank=True, default="")
    scheduled_by = models.TextField(
        blank=True, default="", help_text="Who entered it, as far as Acuity has said so."
    )
    # What the source said of payment (`paid:amount`) now, and when its payments were last fetched.
    payment_state = models.CharField(max_length=32, default="no:0.00")
    payments_fetched_for = models.CharField(max_length=32, blank=True, default="")
    payments_read_at = models.DateTimeField(null=True, blank=True)
    # What came then, so that a payment lost from the database since is noticed.
    payments_fetched = models.PositiveIntegerField(default=0)
    payments_fetched_sum = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    removed_at = models.DateTimeField(null=True, blank=True, help_text="Gone at the source since.")
    # The first look that found it neither listed nor at its own address; a second one decides.
    missing_since = models.DateTimeField(null=True, blank=True)

    class Meta(Imported.Meta):
        indexes = [
            models.Index(fields=["tenant", "starts_at"]),
            # Counts by month come from the index alone.
            models.Index(
                fields=["tenant", "service_date", "removed_at", "source", "source_account"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.external_id} on {self.service_date}"


class AppointmentAddon(models.Model):
    appointment = models.ForeignKey(Appointment, on_delete=models.CASCADE, related_name="addons")
    addon = models.ForeignKey(Addon, on_delete=models.CASCADE)
    quantity = models.PositiveIntegerField(default=1)


class Answer(models.Model):
    """What was answered to a question, both as they were then."""

    appointment = models.ForeignKey(Appointment, on_delete=models.CASCADE, related_name="answers")
    form = models.ForeignKey(Form, null=True, on_delete=models.SET_NULL, db_index=False)
    form_name = models.TextField(blank=True, default="")
    question = models.ForeignKey(
        Question, null=True, on_delete=models.SET_NULL, related_name="answers", db_index=False
    )
    external_id = models.CharField(max_length=32, blank=True, default="")
    question_text = models.TextField(blank=True, default="")
    value = models.TextField(blank=True, default="")

    class Meta:
        # A long answer does not fit into an index; its question is what narrows the search.
        indexes = [models.Index(fields=["question", "appointment"])]

    def __str__(self) -> str:
        return self.value


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
