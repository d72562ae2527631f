"""Is what is stored what the vendor's and the processors' own files say?"""

from pathlib import Path

from integrations.acuity.reconcile import bookings, clients, files, processors, revenue
from integrations.acuity.reconcile.result import Result
from integrations.models import AcuityAccount


def reconcile(
    path: Path, account: AcuityAccount, kind: str = "", month: str = "", *, apply: bool = False
) -> Result:
    """Compare the file with the account's business. Writes nothing without `apply`, and then only
    refunds. Raises ConfigurationError for a file that cannot be compared."""
    file = files.read(path, kind)
    match file.kind:
        case files.BOOKINGS:
            return bookings.compare(file, account, month)
        case files.CLIENTS:
            return clients.compare(file, account)
        case files.REVENUE:
            return revenue.compare(file, account.tenant, month)
    return processors.compare(file, account, month, apply=apply)
