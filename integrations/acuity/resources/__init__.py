"""Which steps has an import, in which order? Adding a resource is one line here."""

from integrations.acuity.resources.account import Account
from integrations.acuity.resources.appointments import Appointments
from integrations.acuity.resources.base import Resource
from integrations.acuity.resources.clients import Clients
from integrations.acuity.resources.payments import Payments
from integrations.acuity.resources.verify import Verification

STEPS: dict[str, Resource] = {
    step.name: step for step in (Account(), Clients(), Appointments(), Payments(), Verification())
}
SELECTABLE = ("clients", "appointments", "payments")
