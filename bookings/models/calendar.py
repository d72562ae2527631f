"""What is in the calendars?"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from bookings.models.amounts import MoneyField
from bookings.models.base import Imported, Listed
from bookings.models.catalogue import Addon, AppointmentType, Calendar, Form, Label, Question
from bookings.models.people import Client

# Bookings that do not take place.
OFF = models.Q(canceled=True) | models.Q(no_show=True)
# What a list's sums take of the rows that a user may see.
SUMMED = ("tenant", "price", "amount_paid")


class Appointment(Imported):
    # Digests of the bytes this row was made of: an answer of the same bytes need not be parsed.
    fingerprint = models.CharField(max_length=64, blank=True, default="")
    client = models.ForeignKey(Client, on_delete=models.RESTRICT, related_name="appointments")
    calendar = models.ForeignKey(
        Calendar, null=True, blank=True, on_delete=models.SET_NULL, db_index=False
    )
    appointment_type = models.ForeignKey(
        AppointmentType, null=True, blank=True, on_delete=models.SET_NULL, db_index=False
    )
    starts_at = models.DateTimeField(help_text=_("When it begins."))
    ends_at = models.DateTimeField(help_text=_("When it ends."))
    timezone = models.CharField(max_length=64, blank=True, help_text=_("The client's."))
    created_at = models.DateTimeField(null=True, blank=True, help_text=_("When it was booked."))
    duration = models.PositiveIntegerField(default=0, help_text=_("minutes"))
    service_date = models.DateField(help_text=_("The local date of the booking."))
    price = MoneyField(
        help_text=_("The price when it was booked, in the business's currency."),
    )
    price_sold = MoneyField(
        null=True,
        blank=True,
        help_text=_("With add-ons and discounts."),
    )
    paid = models.BooleanField(default=False, help_text=_("Whether the source calls it paid."))
    amount_paid = MoneyField(help_text=_("What was paid, in the business's currency."))
    canceled = models.BooleanField(default=False, help_text=_("Whether it was canceled."))
    no_show = models.BooleanField(default=False, help_text=_("Whether the client did not come."))
    certificate = models.CharField(
        max_length=255, blank=True, help_text=_("The code that was used.")
    )
    certificate_ref = models.ForeignKey(
        "bookings.Certificate",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="appointments",
        help_text=_("Whose code it is, where a list shows it; others are coupons."),
    )
    notes = models.TextField(blank=True, help_text=_("What the business noted on it."))
    forms = models.JSONField(default=list, blank=True)
    labels = models.JSONField(default=list, blank=True)
    label = models.ForeignKey(Label, null=True, blank=True, on_delete=models.SET_NULL)
    type_name = models.TextField(
        blank=True, default="", help_text=_("What its type was called when it was booked.")
    )
    category = models.TextField(
        blank=True, default="", help_text=_("The type's heading when it was booked.")
    )
    calendar_name = models.TextField(
        blank=True, default="", help_text=_("What its calendar was called when it was booked.")
    )
    calendar_timezone = models.CharField(
        max_length=64, blank=True, default="", help_text=_("The calendar's time zone.")
    )
    location = models.TextField(blank=True, default="", help_text=_("Where it takes place."))
    class_id = models.CharField(
        max_length=32, blank=True, default="", help_text=_("Shared by those in one class.")
    )
    first_name = models.TextField(
        blank=True, default="", help_text=_("The client's first name when it was booked.")
    )
    last_name = models.TextField(
        blank=True, default="", help_text=_("The client's last name when it was booked.")
    )
    email = models.TextField(
        blank=True, default="", help_text=_("The client's e-mail address when it was booked.")
    )
    phone = models.TextField(
        blank=True, default="", help_text=_("The client's phone number when it was booked.")
    )
    scheduled_by = models.TextField(
        blank=True, default="", help_text=_("Who entered it, as far as Acuity has said so.")
    )
    # What the source said of payment (`paid:amount`) now, and when its payments were last fetched.
    payment_state = models.CharField(max_length=32, default="no:0.00")
    payments_fetched_for = models.CharField(max_length=32, blank=True, default="")
    payments_read_at = models.DateTimeField(null=True, blank=True)
    # What came then, so that a payment lost from the database since is noticed.
    payments_fetched = models.PositiveIntegerField(default=0)
    payments_fetched_sum = MoneyField(default=0)
    removed_at = models.DateTimeField(
        null=True, blank=True, help_text=_("Gone at the source since.")
    )
    # The first look that found it neither listed nor at its own address; a second one decides.
    missing_since = models.DateTimeField(null=True, blank=True)

    class Meta(Imported.Meta):
        indexes = [
            models.Index(fields=["tenant", "starts_at"]),
            # Counts by month come from the index alone.
            models.Index(
                fields=[
                    "tenant",
                    "service_date",
                    "removed_at",
                    "source",
                    "source_account",
                    # For how old an account's payment lists are, which home says.
                    "payments_read_at",
                ]
            ),
            # The admin's list, as it is sorted: whole, filtered, of some days, found by an ID. With the
            # columns that it sums, which would take a look at every row.
            models.Index(fields=["starts_at", "id"]),
            models.Index(fields=["calendar", "starts_at", "id", *SUMMED]),
            models.Index(fields=["appointment_type", "starts_at", "id", *SUMMED]),
            models.Index(fields=["service_date", "id"]),
            models.Index(fields=["external_id"]),
            # Few bookings are one of these, so that a list of them would be long in the finding.
            models.Index(
                fields=["starts_at", "id", *SUMMED],
                condition=models.Q(canceled=True),
                name="canceled_lately",
            ),
            models.Index(
                fields=["starts_at", "id", *SUMMED],
                condition=models.Q(no_show=True),
                name="missed_lately",
            ),
            # Their payments are left out of the revenue; the ID, so that PostgreSQL needs no row of them.
            models.Index(fields=["tenant", "removed_at", "id"], condition=OFF, name="off"),
            # Few are gone, so that counting them would be a look at all that are not.
            models.Index(
                fields=["tenant", "source", "source_account", "id"],
                condition=models.Q(removed_at__isnull=False),
                name="bookings_gone",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.external_id}, {self.service_date}"


class AppointmentAddon(models.Model):
    appointment = models.ForeignKey(Appointment, on_delete=models.CASCADE, related_name="addons")
    addon = models.ForeignKey(Addon, on_delete=models.CASCADE)
    quantity = models.PositiveIntegerField(default=1, help_text=_("How many of it."))


class Answer(models.Model):
    """What was answered to a question, both as they were then."""

    appointment = models.ForeignKey(Appointment, on_delete=models.CASCADE, related_name="answers")
    form = models.ForeignKey(Form, null=True, on_delete=models.SET_NULL, db_index=False)
    form_name = models.TextField(
        blank=True, default="", help_text=_("What the form was called then.")
    )
    question = models.ForeignKey(
        Question, null=True, on_delete=models.SET_NULL, related_name="answers", db_index=False
    )
    external_id = models.CharField(
        max_length=32, blank=True, default="", help_text=_("The answer's ID at the source.")
    )
    question_text = models.TextField(
        blank=True, default="", help_text=_("The question, as it was asked then.")
    )
    value = models.TextField(blank=True, default="", help_text=_("What was answered."))

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
    service_group = models.CharField(
        max_length=32, blank=True, default="", help_text=_("Acuity's ID")
    )
    calendar_timezone = models.CharField(
        max_length=64, blank=True, default="", help_text=_("The calendar's time zone.")
    )
    starts_at = models.DateTimeField(null=True, help_text=_("When it begins."))
    ends_at = models.DateTimeField(null=True, help_text=_("When it ends."))
    notes = models.TextField(blank=True, default="", help_text=_("Why nobody can book."))
    managed = models.BooleanField(default=False, help_text=_("Whether another system keeps it."))
    recurring = models.TextField(blank=True, default="", help_text=_("In Acuity's words."))
    until = models.TextField(blank=True, default="", help_text=_("In Acuity's words."))

    class Meta(Listed.Meta):
        indexes = [models.Index(fields=["tenant", "starts_at"])]

    def __str__(self) -> str:
        if not self.starts_at:
            return self.external_id
        return f"{self.external_id}, {self.starts_at:%Y-%m-%d %H:%M}"
