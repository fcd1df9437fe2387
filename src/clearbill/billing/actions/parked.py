"""Parked work: what the bill run couldn't bill, given back to it once somebody has mended the reason."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clearbill.billing.models import Parked
from clearbill.core.errors import Conflict, NotFound
from clearbill.scope.ids import show_id
from clearbill.sellers.actions import record_audit


def retry_parked(parked_id: UUID, *, at: datetime, actor: str) -> Parked:
    """Let the next bill run try again; parked anew when it still can't. Raises NotFound, Conflict ``parked_resolved``."""
    row = Parked.objects.select_for_update().filter(id=parked_id).first()
    if row is None:
        raise NotFound("parked_not_found", "There is no such parked bill.")
    if row.resolved_at is not None:
        raise Conflict("parked_resolved", "This bill isn't parked any more.")
    row.resolved_at = at
    row.save(update_fields=["resolved_at"])
    record_audit("parked.retry", object_id=show_id("subscription", row.subscription_id), actor=actor, at=at)
    return row
