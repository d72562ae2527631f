"""Who books?"""

from django.db import models

from bookings.models.base import Imported


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

    class Meta(Imported.Meta):
        indexes = [
            models.Index(fields=["tenant", "name_key"]),
            models.Index(fields=["tenant", "last_name", "first_name"]),
        ]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or "(no name)"
