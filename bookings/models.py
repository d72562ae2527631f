"""What a business owns: its clients, appointments and payments, wherever they came from."""

import uuid

from django.db import models


class Tenant(models.Model):
    """A business. Times are reported in `timezone`, money in `currency` (ISO 4217)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    timezone = models.CharField(max_length=64, default="UTC")
    currency = models.CharField(max_length=3, default="USD")

    class Meta:
        permissions = [("view_revenue", "Can see revenue")]

    def __str__(self) -> str:
        return self.name


class Imported(models.Model):
    """A row copied from a source, recognised by (tenant, source, source_account, external_id)."""

    id = models.BigAutoField(primary_key=True)
    # Foreign keys that an index of several columns begins with need none of their own.
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, db_index=False)
    external_id = models.CharField(max_length=255)
    source = models.CharField(max_length=20, default="acuity")
    # Whose it is there: accounts of one tenant number their rows independently.
    source_account = models.CharField(
        max_length=64, blank=True, default="", help_text="The account's ID at the source."
    )
    raw = models.JSONField(default=dict, blank=True)
    content_hash = models.CharField(max_length=128, blank=True, default="")

    class Meta:
        abstract = True
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "source", "source_account", "external_id"],
                name="%(class)s_identity",
            )
        ]


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


class Client(Imported):
    first_name = models.TextField(blank=True)
    last_name = models.TextField(blank=True)
    email = models.TextField(blank=True)
    phone = models.TextField(blank=True)
    notes = models.TextField(blank=True)
    # The identity's name part: lets a booking find its client by e-mail within the same name.
    name_key = models.CharField(max_length=255, blank=True, default="")
    # False: not in the source's client list, known only from a booking.
    listed = models.BooleanField(default=True)
    # Empty, or why a person should look: it may be somebody who was renamed.
    review = models.TextField(blank=True, default="")

    class Meta(Imported.Meta):
        indexes = [
            models.Index(fields=["tenant", "name_key"]),
            models.Index(fields=["tenant", "last_name", "first_name"]),
        ]

    def __str__(self) -> str:
        if self.is_forgotten:
            return "(forgotten)"
        return f"{self.first_name} {self.last_name}".strip() or "(no name)"

    # How the ID of a row begins that has no name any more, because its person was forgotten.
    FORGOTTEN = "forgotten:"

    @property
    def is_forgotten(self) -> bool:
        return self.external_id.startswith(self.FORGOTTEN)


class Tombstone(models.Model):
    """One of the ways in which a source names a person who was forgotten, as a digest alone.

    `client` is what is left of them: a row without a name, to which their bookings belong.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, db_index=False)
    digest = models.CharField(max_length=64)
    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="tombstones")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "digest"], name="tombstone_identity")
        ]


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
    timezone = models.CharField(max_length=64, blank=True)
    service_date = models.DateField(help_text="The local date of the booking.")
    price = models.DecimalField(max_digits=12, decimal_places=2)
    paid = models.BooleanField(default=False)
    amount_paid = models.DecimalField(max_digits=12, decimal_places=2)
    canceled = models.BooleanField(default=False)
    no_show = models.BooleanField(default=False)
    certificate = models.CharField(max_length=255, blank=True)
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
