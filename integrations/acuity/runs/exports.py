"""An export as work of its own: a worker makes it, the database keeps the file until it expires.

In the database, because the worker's disk is not the web server's; in parts, so that neither has the
whole of it in memory.
"""

import tempfile
import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from bookings.exports import Export, Refused
from integrations import audit
from integrations.acuity.errors import ConfigurationError
from integrations.acuity.runs import messages, provenance
from integrations.models import AcuityAccount, ExportFile, ExportPart

KEPT = timedelta(days=2)
# A message that came to nothing in this time is sent again; so long a worker has it.
OVERDUE = timedelta(minutes=2)
HELD = timedelta(hours=1)
PART = 1 << 20
UNFORESEEN = "Something unexpected stopped this: the server's log says where."


def begin(account: AcuityAccount, *, send: bool = True, **wanted: object) -> ExportFile:
    """A new one, queued. `wanted`: format, people, spreadsheet. Raises ConfigurationError."""
    now = timezone.now()
    times = {"expires_at": now + KEPT, "due_at": now + OVERDUE}
    row = ExportFile(account=account, **times, **wanted)
    try:
        _export(row).check()
    except Refused as error:
        raise ConfigurationError(str(error)) from None
    row.save(force_insert=True)
    note = f"{row.format}{'' if row.people else ', without people'}"
    audit.write("asked for an export", tenant=account.tenant_id, note=note)
    if send:
        messages.send_export(str(row.pk))
    return row


def overdue(now: datetime | None = None) -> list[str]:
    """Those that nobody works on and that are to be sent again."""
    now = now or timezone.now()
    late = ExportFile.objects.filter(status__in=ExportFile.ACTIVE, due_at__lte=now)
    found = [str(key) for key in late.values_list("pk", flat=True)]
    late.filter(pk__in=found).update(due_at=now + OVERDUE, status=ExportFile.Status.QUEUED)
    return found


def perform(key: str) -> str:
    """Make it, if nobody else does. What came of it, in words."""
    waiting = ExportFile.objects.filter(pk=key, status=ExportFile.Status.QUEUED)
    if not waiting.update(status=ExportFile.Status.RUNNING, due_at=timezone.now() + HELD):
        return "another worker has it, or it is over"
    row = ExportFile.objects.select_related("account__tenant").get(pk=key)
    try:
        size = _make(row)
    except Refused as error:
        _end(row, status=ExportFile.Status.FAILED, reason=str(error))
        return "failed"
    except Exception:
        _end(row, status=ExportFile.Status.FAILED, reason=UNFORESEEN)
        raise
    _end(row, status=ExportFile.Status.DONE, size=size, expires_at=timezone.now() + KEPT)
    return f"{size:,} bytes"


def content(row: ExportFile) -> Iterator[bytes]:
    """The file's bytes, a part at a time."""
    numbers = row.parts.order_by("number").values_list("number", flat=True)
    for number in list(numbers):
        yield bytes(row.parts.values_list("data", flat=True).get(number=number))


def _export(row: ExportFile) -> Export:
    tenant, source = row.account.tenant, row.account.source_id
    return Export(tenant, row.format, source, people=row.people, spreadsheet=row.spreadsheet)


def _make(row: ExportFile) -> int:
    with tempfile.TemporaryDirectory() as folder:
        made, packed = Path(folder) / "export", Path(folder) / "export.zip"
        _export(row).write(made, partial(provenance.of, row.account))
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(made.iterdir()):
                archive.write(path, path.name)
        with transaction.atomic(), packed.open("rb") as file:
            row.parts.all().delete()
            for number, data in enumerate(iter(partial(file.read, PART), b"")):
                ExportPart.objects.create(export=row, number=number, data=data)
        return packed.stat().st_size


def _end(row: ExportFile, **fields: object) -> None:
    ExportFile.objects.filter(pk=row.pk).update(finished_at=timezone.now(), **fields)
