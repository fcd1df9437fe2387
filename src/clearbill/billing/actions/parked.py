"""Parked work: what the bill run couldn't bill waits here, till somebody has mended the reason and gives it back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from clearbill.billing.actions.drafts import locked_drafts, subscription_in
from clearbill.billing.models import Parked, Subscription
from clearbill.core.errors import Conflict, NotFound
from clearbill.scope.ids import new_id, show_id
from clearbill.scope.seller import current_seller
from clearbill.sellers.actions import record_audit


def park(customer_id: UUID, *, horizon: datetime, problem: Exception, at: datetime) -> None:
    """Let what is due of a customer up to ``horizon`` wait: subscriptions, and drafts with the first of theirs."""
    code = getattr(problem, "code", None) or type(problem).__name__
    reason = {"code": str(code)[:64], "problem": str(problem)[:2000], "at": at}
    for row in Subscription.objects.filter(customer_id=customer_id, due_at__lte=horizon):
        _park(row.id, due_at=row.due_at, reason=reason)
    for draft in locked_drafts([customer_id], horizon=horizon):
        draft.parked = _park(subscription_in(draft), due_at=draft.finalize_at, reason=reason)
        draft.save(update_fields=["parked"])


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


def _park(subscription_id: UUID, *, due_at: datetime, reason: Mapping[str, Any]) -> Parked:
    row, _is_new = Parked.objects.get_or_create(
        subscription_id=subscription_id,
        resolved_at=None,
        defaults={"id": new_id(reason["at"]), "seller_id": current_seller(), "due_at": due_at, **reason},
    )
    return row
