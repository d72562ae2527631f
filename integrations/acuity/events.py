"""What does an import tell the outside? One signal a run, and log lines with fixed names."""

import logging
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.dispatch import Signal

logger = logging.getLogger("acuity")


@dataclass(frozen=True)
class AcuityImportCompleted:
    """Sent once a run, when it has completed, with gaps or without."""

    tenant_id: str
    run_id: str
    contacts: int
    appointments: int
    payments: int
    skipped: int
    gaps: int
    finished_at: datetime

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"finished_at": self.finished_at.isoformat()}


# Receivers get `event`, an AcuityImportCompleted.
acuity_import_completed = Signal()


def log(event: str, **facts: Any) -> None:
    """One line, `event key=value …`. Never names, e-mails, phones or keys."""
    logger.info("%s %s", event, " ".join(f"{k}={v}" for k, v in facts.items()))
