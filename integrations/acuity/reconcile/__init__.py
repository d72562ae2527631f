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
        case "appointments":
            return bookings.compare(file, account, month)
        case "clients":
            return clients.compare(file, account)
        case "revenue":
            return revenue.compare(file, account.tenant, month)
    return processors.compare(file, account, month, apply=apply)
