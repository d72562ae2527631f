"""What can be imported? Adding a resource is one line here."""

from integrations.acuity.resources.addons import Addons
from integrations.acuity.resources.appointment_types import AppointmentTypes
from integrations.acuity.resources.appointments import Appointments
from integrations.acuity.resources.base import Resource
from integrations.acuity.resources.blocks import Blocks
from integrations.acuity.resources.calendars import Calendars
from integrations.acuity.resources.certificates import Certificates
from integrations.acuity.resources.clients import Clients
from integrations.acuity.resources.forms import Forms
from integrations.acuity.resources.labels import Labels
from integrations.acuity.resources.orders import Orders
from integrations.acuity.resources.payments import Payments
from integrations.acuity.resources.products import Products

# In the order of a run: what is referred to comes first.
RESOURCES: dict[str, Resource] = {
    resource.name: resource
    for resource in (
        Calendars(),
        Addons(),
        Forms(),
        AppointmentTypes(),
        Labels(),
        Clients(),
        Products(),
        Orders(),
        Certificates(),
        Appointments(),
        Payments(),
        Blocks(),
    )
}
# The choices of each option that a resource has; the first is the default.
OPTIONS: dict[str, tuple[str, ...]] = {
    option: choices
    for resource in RESOURCES.values()
    for option, choices in resource.options.items()
}
