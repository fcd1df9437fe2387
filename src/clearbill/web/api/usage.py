"""Usage: send events in batches with a receipt for each, read what meters make of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import Field

from clearbill.billing.actions.usage import MAX_EVENTS, Receipt, ReceiptState, accept_events
from clearbill.billing.actions.usage_event import IncomingEvent
from clearbill.billing.actions.usage_wire import parse_events
from clearbill.billing.queries.usage import current_usage, usage_by_day
from clearbill.core.errors import Refusal, Unacceptable
from clearbill.core.usage import Meter
from clearbill.pricing.queries import meter_by_code, meter_value
from clearbill.scope.ids import show_id
from clearbill.web.api.customers import customer_of, optional_customer_of
from clearbill.web.api.doors import acts, reads
from clearbill.web.api.shapes import (
    Asked,
    DecimalText,
    Instant,
    InstantText,
    Page,
    Reference,
    Shown,
    decimal_text,
    instant_text,
    named_groups,
    whole_list,
)
from clearbill.web.errors import sentence_of

MAX_DAYS = 400
router = Router(tags=["Usage"])

_EVENT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["type", "customer", "timestamp", "key"],
    "properties": {
        "type": {"type": "string", "maxLength": 64},
        "customer": {"type": "string", "description": "A customer's id (`cus_…`), or your own name for them."},
        "timestamp": {"type": "string", "format": "date-time", "description": "With its zone."},
        "key": {"type": "string", "maxLength": 255, "description": "Names the event for ever: it counts once."},
        "properties": {
            "type": "object",
            "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
        },
    },
}
_EXAMPLE = {
    "type": "api_call",
    "customer": "acme",
    "timestamp": "2025-01-31T23:59:59Z",
    "key": "req-4711",
    "properties": {"region": "eu", "bytes": 2048},
}
_EVENTS_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["events"],
                    "properties": {"events": {"type": "array", "maxItems": MAX_EVENTS, "items": _EVENT}},
                },
                "example": {"events": [_EXAMPLE]},
            },
            "application/x-ndjson": {
                "schema": {"type": "string", "description": "One event a line."},
                "example": json.dumps(_EXAMPLE) + "\n",
            },
        },
    }
}


class EventReceipt(Shown):
    """What became of an event. `duplicate`: it had been accepted before, with the same body."""

    index: int = Field(description="The event's place in the batch, from 0.")
    key: str | None = Field(description="The event's key; null when the event couldn't be read.")
    state: Literal["accepted", "duplicate", "refused"]
    code: str | None = Field(None, description="Why it was refused; stable.", examples=["usage_key_reused"])
    detail: str | None = None
    field: str | None = None


class UsageReceipts(Shown):
    """A receipt for each event, in the order of the batch. Refused events can be mended and sent again."""

    accepted: int
    duplicate: int
    refused: int
    receipts: list[EventReceipt]


class GroupQuantity(Shown):
    """A quantity of one group of a meter."""

    group: dict[str, str] = Field(examples=[{"region": "eu"}], description="Empty without groups.")
    quantity: DecimalText


class Usage(Shown):
    """What a meter reads for a customer from `start` up to, and without, `end`."""

    customer: str
    meter: str
    start: InstantText
    end: InstantText
    quantities: list[GroupQuantity] = Field(description="Empty when the meter counted nothing.")


class DayUsage(Shown):
    """What a meter reads on a day of the seller's time zone."""

    day: str = Field(json_schema_extra={"format": "date"}, examples=["2025-01-31"])
    quantities: list[GroupQuantity]


class UsageAsked(Asked):
    """Whose usage, by which meter, when."""

    customer: Reference
    meter: str = Field(max_length=64, description="A meter's code.", examples=["api_calls"])
    start: Instant
    end: Instant


class DaysAsked(Asked):
    """The same for days; without a customer, all together."""

    customer: Reference | None = None
    meter: str = Field(max_length=64, description="A meter's code.", examples=["api_calls"])
    start: Instant
    end: Instant


@acts(router, "/usage", gives=UsageReceipts, may="send_usage", extra=_EVENTS_BODY)
def send_usage(request: HttpRequest) -> UsageReceipts:
    """Send usage events, up to 10,000 at once.

    As `{"events": [...]}`, or one event a line with `Content-Type: application/x-ndjson`. Each event gets a receipt.
    An event counts once for ever: the same key with the same body is a `duplicate`, with another body it's `refused`.
    Send a batch again as often as you like. The answer is 200 also when events were refused: read the receipts.
    """
    events = parse_events(request.body, content_type=request.headers.get("Content-Type", ""))
    return _receipts(events, accept_events(events, at=request.at))


@reads(router, "/usage", gives=Usage)
def get_usage(request: HttpRequest, asked: Query[UsageAsked]) -> Usage:
    """Read what a customer used in a span of time."""
    _refuse_span(asked.start, asked.end)
    customer_id, meter = customer_of(asked.customer), meter_value(meter_by_code(asked.meter))
    found = current_usage(customer_id, [meter], start=asked.start, end=asked.end)
    return Usage(
        customer=show_id("customer", customer_id),
        meter=meter.code,
        start=instant_text(asked.start),
        end=instant_text(asked.end),
        quantities=_quantities(meter, found[meter.code]),
    )


@reads(router, "/usage/days", gives=Page[DayUsage])
def list_usage_days(request: HttpRequest, asked: Query[DaysAsked]) -> Page[DayUsage]:
    """Read usage day by day; days without events are left out."""
    _refuse_span(asked.start, asked.end)
    customer_id, meter = optional_customer_of(asked.customer), meter_value(meter_by_code(asked.meter))
    days = usage_by_day(customer_id, meter, start=asked.start, end=asked.end, timezone=request.seller.timezone)
    return whole_list(_day(meter, day, quantities) for day, quantities in days)


def _refuse_span(start: datetime, end: datetime) -> None:
    if not start < end <= start + timedelta(days=MAX_DAYS):
        raise Unacceptable(
            "span_refused",
            "The end must come after the start, by {limit} days at most.",
            field="end",
            limit=MAX_DAYS,
        )


def _receipts(events: Sequence[IncomingEvent | Refusal], receipts: Sequence[Receipt]) -> UsageReceipts:
    shown = [
        _receipt(index, event, receipt) for index, (event, receipt) in enumerate(zip(events, receipts, strict=True))
    ]
    counts = {state.value: sum(receipt.state is state for receipt in receipts) for state in ReceiptState}
    return UsageReceipts(receipts=shown, **counts)


def _receipt(index: int, event: Any, receipt: Receipt) -> EventReceipt:
    key = event.key if isinstance(event, IncomingEvent) else None
    refusal = receipt.refusal
    if refusal is None:
        return EventReceipt(index=index, key=key, state=receipt.state.value)
    return EventReceipt(
        index=index,
        key=key,
        state=receipt.state.value,
        code=refusal.code,
        detail=sentence_of(refusal),
        field=refusal.field or None,
    )


def _day(meter: Meter, day: date, quantities: Mapping[tuple[str, ...], Decimal]) -> DayUsage:
    return DayUsage(day=day.isoformat(), quantities=_quantities(meter, quantities))


def _quantities(meter: Meter, found: Mapping[tuple[str, ...], Decimal]) -> list[GroupQuantity]:
    return [
        GroupQuantity(group=dict(named_groups(meter.group_by, group)), quantity=decimal_text(quantity))
        for group, quantity in sorted(found.items())
    ]
