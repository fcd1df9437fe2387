"""Usage as the customer sees it: every meter that their running plans price, day by day in a billing period of each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from clearbill.billing.queries.subscriptions import agreements, calendar_of, subscriptions
from clearbill.billing.queries.usage import current_usage
from clearbill.core.period import Period, period_containing
from clearbill.pricing.queries import meter_value, meters
from clearbill.web.portal.access import customer_only
from clearbill.web.price_words import active_name
from clearbill.web.usage_charts import days_of_usage, group_rows, shown_period, together

MAX_BACK = 60


@customer_only
def usage(request: HttpRequest) -> HttpResponse:
    """A period at a time; ``back`` counts periods before the running one."""
    back = _back(request)
    rows = _with_meters(subscriptions(customer_id=request.customer.id))
    shown = [_usage_of(request, row, codes=codes, back=back) for row, codes in rows]
    context = {
        "usages": shown,
        "zone": request.zone,
        "older": back + 1 if any(each["has_older"] for each in shown) and back < MAX_BACK else None,
        "newer": back - 1 if shown and back > 0 else None,
    }
    return render(request, "portal/usage.html", context)


def first_chart(request: HttpRequest, rows: Sequence[Any]) -> dict[str, Any] | None:
    """The first meter of the newest running subscription that prices one; None without any."""
    for row, codes in _with_meters(rows):
        return _usage_of(request, row, codes=codes[:1], back=0)
    return None


def _with_meters(rows: Sequence[Any]) -> list[tuple[Any, list[str]]]:
    """The running subscriptions (of an ended customer the last one) whose prices count usage, with the meters' codes."""
    running = [row for row in rows if row.state == "active"] or list(rows[:1])
    found = []
    for agreement in agreements(running):
        codes = dict.fromkeys(price.meter for price in agreement.value.prices if price.meter)
        if codes:
            found.append((agreement.row, list(codes)))
    return found


def _usage_of(request: HttpRequest, row: Any, *, codes: Sequence[str], back: int) -> dict[str, Any]:
    known = {meter.code: meter for meter in meters()}
    chosen = [known[code] for code in codes]
    period = _period(row, back=back, request=request)
    values = [meter_value(meter) for meter in chosen]
    read = current_usage(request.customer.id, values, start=period.start, end=period.end)
    plan = row.plan_version.plan
    return {
        "name": active_name(plan.name, plan.code),
        "period": period,
        "is_running": period.start <= request.at < period.end and row.state == "active",
        "charts": [
            _chart(request, meter, value, read=read, period=period) for meter, value in zip(chosen, values, strict=True)
        ],
        "has_older": period.start > calendar_of(row).started_at,
    }


def _chart(request: HttpRequest, row: Any, meter: Any, *, read: Any, period: Period) -> dict[str, Any]:
    points = days_of_usage(request.customer.id, meter, start=period.start, end=period.end, timezone=request.zone)
    quantities = read.get(meter.code, {})
    return {
        "name": active_name(row.name, row.code),
        "total": together(quantities, meter),
        "groups": group_rows(quantities),
        "points": points if any(value for _label, value in points) else [],
    }


def _period(row: Any, *, back: int, request: HttpRequest) -> Period:
    period = shown_period(row, at=request.at)
    calendar = calendar_of(row)
    for _step in range(back):
        if period.start <= calendar.started_at:
            break
        period = period_containing(calendar, period.start - timedelta(microseconds=1))
    return period


def _back(request: HttpRequest) -> int:
    text = request.GET.get("back", "")
    return min(int(text), MAX_BACK) if text.isascii() and text.isdigit() and len(text) < 4 else 0


urlpatterns = [path("usage/", usage, name="usage")]
