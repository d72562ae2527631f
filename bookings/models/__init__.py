"""What a business owns: its clients, appointments and payments, wherever they came from."""

from bookings.models.base import Imported, Listed, Tenant
from bookings.models.calendar import Answer, Appointment, AppointmentAddon, Block
from bookings.models.catalogue import Addon, AppointmentType, Calendar, Form, Label, Question
from bookings.models.history import Change
from bookings.models.money import (
    Certificate,
    CertificateAppointmentType,
    Order,
    OrderLine,
    Payment,
    Product,
    ProductAppointmentType,
    Refund,
)
from bookings.models.people import Client, Tombstone

__all__ = [
    "Addon",
    "Answer",
    "Appointment",
    "AppointmentAddon",
    "AppointmentType",
    "Block",
    "Calendar",
    "Certificate",
    "CertificateAppointmentType",
    "Change",
    "Client",
    "Form",
    "Imported",
    "Label",
    "Listed",
    "Order",
    "OrderLine",
    "Payment",
    "Product",
    "ProductAppointmentType",
    "Question",
    "Refund",
    "Tenant",
    "Tombstone",
]
