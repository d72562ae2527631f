"""Who books?"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from bookings.models.base import Imported, Tenant


class Client(Imported):
    first_name = models.TextField(blank=True, help_text=_("First name."))
    last_name = models.TextField(blank=True, help_text=_("Last name."))
    email = models.TextField(blank=True, help_text=_("E-mail address."))
    phone = models.TextField(blank=True, help_text=_("Phone number, as it was typed."))
    notes = models.TextField(blank=True, help_text=_("What the business noted on the client."))
    # The identity's name part: lets a booking find its client by e-mail within the same name.
    name_key = models.CharField(max_length=255, blank=True, default="")
    listed = models.BooleanField(
        default=True,
        help_text=_("Whether the source's client list has it; else bookings alone do."),
    )
    # A person's word, which no import takes back.
    merged_into = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="merged",
        help_text="Who they are the same person as: the bookings of both belong to that one.",
    )
    # Empty, or why a person should look: it may be somebody who was renamed.
    review = models.TextField(blank=True, default="")

    class Meta(Imported.Meta):
        indexes = [
            models.Index(fields=["tenant", "name_key"]),
            models.Index(fields=["tenant", "last_name", "first_name"]),
            # The list of all tenants' clients, as it is sorted. Parts of names are looked for in it, not in
            # the rows, which are ten times as long: so it has all that a search or a user's rights look at.
            models.Index(fields=["last_name", "first_name", "id", "email", "phone", "tenant"]),
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
