"""What does an import tell the outside? One signal a run, and log lines with fixed names."""

import logging
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, Self

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
    # Rows of any further resource, by name.
    others: dict[str, int] = field(default_factory=dict)

    @classmethod
    def counting(cls, rows: dict[str, int], **facts: Any) -> Self:
        """With the rows of each resource, by its name in the log."""
        own = {one.name for one in fields(cls)} & rows.keys()
        others = {name: count for name, count in rows.items() if name not in own}
        return cls(**facts | {name: rows[name] for name in own} | {"others": others})

    def as_json(self) -> dict[str, Any]:
        facts = asdict(self) | {"finished_at": self.finished_at.isoformat()}
        others: dict[str, int] = facts.pop("others")
        return facts | others


# Receivers get `event`, an AcuityImportCompleted.
acuity_import_completed = Signal()


def log(event: str, **facts: Any) -> None:
    """One line, `event key=value …`, without blanks in a value. Never names, e-mails, phones or keys."""
    if logger.isEnabledFor(logging.INFO):
        logger.info("%s", " ".join([event, *(f"{key}={_word(facts[key])}" for key in facts)]))


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value is None else "_".join(str(value).split()) or "none"
