"""What a business owns: its clients, appointments and payments, wherever they came from."""

from bookings.models.base import Imported, Listed, Tenant
from bookings.models.calendar import Appointment
from bookings.models.catalogue import Addon, AppointmentType, Calendar, Form, Label, Question
from bookings.models.money import Payment
from bookings.models.people import Client

__all__ = [
    "Addon",
    "Appointment",
    "AppointmentType",
    "Calendar",
    "Client",
    "Form",
    "Imported",
    "Label",
    "Listed",
    "Payment",
    "Question",
    "Tenant",
]
