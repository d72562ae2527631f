"""The revenue pages: what did the business take, by month and processor, on screen and as CSV?"""

import csv
import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from bookings import charts, scope, tables
from bookings.models import Tenant
from bookings.reports import revenue, years
from bookings.reports.revenue import ORDERS, first_day, midnight, number_of

# So many years are shown, the last ones, unless all are asked for.
RECENT = 3
# What of the payments counts as revenue, in the words of their list's address.
KEPT = {
    "removed_at__isnull": "1",
    "appointment__removed_at__isnull": "1",
    "appointment__canceled__exact": "0",
    "appointment__no_show__exact": "0",
}


def tenant_of(request: HttpRequest, object_id: Any) -> Tenant:
    """The business, if this person may see its money. Raises PermissionDenied, Http404."""
    if not request.user.has_perm("bookings.view_revenue"):
        raise PermissionDenied
    return get_object_or_404(_tenants(request), pk=object_id)


def _asked(request: HttpRequest, object_id: Any) -> tuple[Tenant, str]:
    """The business, and by which day its payments are counted."""
    by = "paid_at" if request.GET.get("by") == "paid_at" else "service_date"
    return tenant_of(request, object_id), by


@require_GET
def revenues(request: HttpRequest) -> HttpResponse:
    """The first business whose revenue the user may see; its page leads to the others."""
    return to_first(request, "bookings_revenue")


def to_first(request: HttpRequest, page: str) -> HttpResponse:
    """To this page of the first business whose money the user may see."""
    if not request.user.has_perm("bookings.view_revenue"):
        raise PermissionDenied
    first = _tenants(request).first()
    if first is None:
        messages.info(request, _("No business yet whose revenue you may see."))
        return redirect("admin:index")
    return redirect(f"admin:{page}", first.pk)


def _tenants(request: HttpRequest) -> QuerySet[Tenant]:
    rows: QuerySet[Tenant] = scope.rules.narrow(request.user, Tenant.objects.all(), "revenue")
    return rows.order_by("name", "pk")


@require_GET
def revenue_page(request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
    tenant, by = _asked(request, object_id)
    every = request.GET.get("years") == "all"
    first, last = years(tenant, by) or (0, 0)
    since = None if every or last - first < RECENT else last - RECENT + 1
    report = revenue(tenant, by=by, since=since)
    months, canceled = report["as_vendor"], report["canceled"]
    # A month of which only canceled bookings were paid is one, too.
    months = {month: months.get(month, {}) for month in sorted({*months, *canceled})}
    names = sorted({name for processors in months.values() for name in processors})
    cells = {name: [_amount(months[month], name) for month in months] for name in names}
    links = _Links(by, tenant)
    rows = [
        {
            "month": month,
            "cells": links.cells(month, {name: cells[name][n] for name in names}),
            "total": sum(cells[name][n] for name in names),
            "canceled": _total(canceled.get(month, {})),
        }
        for n, month in enumerate(months)
    ]
    heights = {n: [float(v) for v in cells[n]] for n in names}
    chart = charts.columns(heights, list(months), _("Revenue by month"), report["currency"])
    csv_url = reverse("admin:bookings_revenue_csv", args=[tenant.pk])
    context = admin.site.each_context(request) | {
        "title": _("Revenue of %(business)s") % {"business": tenant},
        "tenant": tenant,
        "by": by,
        "every": every,
        "since": str(since or ""),
        "names": names,
        "rows": rows,
        "sums": [sum(cells[name]) for name in names],
        "total": sum(row["total"] for row in rows),
        "canceled": sum(row["canceled"] for row in rows),
        "refunds": sum(_total(processors) for processors in report["refunds"].values()),
        "currency": report["currency"],
        "others": list(_others(report["other_currencies"])),
        "chart": chart,
        "csv_url": f"{csv_url}?by={by}",
    }
    return TemplateResponse(request, "bookings/revenue.html", context)


def _others(currencies: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Month, sum, and sum of canceled bookings, each in its currency."""
    for currency, found in currencies.items():
        for month in found["months"]:
            sums = (_total(found[name].get(month, {})) for name in ("as_vendor", "canceled"))
            taken, canceled = (tables.money(each, currency) for each in sums)
            yield month, taken, canceled


class _Links:
    """To the list of what a cell sums up."""

    def __init__(self, by: str, tenant: Tenant) -> None:
        self._by, self._zone = by, ZoneInfo(tenant.timezone)
        kept = KEPT | ({"currency": tenant.currency} if tenant.former_currencies else {})
        self._list = f"{reverse('admin:bookings_payment_changelist')}?{urlencode(kept)}"

    def cells(self, month: str, amounts: dict[str, Decimal]) -> list[tuple[Decimal, str]]:
        """Amounts by processor, each with its link: none for orders, which are not in that list,
        nor for nothing."""
        days = self._days(month)
        return [
            (amount, "" if name == ORDERS or not amount else f"{self._list}&{days}&{_of(name)}")
            for name, amount in amounts.items()
        ]

    def _days(self, month: str) -> str:
        first = date.fromisoformat(f"{month}-01")
        following = first_day(number_of(first) + 1)
        if self._by == "service_date":
            last = following - timedelta(days=1)
            return urlencode({"service_date_from": f"{first}", "service_date_to": f"{last}"})
        begins, ends = midnight(first, self._zone), midnight(following, self._zone)
        return urlencode({"paid_at__gte": begins.isoformat(), "paid_at__lt": ends.isoformat()})


def _of(processor: str) -> str:
    return urlencode({"processor": processor})


def _amount(processors: dict[str, Any], name: str) -> Any:
    return Decimal(processors[name]["amount"]) if name in processors else Decimal(0)


def _total(processors: dict[str, Any]) -> Decimal:
    return sum((_amount(processors, name) for name in processors), Decimal(0))


@require_GET
def revenue_csv(request: HttpRequest, object_id: uuid.UUID) -> HttpResponse:
    tenant, by = _asked(request, object_id)
    report = revenue(tenant, by=by)
    scope.rules.tell(request.user, "exported revenue", tenant)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="revenue-{by}.csv"'
    writer = csv.writer(response)
    writer.writerow(["month", "processor", "count", "amount", "currency"])
    for currency, found in {report["currency"]: report, **report["other_currencies"]}.items():
        for month, processors in found["months"].items():
            for name, row in processors.items():
                # A spreadsheet would run a name that begins like a formula.
                safe = f"'{name}" if name[:1] in "=+-@" else name
                writer.writerow([month, safe, row["count"], row["amount"], currency])
    return response
