"""The portal's first page: what is open, the plan and its price in words, the coming bill, usage, the last invoices."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from clearbill.billing.actions.previews import preview_customer
from clearbill.billing.queries.invoices import InvoiceFilter, invoices, open_by_customer
from clearbill.billing.queries.subscriptions import agreements, subscriptions
from clearbill.pricing.queries import meters
from clearbill.sellers.queries import tax_rates
from clearbill.web.document_view import foresee
from clearbill.web.portal.access import customer_only
from clearbill.web.portal.usage import first_chart
from clearbill.web.price_words import active_name, interval_words, price_words

SHOWN_INVOICES = 6
MOST_LATE = 1000


@customer_only
def overview(request: HttpRequest) -> HttpResponse:
    """Everything that a customer asks first, on one page."""
    customer_id = request.customer.id
    rows = subscriptions(customer_id=customer_id)
    running = [row for row in rows if row.state == "active"]
    bills = preview_customer(customer_id, at=request.at) if running else []
    labels = {rate.code: rate.label for rate in tax_rates(request.at)}
    chosen = InvoiceFilter(customer_id=customer_id)
    last = invoices(chosen, at=request.at, limit=SHOWN_INVOICES)
    late = invoices(InvoiceFilter(customer_id=customer_id, status="overdue"), at=request.at, limit=MOST_LATE)
    context = {
        "customer": request.customer,
        "zone": request.zone,
        "open": sorted(open_by_customer(customer_id).items()),
        "late": late,
        "late_sums": _sums_due(late),
        "plans": _plans(running),
        "ended": [] if running else [_head(row) for row in rows[:3]],
        "next_bills": [foresee(each, tax_labels=labels) for each in bills],
        "invoices": last,
        "usage": first_chart(request, rows),
    }
    return render(request, "portal/overview.html", context)


def _sums_due(rows: list[Any]) -> list[tuple[str, int]]:
    """What is still to pay of ``rows``, by currency; currencies are never added."""
    sums: Counter[str] = Counter()
    for row in rows:
        sums[row.currency] += row.state.due_minor
    return sorted(sums.items())


def _plans(rows: list[Any]) -> list[dict[str, Any]]:
    names = {meter.code: active_name(meter.name, meter.code) for meter in meters()}
    return [
        {
            **_head(agreement.row),
            "prices": [price_words(price, meter_names=names) for price in agreement.value.prices],
        }
        for agreement in agreements(rows)
    ]


def _head(row: Any) -> dict[str, Any]:
    version = row.plan_version
    return {
        "row": row,
        "name": active_name(version.plan.name, version.plan.code),
        "interval": interval_words(version.interval, version.interval_count),
        "is_ending": row.state == "active" and row.cancel_at is not None,
    }


urlpatterns = [path("", overview, name="overview")]
