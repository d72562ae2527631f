"""What a business owns: its clients, appointments and payments, wherever they came from."""

from bookings.models.base import Imported, Listed, Tenant
from bookings.models.calendar import Appointment
from bookings.models.catalogue import AppointmentType, Calendar, Label
from bookings.models.money import Payment
from bookings.models.people import Client

__all__ = [
    "Appointment",
    "AppointmentType",
    "Calendar",
    "Client",
    "Imported",
    "Label",
    "Listed",
    "Payment",
    "Tenant",
]
