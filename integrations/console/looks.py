"""How does each state of a run look? One row a state."""

from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _

from integrations.models import ImportRun

S = ImportRun.Status


class Look(NamedTuple):
    # What people call it, the colour of its label in lists, and its template in `run/`.
    word: Any
    colour: str
    template: str


LOOKS: dict[str, Look] = {
    S.QUEUED: Look(_("Waiting to start"), "info", "queued"),
    S.RUNNING: Look(_("Importing"), "info", "running"),
    S.VERIFYING: Look(_("Verifying"), "info", "running"),
    S.PAUSING: Look(_("Pausing"), "warning", "paused"),
    S.PAUSED: Look(_("Paused"), "warning", "paused"),
    S.CANCELLING: Look(_("Cancelling"), "warning", "cancelled"),
    S.CANCELLED: Look(_("Cancelled"), "warning", "cancelled"),
    S.FAILED: Look(_("Failed"), "danger", "failed"),
    S.COMPLETED: Look(_("Completed and verified"), "success", "completed"),
    S.COMPLETED_WITH_GAPS: Look(_("Completed with gaps"), "danger", "gaps"),
}
COLOURS = {str(status): look.colour for status, look in LOOKS.items()}
