"""What does a business offer, where, and what does it ask?"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from bookings.models.amounts import MoneyField
from bookings.models.base import Listed


class Named(Listed):
    name = models.CharField(max_length=255, blank=True, help_text=_("What it is called."))

    class Meta(Listed.Meta):
        abstract = True

    def __str__(self) -> str:
        return self.name or self.external_id


class Calendar(Named):
    timezone = models.CharField(max_length=64, blank=True, help_text=_("Its time zone."))
    email = models.TextField(blank=True, default="", help_text=_("Where its notices go."))
    reply_to = models.TextField(
        blank=True, default="", help_text=_("Where answers to its notices go.")
    )
    description = models.TextField(blank=True, default="", help_text=_("What clients read of it."))
    location = models.TextField(blank=True, default="", help_text=_("Where it takes place."))
    image = models.TextField(blank=True, default="", help_text=_("Address of the image."))
    thumbnail = models.TextField(blank=True, default="", help_text=_("Address of the small image."))
    valid = models.BooleanField(default=True, help_text=_("Whether it can be booked."))


class Label(Named):
    color = models.CharField(
        max_length=32, blank=True, default="", help_text=_("As Acuity calls it.")
    )


class Addon(Named):
    duration = models.PositiveIntegerField(null=True, blank=True, help_text=_("minutes"))
    price = MoneyField(
        null=True,
        blank=True,
        help_text=_("Its price, in the business's currency."),
    )
    private = models.BooleanField(default=False, help_text=_("Whether only staff can book it."))
    active = models.BooleanField(default=True, help_text=_("Whether it is offered."))


class Form(Named):
    description = models.TextField(blank=True, default="", help_text=_("What clients read of it."))
    hidden = models.BooleanField(default=False, help_text=_("Whether only staff see it."))


class Question(Listed):
    """A question as it is asked now; answers keep it as it was asked then."""

    form = models.ForeignKey(Form, null=True, on_delete=models.CASCADE, related_name="questions")
    position = models.PositiveIntegerField(default=0, help_text=_("From 0, within its form."))
    text = models.TextField(
        blank=True, default="", help_text=_("The question, as it is asked now.")
    )
    kind = models.CharField(
        max_length=32, blank=True, default="", help_text=_("As Acuity calls it.")
    )
    required = models.BooleanField(default=False, help_text=_("Whether it has to be answered."))
    options = models.JSONField(
        default=list, blank=True, help_text=_("List of texts to choose from.")
    )

    def __str__(self) -> str:
        return self.text or self.external_id


class AppointmentType(Named):
    duration = models.PositiveIntegerField(null=True, blank=True, help_text=_("minutes"))
    price = MoneyField(
        null=True,
        blank=True,
        help_text=_("Its price now, in the business's currency."),
    )
    active = models.BooleanField(default=True, help_text=_("Whether it is offered."))
    description = models.TextField(blank=True, default="", help_text=_("What clients read of it."))
    category = models.CharField(
        max_length=255, blank=True, default="", help_text=_("Under which heading it is offered.")
    )
    color = models.CharField(
        max_length=32, blank=True, default="", help_text=_("Its color in the calendar.")
    )
    private = models.BooleanField(default=False, help_text=_("Whether only staff can book it."))
    kind = models.CharField(
        max_length=32, blank=True, default="", help_text=_("service, class or series")
    )
    image = models.TextField(blank=True, default="", help_text=_("Address of the image."))
    class_size = models.PositiveIntegerField(null=True, blank=True, help_text=_("places"))
    padding_before = models.PositiveIntegerField(default=0, help_text=_("minutes"))
    padding_after = models.PositiveIntegerField(default=0, help_text=_("minutes"))
    calendars = models.ManyToManyField(Calendar, blank=True, related_name="appointment_types")
    addons = models.ManyToManyField(Addon, blank=True, related_name="appointment_types")
    forms = models.ManyToManyField(Form, blank=True, related_name="appointment_types")
