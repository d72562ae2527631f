"""What does a business offer, where, and what does it ask?"""

from django.db import models

from bookings.models.base import Listed


class Named(Listed):
    name = models.CharField(max_length=255, blank=True)

    class Meta(Listed.Meta):
        abstract = True

    def __str__(self) -> str:
        return self.name or self.external_id


class Calendar(Named):
    timezone = models.CharField(max_length=64, blank=True)
    email = models.TextField(blank=True, default="")
    reply_to = models.TextField(blank=True, default="")
    description = models.TextField(blank=True, default="")
    location = models.TextField(blank=True, default="")
    image = models.TextField(blank=True, default="", help_text="Address of the image.")
    thumbnail = models.TextField(blank=True, default="", help_text="Address of the small image.")
    valid = models.BooleanField(default=True)


class Label(Named):
    color = models.CharField(max_length=32, blank=True, default="", help_text="As Acuity calls it.")


class Addon(Named):
    duration = models.PositiveIntegerField(null=True, blank=True, help_text="minutes")
    price = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    private = models.BooleanField(default=False)
    active = models.BooleanField(default=True)


class Form(Named):
    description = models.TextField(blank=True, default="")
    hidden = models.BooleanField(default=False)


class Question(Listed):
    """A question as it is asked now; answers keep it as it was asked then."""

    form = models.ForeignKey(Form, null=True, on_delete=models.CASCADE, related_name="questions")
    position = models.PositiveIntegerField(default=0, help_text="From 0, within its form.")
    text = models.TextField(blank=True, default="")
    kind = models.CharField(max_length=32, blank=True, default="", help_text="As Acuity calls it.")
    required = models.BooleanField(default=False)
    options = models.JSONField(default=list, blank=True, help_text="List of texts to choose from.")

    def __str__(self) -> str:
        return self.text or self.external_id


class AppointmentType(Named):
    duration = models.PositiveIntegerField(null=True, blank=True, help_text="minutes")
    price = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    active = models.BooleanField(default=True)
    description = models.TextField(blank=True, default="")
    category = models.CharField(max_length=255, blank=True, default="")
    color = models.CharField(max_length=32, blank=True, default="")
    private = models.BooleanField(default=False)
    kind = models.CharField(
        max_length=32, blank=True, default="", help_text="service, class or series"
    )
    image = models.TextField(blank=True, default="", help_text="Address of the image.")
    class_size = models.PositiveIntegerField(null=True, blank=True, help_text="places")
    padding_before = models.PositiveIntegerField(default=0, help_text="minutes")
    padding_after = models.PositiveIntegerField(default=0, help_text="minutes")
    calendars = models.ManyToManyField(Calendar, blank=True, related_name="appointment_types")
    addons = models.ManyToManyField(Addon, blank=True, related_name="appointment_types")
    forms = models.ManyToManyField(Form, blank=True, related_name="appointment_types")
