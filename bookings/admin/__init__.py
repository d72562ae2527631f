"""What does a business see of its clients, appointments and payments? A file a subject; Django finds them here."""

from bookings.admin import appointments, catalogue, changes, payments, sales
from bookings.admin.base import Mirror, Scoped, link, once
from bookings.admin.clients import ClientAdmin
from bookings.admin.tenants import TenantAdmin

__all__ = [
    "ClientAdmin",
    "Mirror",
    "Scoped",
    "TenantAdmin",
    "appointments",
    "catalogue",
    "changes",
    "link",
    "once",
    "payments",
    "sales",
]
