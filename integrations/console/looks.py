"""How does each state of a run look? One row a state."""

from typing import NamedTuple

from integrations.models import ImportRun

S = ImportRun.Status


class Look(NamedTuple):
    # What people call it, the colour of its label in lists, and its template in `run/`.
    word: str
    colour: str
    template: str


LOOKS: dict[str, Look] = {
    S.QUEUED: Look("Waiting to start", "info", "queued"),
    S.RUNNING: Look("Importing", "info", "running"),
    S.VERIFYING: Look("Verifying", "info", "running"),
    S.PAUSING: Look("Pausing", "warning", "paused"),
    S.PAUSED: Look("Paused", "warning", "paused"),
    S.CANCELLING: Look("Cancelling", "warning", "cancelled"),
    S.CANCELLED: Look("Cancelled", "warning", "cancelled"),
    S.FAILED: Look("Failed", "danger", "failed"),
    S.COMPLETED: Look("Completed and verified", "success", "completed"),
    S.COMPLETED_WITH_GAPS: Look("Completed with gaps", "danger", "gaps"),
}
# By the word that a list shows.
COLOURS = {look.word: look.colour for look in LOOKS.values()}
