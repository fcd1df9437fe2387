"""Usage as the customer sees it: every meter that their plans price, day by day in a billing period."""

from __future__ import annotations

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
    rows = subscriptions(customer_id=request.customer.id)
    context = {"usage": charts_of_period(request, rows, only_first=False), "zone": request.zone}
    return render(request, "portal/usage.html", context)


def charts_of_period(request: HttpRequest, rows: list[Any], *, only_first: bool) -> dict[str, Any] | None:
    """Charts of the meters that the newest running subscription prices; None without any."""
    row = next((each for each in rows if each.state == "active"), rows[0] if rows else None)
    if row is None:
        return None
    priced = [price.meter for price in agreements([row])[0].value.prices if price.meter]
    known = {meter.code: meter for meter in meters()}
    chosen = [known[code] for code in dict.fromkeys(priced)][: 1 if only_first else None]
    if not chosen:
        return None
    back = 0 if only_first else _back(request)
    period = _period(row, back=back, request=request)
    values = [meter_value(meter) for meter in chosen]
    read = current_usage(request.customer.id, values, start=period.start, end=period.end)
    return {
        "period": period,
        "is_running": period.start <= request.at < period.end and row.state == "active",
        "charts": [
            _chart(request, meter, value, read=read, period=period) for meter, value in zip(chosen, values, strict=True)
        ],
        "older": back + 1 if period.start > calendar_of(row).started_at and back < MAX_BACK else None,
        "newer": back - 1 if back > 0 else None,
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
