"""What was paid, sold and promised?"""

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from bookings.models.amounts import MoneyField
from bookings.models.base import Listed, Tenant
from bookings.models.calendar import Appointment
from bookings.models.catalogue import AppointmentType, Named
from bookings.models.people import Client


class Payment(models.Model):
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, db_index=False)
    appointment = models.ForeignKey(
        Appointment, on_delete=models.CASCADE, related_name="payments", db_index=False
    )
    external_id = models.CharField(
        max_length=64, help_text=_("What tells it from the booking's other payments.")
    )
    transaction_id = models.CharField(
        max_length=255, blank=True, help_text=_("The processor's own ID of it.")
    )
    processor = models.CharField(
        max_length=64, help_text=_("Through whom it was paid: cash, stripe, …")
    )
    amount = MoneyField(help_text=_("What was paid."))
    currency = models.CharField(max_length=3, help_text=_("ISO 4217."))
    paid_at = models.DateTimeField(help_text=_("When it was paid."))
    service_date = models.DateField(help_text=_("The local date of its booking."))
    removed_at = models.DateTimeField(
        null=True, blank=True, help_text=_("Gone at the source since.")
    )
    raw = models.JSONField(default=dict, blank=True)
    first_seen = models.DateTimeField(
        null=True,
        blank=True,
        default=timezone.now,
        editable=False,
        help_text=_("Since when it is here."),
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["appointment", "external_id"], name="payment_identity")
        ]
        indexes = [
            # What revenue is summed from, without a look at the rows: by day of service, by payment.
            models.Index(fields=["tenant", "service_date", "processor", "removed_at", "amount"]),
            models.Index(fields=["tenant", "paid_at", "processor", "removed_at", "amount"]),
            # The admin's list, as it is sorted: whole, filtered, of some days, found by an ID. With
            # what it sums, which would take a look at every row.
            models.Index(fields=["service_date", "id"]),
            models.Index(fields=["processor", "service_date", "id", "tenant", "amount"]),
            models.Index(fields=["paid_at"]),
            models.Index(fields=["transaction_id"]),
            models.Index(
                fields=["tenant", "appointment"],
                condition=models.Q(removed_at__isnull=False),
                name="payments_gone",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}, {self.processor}"


class Product(Named):
    """A package, gift certificate, subscription or thing that is sold."""

    description = models.TextField(blank=True, default="", help_text=_("What buyers read of it."))
    price = MoneyField(
        null=True,
        blank=True,
        help_text=_("Its price, in the business's currency."),
    )
    type = models.CharField(
        max_length=32, blank=True, default="", help_text=_("What it is used up by: minutes, say.")
    )
    kind = models.CharField(max_length=32, blank=True, default="", help_text=_("package, say"))
    hidden = models.BooleanField(default=False, help_text=_("Whether it is left out of the shop."))
    unavailable = models.BooleanField(
        default=False, help_text=_("Whether it can no longer be bought.")
    )
    expires_days = models.PositiveIntegerField(null=True, blank=True, help_text=_("days"))
    minutes = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("How many minutes it is good for.")
    )
    value = MoneyField(
        null=True,
        blank=True,
        help_text=_("What it is worth, in the business's currency."),
    )
    is_gift_certificate = models.BooleanField(
        default=False, help_text=_("Whether it is a gift certificate.")
    )


