"""The audit trail: one row for whatever a person or key did, in the transaction that did it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from clearbill.scope.correlation import correlation_id
from clearbill.scope.ids import new_id
from clearbill.scope.seller import current_seller
from clearbill.sellers.models import AuditEntry


def record_audit(
    action: str, *, actor: str, at: datetime, object_id: str = "", data: Mapping[str, object] | None = None
) -> UUID:
    """Write a row in the running seller scope. ``data`` holds ids, codes and numbers, no personal data.

    ``actor`` is ``user:usr_…``, ``key:key_…``, ``cli`` or ``system``; ``action`` a verb such as
    ``api_key.revoke``.
    """
    row = AuditEntry.objects.create(
        id=new_id(at),
        seller_id=current_seller(),
        actor=actor,
        action=action,
        object_id=object_id,
        data=json.dumps(data or {}, sort_keys=True, separators=(",", ":"), ensure_ascii=False),
        correlation_id=correlation_id(),
        at=at,
    )
    return row.id
