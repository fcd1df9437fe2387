"""Usage: what a meter read day by day and by customer, and the last events as they came in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from clearbill.billing.queries.busy_customers import busiest_customers, last_event_at
from clearbill.billing.queries.usage import events_page
from clearbill.customers.queries import customers_by_ids
from clearbill.pricing.queries import meter_value, meters
from clearbill.scope.ids import show_id
from clearbill.web.addresses import id_in_address
from clearbill.web.console.access import staff
from clearbill.web.console.looks import record_look
from clearbill.web.price_words import active_name
from clearbill.web.usage_charts import days_of_usage, together

DAYS = 30
SHOWN_CUSTOMERS = 10
SHOWN_EVENTS = 25


@staff("view")
def usage(request: HttpRequest) -> HttpResponse:
    """One meter at a time, for 30 days up to a chosen one."""
    rows = meters()
    customer_id = _customer_id(request)
    if customer_id is not None:
        record_look(request, "customer", customer_id, how="view_usage")
    until = _until(request)
    chart = chart_of_last_days(request, rows, customer_id=customer_id, until=until)
    busiest = [] if chart is None or customer_id is not None else _busiest(chart)
    events = events_page(customer_id=customer_id, limit=SHOWN_EVENTS)
    names = customers_by_ids({each["id"] for each in busiest} | {event.customer_id for event in events})
    context = {
        "meters": rows,
        "chart": chart,
        "until": until,
        "customer": customers_by_ids([customer_id]).get(customer_id) if customer_id else None,
        "busiest": [{**each, "customer": names.get(each["id"])} for each in busiest],
        "events": [{"event": each, "customer": names.get(each.customer_id), "facts": _facts(each)} for each in events],
    }
    return render(request, "console/usage.html", context)


def chart_of_last_days(
    request: HttpRequest, rows: Sequence[Any], *, customer_id: UUID | None, until: date | None = None
) -> dict[str, Any] | None:
    """The chart of the meter that ``?meter=`` names (else the first), for DAYS up to ``until``; None without meters."""
    row = next((each for each in rows if each.code == request.GET.get("meter")), rows[0] if rows else None)
    if row is None:
        return None
    meter, zone = meter_value(row), request.seller.timezone
    start, end = _span(until or request.at.astimezone(ZoneInfo(zone)).date(), zone)
    points = days_of_usage(customer_id, meter, start=start, end=end, timezone=zone)
    return {
        "meter": meter,
        "name": active_name(row.name, row.code),
        "choices": [(each.code, active_name(each.name, each.code)) for each in rows],
        "points": points if any(value for _label, value in points) else [],
        "start": start,
        "end": end,
    }


def _span(until: date, zone: str) -> tuple[datetime, datetime]:
    """Whole local days, the last one being ``until``."""
    first = datetime.combine(until - timedelta(days=DAYS - 1), time.min, ZoneInfo(zone))
    last = datetime.combine(until + timedelta(days=1), time.min, ZoneInfo(zone))
    return first.astimezone(UTC), last.astimezone(UTC)


def _until(request: HttpRequest) -> date:
    """The day that ``?until=`` names, else that of the last event, else today."""
    zone = ZoneInfo(request.seller.timezone)
    today = request.at.astimezone(zone).date()
    try:
        return min(date.fromisoformat(request.GET.get("until", "")), today)
    except ValueError:
        last = last_event_at()
        return today if last is None else min(last.astimezone(zone).date(), today)


def _customer_id(request: HttpRequest) -> UUID | None:
    text = request.GET.get("customer", "")
    return id_in_address("customer", text) if text else None


def _busiest(chart: dict[str, Any]) -> list[dict[str, Any]]:
    meter = chart["meter"]
    found = busiest_customers(meter, start=chart["start"], end=chart["end"], limit=SHOWN_CUSTOMERS)
    rows = [
        {
            "id": customer_id,
            "shown_id": show_id("customer", customer_id),
            "events": count,
            "value": together(read, meter),
        }
        for customer_id, count, read in found
    ]
    return sorted(rows, key=lambda row: row["value"], reverse=True)


def _facts(event: Any) -> list[tuple[str, str]]:
    return [(str(name), str(value)) for name, value in list(event.properties.items())[:8]]


urlpatterns = [path("usage/", usage, name="usage")]
