"""What follows when a run has completed? Each in turn; none holds up the run."""

from typing import Any

from django.dispatch import receiver

from integrations.acuity.events import AcuityImportCompleted, acuity_import_completed
from integrations.acuity.sync import webhooks
from integrations.models import ImportRun


@receiver(acuity_import_completed, dispatch_uid="acuity_sync")
def follow(event: AcuityImportCompleted, **_: Any) -> None:
    run = ImportRun.objects.select_related("account__tenant").get(pk=event.run_id)
    if webhooks.count_missed(run) or run.kind == ImportRun.Kind.AUDIT:
        webhooks.renew(run.account)