class ProductAppointmentType(models.Model):
    """What a product can be used for."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="types")
    appointment_type = models.ForeignKey(AppointmentType, on_delete=models.CASCADE)
    count = models.PositiveIntegerField(null=True, blank=True, help_text=_("bookings"))


class Order(Listed):
    """A sale that is no booking. Who bought is kept as it was typed then."""

    first_name = models.TextField(
        blank=True, default="", help_text=_("The buyer's first name, as typed.")
    )
    last_name = models.TextField(
        blank=True, default="", help_text=_("The buyer's last name, as typed.")
    )
    email = models.TextField(
        blank=True, default="", help_text=_("The buyer's e-mail address, as typed.")
    )
    phone = models.TextField(
        blank=True, default="", help_text=_("The buyer's phone number, as typed.")
    )
    client = models.ForeignKey(
        Client, null=True, blank=True, on_delete=models.SET_NULL, related_name="orders"
    )
    placed_at = models.DateTimeField(null=True, blank=True, help_text=_("When it was placed."))
    total = MoneyField(
        null=True,
        blank=True,
        help_text=_("What it cost, in the business's currency."),
    )
    status = models.CharField(
        max_length=32, blank=True, default="", help_text=_("In the source's words.")
    )
    title = models.TextField(
        blank=True, default="", help_text=_("What was bought, in the source's words.")
    )
    notes = models.TextField(blank=True, default="", help_text=_("What the business noted on it."))

    class Meta(Listed.Meta):
        indexes = [models.Index(fields=["tenant", "placed_at"])]

    def __str__(self) -> str:
        return f"{self.external_id} {self.title}".strip()


class Refund(models.Model):
    """Money given back by a processor, as its own file says: the source of bookings never does."""

    payment = models.ForeignKey(Payment, on_delete=models.CASCADE, related_name="refunds")
    external_id = models.CharField(max_length=255, help_text=_("The processor's ID of it."))
    amount = MoneyField(help_text=_("What was given back: above zero."))
    refunded_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When; empty where the file does not say.")
    )
    origin = models.CharField(max_length=64, help_text=_("Whose file says so: stripe, square, …"))
    file_hash = models.CharField(max_length=64, help_text=_("SHA-256 of that file."))
    first_seen = models.DateTimeField(default=timezone.now, help_text=_("Since when it is here."))

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["payment", "origin", "external_id"], name="refund_identity"
            )
        ]

    def __str__(self) -> str:
        return f"{self.amount} of {self.payment}"


class OrderLine(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, null=True, blank=True, on_delete=models.SET_NULL)
    product_name = models.TextField(blank=True, default="", help_text=_("As it was called then."))
    quantity = models.PositiveIntegerField(default=1, help_text=_("How many of it."))
    total = MoneyField(
        null=True,
        blank=True,
        help_text=_("What the line cost, in the business's currency."),
    )


class Certificate(Listed):
    """A code with a balance: a gift certificate, a package, a subscription."""

    code = models.CharField(
        max_length=255, blank=True, default="", help_text=_("The code that is typed when booking.")
    )
    kind = models.CharField(
        max_length=32, blank=True, default="", help_text=_("In the source's words.")
    )
    product = models.ForeignKey(Product, null=True, blank=True, on_delete=models.SET_NULL)
    order = models.ForeignKey(
        Order, null=True, blank=True, on_delete=models.SET_NULL, related_name="certificates"
    )
    name = models.TextField(blank=True, default="", help_text=_("What it is called."))
    email = models.TextField(blank=True, default="", help_text=_("Whose it is."))
    product_type = models.CharField(
        max_length=64,
        blank=True,
        default="",
        help_text=_("What was bought, in the source's words."),
    )
    type = models.CharField(
        max_length=32, blank=True, default="", help_text=_("value, counts, minutes or unlimited")
    )
    remaining_minutes = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("How many minutes are left.")
    )
    remaining_value = MoneyField(
        null=True,
        blank=True,
        help_text=_("What is left of its value, in the business's currency."),
    )
    expires_on = models.DateField(
        null=True, blank=True, help_text=_("The last day on which it can be used.")
    )

    class Meta(Listed.Meta):
        indexes = [models.Index(fields=["tenant", "code"])]

    def __str__(self) -> str:
        return self.code or self.external_id


class CertificateAppointmentType(models.Model):
    """What a certificate can be used for, and how often still."""

    certificate = models.ForeignKey(Certificate, on_delete=models.CASCADE, related_name="types")
    appointment_type = models.ForeignKey(AppointmentType, on_delete=models.CASCADE)
    remaining_count = models.PositiveIntegerField(null=True, blank=True, help_text=_("bookings"))
