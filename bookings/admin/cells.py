"""How do a booking's state, an amount and a list of payments look, wherever they stand?"""

from decimal import Decimal
from typing import Any

from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from bookings import tables, zones
from bookings.admin.base import link
from bookings.models import Appointment, Payment

SHOWN = 20


def open_amount(booking: Appointment) -> Decimal:
    """What is still to be paid; nothing for a booking that will not be."""
    if booking.canceled or booking.removed_at:
        return Decimal(0)
    left: Decimal = booking.price - booking.amount_paid
    return max(Decimal(0), left)


def state_of(booking: Appointment) -> str:
    if booking.removed_at:
        return "gone"
    if booking.no_show:
        return "no-show"
    return "canceled" if booking.canceled else "booked"


# Of each state: the colour of its label, and its word.
STATES = {"booked": "success", "canceled": "warning", "no-show": "danger", "gone": "info"}


STATE_WORDS = {
    "booked": _("booked"),
    "canceled": _("canceled"),
    "no-show": _("no-show"),
    "gone": _("gone at the source"),
}


def right(text: str) -> str:
    """A number in a list's column, which stands to the right."""
    return format_html('<span class="amount">{}</span>', text)


def booking_link(booking: Appointment) -> str:
    """Its type and start, as a link to its page."""
    words = f"{booking.appointment_type or gettext('Booking')}, {zones.start(booking)}"
    return link(words, "bookings_appointment_change", pk=booking.pk)


def refund_mark(payment: Payment) -> str:
    return gettext("refund") if payment.amount < 0 else ""


def payments_table(payments: Any, with_booking: bool = True) -> str:
    rows = [
        [
            zones.written(payment.paid_at, zones.of(payment.tenant)),
            payment.processor,
            *([booking_link(payment.appointment)] if with_booking else []),
            link(
                f"{refund_mark(payment)} {tables.money(payment.amount, payment.currency)}".strip(),
                "bookings_payment_change",
                pk=payment.pk,
            ),
        ]
        for payment in payments
    ]
    heads = [
        gettext("Paid"),
        gettext("Processor"),
        *([gettext("Booking")] if with_booking else []),
        gettext("Amount"),
    ]
    return (
        tables.table(gettext("Payments"), heads, rows, [len(heads) - 1])
        if rows
        else gettext("none")
    )
