"""Do the reports count as Acuity's own report does, and say what is still owed?"""

import json
from collections import Counter
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client as Browser
from django.urls import reverse

from bookings.models import Payment, Refund, Tenant
from integrations.acuity.sandbox import Sandbox
from tests.conftest import import_all

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.sandbox(clients=30, appointments=200, months=3),
]


def said(*args: str) -> dict[str, Any]:
    out = StringIO()
    call_command(*args, "--json", stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def sums(months: dict[str, dict[str, dict[str, Any]]]) -> dict[str, Decimal]:
    found = {m: sum(Decimal(c["amount"]) for c in cells.values()) for m, cells in months.items()}
    return {month: amount for month, amount in found.items() if amount}


def of_the_vendor(
    box: Sandbox,
) -> tuple[dict[str, Decimal], dict[str, Decimal], dict[str, Decimal]]:
    """By month: payments of bookings that took place, of the others, and orders."""
    kept, off, orders = Counter[str](), Counter[str](), Counter[str]()
    for row in box.account.appointments:
        paid = sum(Decimal(p["amount"]) for p in box.account.payments.get(row["id"], []))
        (off if row["canceled"] or row.get("noShow") else kept)[row["datetime"][:7]] += paid
    for order in box.account.lists["orders"]:
        orders[order["time"][:7]] += Decimal(str(order["total"]))
    return tuple({m: v for m, v in each.items() if v} for each in (kept, off, orders))


@pytest.mark.long
def test_a_month_counts_as_the_vendor_counts_it(box: Sandbox) -> None:
    import_all(box)
    kept, off, orders = of_the_vendor(box)
    assert off and orders

    report = said("acuity_report")

    assert sums(report["canceled"]) == off
    assert sums(report["orders"]) == orders
    months = {m: kept.get(m, 0) + orders.get(m, 0) for m in {*kept, *orders}}
    assert sums(report["as_vendor"]) == months
    assert sums(report["months"]) == {m: kept.get(m, 0) + off.get(m, 0) for m in {*kept, *off}}


@pytest.mark.long
def test_the_pages_headline_is_the_vendors(box: Sandbox, admin_client: Browser) -> None:
    import_all(box)
    kept, off, orders = of_the_vendor(box)
    url = reverse("admin:bookings_revenue", args=[Tenant.objects.get().pk])

    page = admin_client.get(url).content.decode()

    total = sum(kept.values()) + sum(orders.values())
    assert f"<b>{total:,.2f} USD</b>" in page
    assert f"{sum(off.values()):,.2f} kept on canceled bookings" in page


@pytest.mark.long
def test_a_refund_stands_by_itself(box: Sandbox) -> None:
    import_all(box)
    before = said("acuity_report")
    payment = Payment.objects.filter(processor="stripe").earliest("pk")
    Refund.objects.create(payment=payment, external_id="re_1", amount="5.00", origin="stripe")

    report = said("acuity_report")

    month = f"{payment.service_date:%Y-%m}"
    assert report["refunds"] == {month: {"stripe": {"count": 1, "amount": "5.00"}}}
    assert report["as_vendor"] == before["as_vendor"]


@pytest.mark.long
def test_what_is_still_owed(box: Sandbox) -> None:
    import_all(box)
    day = "2026-06-15"
    rows, lists = box.account.appointments, box.account.lists

    report = said("acuity_obligations", "--as-of", day)

    coming = [
        row
        for row in rows
        if row["datetime"][:10] > day and not row["canceled"] and not row.get("noShow")
    ]
    paid = {
        yes: sum(Decimal(row["amountPaid"]) for row in coming if row["paid"] == yes)
        for yes in ("yes", "no")
    }
    upcoming = report["upcoming"]
    assert upcoming["bookings"] == len(coming) > 0
    assert (Decimal(upcoming["paid_in_full"]), Decimal(upcoming["deposits"])) == (
        paid["yes"],
        paid["no"],
    )
    codes = lists["certificates"]
    value = sum(c["remainingValue"] or 0 for c in codes)
    left = sum(sum((c["remainingCounts"] or {}).values()) for c in codes)
    price = next(t["price"] for t in lists["appointment-types"] if t["id"] == 5100003)
    found = report["certificates"]
    assert Decimal(found["value"]["amount"]) == value > 0
    assert found["counts"]["bookings"] == left > 0
    assert Decimal(found["counts"]["estimate"]) == left * Decimal(price)
    assert found["minutes"]["minutes"] == sum(c["remainingMinutes"] or 0 for c in codes)
    assert Decimal(report["canceled"]["amount"]) == sum(of_the_vendor(box)[1].values())


@pytest.mark.long
def test_the_page_of_obligations_says_what_the_command_says(
    box: Sandbox, admin_client: Browser
) -> None:
    import_all(box)
    day = "2026-06-15"
    report = said("acuity_obligations", "--as-of", day)

    page = admin_client.get(f"/admin/bookings/tenant/owed/?as_of={day}", follow=True)
    url = page.redirect_chain[-1][0]
    text = admin_client.get(f"{url}?as_of={day}").content.decode()

    figures = [
        report["certificates"]["value"]["amount"],
        report["certificates"]["counts"]["estimate"],
        report["upcoming"]["deposits"],
        report["upcoming"]["paid_in_full"],
        report["canceled"]["amount"],
    ]
    assert [f"{Decimal(f):,.2f}" in text for f in figures] == [True] * len(figures)
    assert all(month in text for month in report["upcoming"]["months"])
    assert admin_client.get(f"{url}?as_of=soon").status_code == 200


@pytest.mark.long
def test_what_has_expired_is_apart_and_a_refund_is_no_longer_owed(box: Sandbox) -> None:
    import_all(box)
    kept = Payment.objects.filter(appointment__canceled=True, amount__gt=5).earliest("pk")
    before = said("acuity_obligations", "--as-of", "2026-11-02")
    Refund.objects.create(payment=kept, external_id="re_1", amount="5.00", origin="stripe")

    report = said("acuity_obligations", "--as-of", "2026-11-03")

    assert before["expired"]["counts"]["bookings"] == 0
    assert report["expired"]["counts"] == before["certificates"]["counts"]
    assert report["certificates"]["counts"]["bookings"] == 0
    less = Decimal(before["canceled"]["amount"]) - Decimal(report["canceled"]["amount"])
    assert less == Decimal("5.00")
