"""What does the source have, and what does a tenant? In one shape, so that both can be compared."""

from datetime import datetime
from typing import Any

from bookings.models import Appointment, Client, Payment, Tenant
from bookings.reports import revenue
from integrations.acuity.sandbox import Account


def truth(data: Account) -> dict[str, Any]:
    return {
        "ids": {str(row["id"]) for row in data.appointments},
        "canceled": {str(row["id"]) for row in data.appointments if row["canceled"]},
        "starts": {
            str(row["id"]): datetime.fromisoformat(row["datetime"]) for row in data.appointments
        },
        "clients": len(data.identities() | data.booked_identities()),
        "payments": data.payment_count(),
        "revenue": {
            month: {name: (n, f"{amount:.2f}") for name, (n, amount) in rows.items()}
            for month, rows in data.revenue().items()
            if rows
        },
    }


def stored(tenant: Tenant) -> dict[str, Any]:
    rows = Appointment.objects.filter(tenant=tenant, removed_at=None)
    months = revenue(tenant)["months"]
    return {
        "ids": set(rows.values_list("external_id", flat=True)),
        "canceled": set(rows.filter(canceled=True).values_list("external_id", flat=True)),
        "starts": dict(rows.values_list("external_id", "starts_at")),
        "clients": Client.objects.filter(tenant=tenant).count(),
        "payments": Payment.objects.filter(
            tenant=tenant, removed_at=None, appointment__removed_at=None
        ).count(),
        "revenue": {
            month: {name: (row["count"], row["amount"]) for name, row in rows.items()}
            for month, rows in months.items()
        },
    }
