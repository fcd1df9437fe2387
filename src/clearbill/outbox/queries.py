"""Reads of the facts, in the running seller scope."""

from __future__ import annotations

from uuid import UUID

from clearbill.core.errors import NotFound
from clearbill.outbox.models import Fact

MAX_PAGE = 100


def facts_page(*, type_: str = "", before: UUID | None = None, limit: int = 50) -> list[Fact]:
    """Facts, newest first, those before ``before``; of one type, when it's given."""
    rows = Fact.objects.order_by("-id")
    if type_:
        rows = rows.filter(type=type_)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return list(rows[: min(limit, MAX_PAGE)])


def fact_by_id(fact_id: UUID) -> Fact:
    """Raises NotFound ``event_not_found``."""
    found = Fact.objects.filter(id=fact_id).first()
    if found is None:
        raise NotFound("event_not_found", "There is no such event.")
    return found
