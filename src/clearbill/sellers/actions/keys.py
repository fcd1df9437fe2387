"""API keys: made, shown once, revoked. Only the hash is kept."""

from __future__ import annotations

import hashlib
import secrets
import string
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from clearbill.core.errors import Conflict, NotFound, Unacceptable
from clearbill.scope.ids import new_id, show_id
from clearbill.scope.seller import seller_scope
from clearbill.sellers.actions.audit import record_audit
from clearbill.sellers.models import ApiKey
from clearbill.sellers.queries import seller_by_id
from clearbill.sellers.roles import demand_grant

MAX_KEYS = 100
MAX_NAME_LENGTH = 120
SECRET_LENGTH = 40
_BASE62 = string.digits + string.ascii_letters


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key just made; ``text`` is the only time that it's seen."""

    id: UUID
    text: str


def create_key(
    seller_id: UUID,
    *,
    name: str,
    granter: str,
    actor: str,
    at: datetime,
    role: str = "developer",
    created_by: UUID | None = None,
) -> NewKey:
    """A new key for ``cb_live_…`` or ``cb_test_…``, as the seller is. ``granter`` is the role of who asks.

    Raises Denied ``role_above_own``, Unacceptable ``unknown_role`` or ``key_name``, Conflict
    ``too_many_keys``.
    """
    demand_grant(granter, role)
    name = name.strip()
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise Unacceptable(
            "key_name",
            "Give the key a name of 1 to {limit} characters that says where it's used.",
            field="name",
            limit=MAX_NAME_LENGTH,
        )
    with seller_scope(seller_id):
        seller = seller_by_id(seller_id)
        if ApiKey.objects.filter(seller_id=seller_id, revoked_at__isnull=True).count() >= MAX_KEYS:
            raise Conflict(
                "too_many_keys", "There are {limit} keys already. Revoke one that isn't used.", limit=MAX_KEYS
            )
        secret = "".join(secrets.choice(_BASE62) for _ in range(SECRET_LENGTH))
        text = f"cb_{'test' if seller.is_test else 'live'}_{secret}"
        key = ApiKey.objects.create(
            id=new_id(at),
            seller_id=seller_id,
            name=name,
            secret_hash=hashlib.sha256(text.encode()).digest(),
            last_four=text[-4:],
            role=role,
            created_by_id=created_by,
            created_at=at,
        )
        record_audit("api_key.create", actor=actor, at=at, object_id=show_id("api_key", key.id), data={"role": role})
    return NewKey(id=key.id, text=text)


def revoke_key(seller_id: UUID, *, key_id: UUID, actor: str, at: datetime) -> None:
    """Make a key worthless from now on. Raises NotFound ``api_key_not_found``; revoking twice changes
    nothing.
    """
    with seller_scope(seller_id):
        key = ApiKey.objects.select_for_update().filter(id=key_id, seller_id=seller_id).first()
        if key is None:
            raise NotFound("api_key_not_found", "There is no such key.")
        if key.revoked_at is not None:
            return
        key.revoked_at = at
        key.save(update_fields=["revoked_at"])
        record_audit("api_key.revoke", actor=actor, at=at, object_id=show_id("api_key", key.id))
