"""Reads of the outbox, in the running seller scope."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from clearbill.core.errors import NotFound
from clearbill.outbox.models import Fact

MAX_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class FactRecord:
    """A fact as it's handed on. ``data`` holds ids and numbers, no personal data."""

    id: UUID
    seller_id: UUID
    type: str
    version: int
    at: datetime
    data: Mapping[str, object]
    correlation_id: str


def facts_by_ids(fact_ids: Collection[UUID]) -> list[FactRecord]:
    """Those of ``fact_ids`` that are there, in the order in which they became true."""
    return [_record(row) for row in Fact.objects.filter(id__in=fact_ids).order_by("id")]


def facts_page(*, type_: str = "", before: UUID | None = None, limit: int = 50) -> list[FactRecord]:
    """Facts, newest first, those before ``before``; of one type, when it's given."""
    rows = Fact.objects.order_by("-id")
    if type_:
        rows = rows.filter(type=type_)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return [_record(row) for row in rows[: min(limit, MAX_PAGE)]]


def fact_by_id(fact_id: UUID) -> FactRecord:
    """Raises NotFound ``event_not_found``."""
    found = facts_by_ids([fact_id])
    if not found:
        raise NotFound("event_not_found", "There is no such event.")
    return found[0]


def _record(row: Fact) -> FactRecord:
    return FactRecord(
        id=row.id,
        seller_id=row.seller_id,
        type=row.type,
        version=row.version,
        at=row.at,
        data=json.loads(row.data),
        correlation_id=row.correlation_id,
    )
