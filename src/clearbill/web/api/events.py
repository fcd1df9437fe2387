"""Events: the facts that became true at a seller, in the one form that webhooks will have too."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import Field

from clearbill.outbox import queries
from clearbill.outbox.queries import FactRecord
from clearbill.scope.ids import read_id, show_id
from clearbill.web.api.doors import reads
from clearbill.web.api.shapes import (
    Asked,
    Cursor,
    InstantText,
    Limit,
    Page,
    Shown,
    instant_text,
    page_of,
    read_cursor,
)

router = Router(tags=["Events"])


class Event(Shown):
    """A fact. `data` holds ids and numbers, no personal data."""

    id: str = Field(examples=["fct_01jh7q2v8s1k8m5c4w2x6y9z3b"])
    type: str = Field(examples=["invoice.finalized"])
    version: int = Field(description="Of the shape of `data`.")
    seller: str = Field(examples=["sel_01jh7q2v8s1k8m5c4w2x6y9z3b"])
    at: InstantText
    data: dict[str, Any]


class EventsAsked(Asked):
    """Which events."""

    type: str | None = Field(None, max_length=64, examples=["invoice.finalized"])
    cursor: Cursor | None = None
    limit: Limit = 50


@reads(router, "/events", gives=Page[Event])
def list_events(request: HttpRequest, asked: Query[EventsAsked]) -> Page[Event]:
    """List events, newest first."""
    rows = queries.facts_page(type_=asked.type or "", before=read_cursor("fact", asked.cursor), limit=asked.limit)
    return page_of(rows, limit=asked.limit, show=_show, cursor=lambda row: show_id("fact", row.id))


@reads(router, "/events/{event_id}", gives=Event)
def get_event(request: HttpRequest, event_id: str) -> Event:
    """Get an event."""
    return _show(queries.fact_by_id(read_id("fact", event_id)))


def _show(row: FactRecord) -> Event:
    return Event(
        id=show_id("fact", row.id),
        type=row.type,
        version=row.version,
        seller=show_id("seller", row.seller_id),
        at=instant_text(row.at),
        data=dict(row.data),
    )
