"""What goes with a tenant or an account, and how is it deleted? Counted first, table by table."""

from typing import Any

from django.db import transaction
from django.db.models import Model, QuerySet

from bookings import models as booked
from bookings.models import Tenant
from integrations import audit, models
from integrations.access import path_to_tenant
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.sync import webhooks
from integrations.models import AcuityAccount, ImportRun

# What refers to another comes before it.
OF_ACCOUNT: list[type[Model]] = [
    models.StagedPage,
    models.PageFetch,
    models.RejectedRecord,
    models.CompletionEvent,
    models.RefreshRequest,
    models.DryRun,
    models.ExportPart,
    models.ExportFile,
    models.Plan,
    models.Webhooks,
    models.WebhookDay,
    models.Notice,
    models.ImportStep,
    models.ImportRun,
]
OF_TENANT: list[type[Model]] = [
    *OF_ACCOUNT,
    models.AcuityAccount,
    models.NoticeMessage,
    models.NoticeChannel,
    models.Membership,
    booked.Change,
    booked.Payment,
    booked.Appointment,
    booked.Block,
    booked.Certificate,
    booked.Order,
    booked.Product,
    booked.Tombstone,
    booked.Client,
    booked.Question,
    booked.Form,
    booked.Label,
    booked.Addon,
    booked.Calendar,
    booked.AppointmentType,
]


def belongings(of: Tenant | AcuityAccount) -> dict[str, int]:
    """How many rows of each kind would go with it, by name; none that are empty."""
    counts = {str(rows.model._meta.verbose_name_plural): rows.count() for rows in _rows(of)}
    return {name: count for name, count in counts.items() if count}


def hindrance(of: Tenant | AcuityAccount) -> str:
    """Why it cannot be deleted now, in a sentence; nothing if it can."""
    runs = ImportRun.objects.filter(status__in=ImportRun.ACTIVE)
    way = "account__tenant" if isinstance(of, Tenant) else "account"
    active = runs.filter(**{way: of.pk}).first()
    return f"Run {active.pk} is {active.status}: cancel it first." if active else ""


def delete(of: Tenant | AcuityAccount) -> dict[str, int]:
    """Delete it with all that is its own, and its webhooks at Acuity, if that answers. Raises
    ConfigurationError while an import is active."""
    if said := hindrance(of):
        raise ConfigurationError(said)
    for account in [of] if isinstance(of, AcuityAccount) else of.acuity_accounts.all():
        webhooks.remove(account)
    return _delete(of)


@transaction.atomic
def _delete(of: Tenant | AcuityAccount) -> dict[str, int]:
    tenant = of if isinstance(of, Tenant) else of.tenant
    if said := hindrance(of):
        raise ConfigurationError(said)
    counts = belongings(of)
    kind, key = ("tenant", str(of.pk)) if of is tenant else ("account", str(of))
    for rows in _rows(of):
        rows.delete()
    of.delete()
    told = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    audit.write(
        f"deleted {kind}", tenant=None if of is tenant else tenant, note=f"{key}: {told or 'empty'}"
    )
    return counts


def _rows(of: Tenant | AcuityAccount) -> list[QuerySet[Any]]:
    whole = isinstance(of, Tenant)
    found = []
    for model in OF_TENANT if whole else OF_ACCOUNT:
        path = path_to_tenant(model)
        path = path if whole else path.removesuffix("__tenant")
        found.append(model._default_manager.filter(**{path: of.pk}))
    return found
