"""Looks at a customer's billing, written down: who looked at what is itself part of the audit trail."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest

from clearbill.scope.ids import show_id
from clearbill.sellers.actions import record_audit


def record_look(request: HttpRequest, kind: str, object_id: UUID, *, how: str = "view") -> None:
    """Write that the person of the request looked at an object: ``customer.view``, ``invoice.view`` and so on."""
    record_audit(f"{kind}.{how}", object_id=show_id(kind, object_id), actor=request.actor, at=request.at)
