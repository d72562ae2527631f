"""What was paid, sold and promised?"""

from django.db import models
from django.utils import timezone

from bookings.models.base import Listed, Tenant
from bookings.models.calendar import Appointment
from bookings.models.catalogue import AppointmentType, Named
from bookings.models.people import Client


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
    raw = models.JSONField(default=dict, blank=True)
    first_seen = models.DateTimeField(
        null=True,
        blank=True,
        default=timezone.now,
        editable=False,
        help_text="Since when it is here.",
    )

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


class Product(Named):
    """A package, gift certificate, subscription or thing that is sold."""

    description = models.TextField(blank=True, default="")
    price = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    type = models.CharField(
        max_length=32, blank=True, default="", help_text="What it is used up by: minutes, say."
    )
    kind = models.CharField(max_length=32, blank=True, default="", help_text="package, say")
    hidden = models.BooleanField(default=False)
    unavailable = models.BooleanField(default=False)
    expires_days = models.PositiveIntegerField(null=True, blank=True, help_text="days")
    minutes = models.PositiveIntegerField(null=True, blank=True)
    value = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    is_gift_certificate = models.BooleanField(default=False)


class ProductAppointmentType(models.Model):
    """What a product can be used for."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="types")
    appointment_type = models.ForeignKey(AppointmentType, on_delete=models.CASCADE)
    count = models.PositiveIntegerField(null=True, blank=True, help_text="bookings")


class Order(Listed):
    """A sale that is no booking. Who bought is kept as it was typed then."""

    first_name = models.TextField(blank=True, default="")
    last_name = models.TextField(blank=True, default="")
    email = models.TextField(blank=True, default="")
    phone = models.TextField(blank=True, default="")
    client = models.ForeignKey(
        Client, null=True, blank=True, on_delete=models.SET_NULL, related_name="orders"
    )
    placed_at = models.DateTimeField(null=True, blank=True)
    total = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    status = models.CharField(max_length=32, blank=True, default="")
    title = models.TextField(blank=True, default="")
    notes = models.TextField(blank=True, default="")

    class Meta(Listed.Meta):
        indexes = [models.Index(fields=["tenant", "placed_at"])]

    def __str__(self) -> str:
        return f"{self.external_id} {self.title}".strip()


class OrderLine(models.Model):
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, null=True, blank=True, on_delete=models.SET_NULL)
    product_name = models.TextField(blank=True, default="", help_text="As it was called then.")
    quantity = models.PositiveIntegerField(default=1)
    total = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)


class Certificate(Listed):
    """A code with a balance: a gift certificate, a package, a subscription."""

    code = models.CharField(max_length=255, blank=True, default="")
    kind = models.CharField(max_length=32, blank=True, default="")
    product = models.ForeignKey(Product, null=True, blank=True, on_delete=models.SET_NULL)
    order = models.ForeignKey(
        Order, null=True, blank=True, on_delete=models.SET_NULL, related_name="certificates"
    )
    name = models.TextField(blank=True, default="")
    email = models.TextField(blank=True, default="")
    product_type = models.CharField(max_length=64, blank=True, default="")
    type = models.CharField(
        max_length=32, blank=True, default="", help_text="value, counts, minutes or unlimited"
    )
    remaining_minutes = models.PositiveIntegerField(null=True, blank=True)
    remaining_value = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    expires_on = models.DateField(null=True, blank=True)

    class Meta(Listed.Meta):
        indexes = [models.Index(fields=["tenant", "code"])]

    def __str__(self) -> str:
        return self.code or self.external_id


class CertificateAppointmentType(models.Model):
    """What a certificate can be used for, and how often still."""

    certificate = models.ForeignKey(Certificate, on_delete=models.CASCADE, related_name="types")
    appointment_type = models.ForeignKey(AppointmentType, on_delete=models.CASCADE)
    remaining_count = models.PositiveIntegerField(null=True, blank=True, help_text="bookings")
