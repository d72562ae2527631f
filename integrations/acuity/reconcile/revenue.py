"""Does Acuity's own revenue report of a month say what is stored?"""

import re
from decimal import Decimal

from bookings import reports
from bookings.amounts import decimals
from bookings.models import Tenant
from bookings.reports.revenue import ORDERS
from integrations.acuity.reconcile.files import File, UnknownFile
from integrations.acuity.reconcile.result import Result, amount


def compare(file: File, tenant: Tenant, month: str) -> Result:
    """Number and amount by processor; sales beside bookings as one. Raises UnknownFile."""
    if not month:
        raise UnknownFile("The file does not say its month: name it with --month YYYY-MM.")
    result = Result(file.kind, len(file.rows), decimals(tenant.currency))
    for row in file.rows:
        found = re.fullmatch(r"(.+?)\s*\((.+)\)", row["Processor"])
        if found is None:
            continue  # the total
        processor, kind = found[1].strip().casefold(), found[2].strip().casefold()
        name = processor if kind.startswith("appointment") else ORDERS
        money = amount(row["Amount"]) or Decimal(0)
        result.add(month, name, "vendor", money, int(row["Transactions"] or 0))
    for name, cell in reports.revenue(tenant, month)["as_vendor"].get(month, {}).items():
        result.add(month, name.casefold(), "database", Decimal(cell["amount"]), cell["count"])
    for name, sums in result.months[month].items():
        vendor, stored = sums["vendor"], sums["database"]
        result.matched += vendor == stored
        for column, n in (("Transactions", 0), ("Amount in cents", 1)):
            result.compare(name, column, vendor[n], stored[n])
    result.not_compared.append("bookings marked as paid by hand, which the vendor leaves out")
    return result
