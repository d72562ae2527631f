"""Does Acuity's own revenue report of a month say what is stored?"""

import re
from decimal import Decimal

from bookings import reports
from bookings.amounts import counted, decimals
from bookings.models import Tenant
from bookings.reports.revenue import ORDERS
from integrations.acuity.reconcile.files import File, UnknownFile
from integrations.acuity.reconcile.result import Result

NUMBER, CENTS = "Transactions", "Amount in cents"
TOTALS = ("total", "totals", "grand total")


def compare(file: File, tenant: Tenant, month: str) -> Result:
    """Number and amount by processor; sales beside bookings as one. Raises UnknownFile."""
    if not month:
        raise UnknownFile("The file does not say its month: name it with --month YYYY-MM.")
    result = Result(file.kind, len(file.rows), decimals(tenant.currency))
    sums, totals = [0, 0], []
    for n, row in enumerate(file.rows, start=2):
        called = row["Processor"]
        number, money = (result.amount(row.get(name, "")) for name in ("Transactions", "Amount"))
        if number is None or money is None or number % 1:
            result.only_in_file.append(f"row {n}: {called}, of which the number or amount is none")
            continue
        cell = [int(number), counted(money, result.places)]
        if called.casefold() in TOTALS:
            totals.append(cell)
            continue
        sums = [one + other for one, other in zip(sums, cell, strict=True)]
        found = re.fullmatch(r"(.+?)\s*\((.+)\)", called)
        if found is None:
            result.only_in_file.append(f"row {n}: {called}, which does not say what was sold")
            continue
        processor, kind = found[1].strip().casefold(), found[2].strip().casefold()
        name = processor if kind.startswith("appointment") else ORDERS
        result.add(month, name, "vendor", money, int(number))
    for total in totals:
        for column, said, added in zip((NUMBER, CENTS), total, sums, strict=True):
            result.compare("the file's total", column, said, added)
    report = reports.revenue(tenant, month)
    for found in (report, *report["other_currencies"].values()):
        for name, cell in found["as_vendor"].get(month, {}).items():
            result.add(month, name.casefold(), "database", Decimal(cell["amount"]), cell["count"])
    for name, cells in result.months[month].items():
        vendor, stored = cells["vendor"], cells["database"]
        result.matched += vendor == stored
        for column, n in ((NUMBER, 0), (CENTS, 1)):
            result.compare(name, column, vendor[n], stored[n])
    if report["months"] and (others := report["other_currencies"]):
        result.not_compared.append(f"currencies: {tenant.currency} and {', '.join(others)} as one")
    result.not_compared.append("bookings marked as paid by hand, which the vendor leaves out")
    return result
