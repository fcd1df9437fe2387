"""Idempotency: the same key and input give the same answer again; the same key with another input is refused.

The record is written in the transaction that does the work, so a crash leaves either both or neither. Two requests at
once meet at an advisory lock of the key: the second waits, then reads the first one's answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from clearbill.core.errors import Conflict, Malformed
from clearbill.scope.ids import new_id
from clearbill.scope.models import IdempotencyRecord
from clearbill.scope.seller import seller_scope

MAX_KEY_LENGTH = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer as stored: HTTP status and body text. ``replayed`` says that nothing was done this time."""

    status: int
    body: str
    replayed: bool = False


def once(seller_id: UUID, key: str, *, operation: str, body: bytes, at: datetime, act: Callable[[], Answer]) -> Answer:
    """Do ``act`` once per (seller, key) and give its answer every time; all in one seller scope.

    Raises Conflict ``idempotency_key_reused`` when the key came with another operation or body before.
    """
    if not key or len(key) > MAX_KEY_LENGTH or not key.isprintable():
        raise Malformed(
            "idempotency_key_malformed",
            "Idempotency-Key must have 1 to {limit} printable characters.",
            limit=MAX_KEY_LENGTH,
        )
    digest = hashlib.sha256(operation.encode() + b"\0" + body).digest()
    with seller_scope(seller_id):
        _lock(seller_id, key)
        found = IdempotencyRecord.objects.filter(seller_id=seller_id, key=key).first()
        if found is not None:
            if bytes(found.input_hash) != digest:
                raise Conflict(
                    "idempotency_key_reused",
                    "This Idempotency-Key was used before with another request. Use a new key for a new request.",
                )
            return Answer(status=found.status, body=found.answer, replayed=True)
        answer = act()
        IdempotencyRecord.objects.create(
            id=new_id(at),
            seller_id=seller_id,
            key=key,
            operation=operation,
            input_hash=digest,
            status=answer.status,
            answer=answer.body,
            at=at,
        )
        return answer


def _lock(seller_id: UUID, key: str) -> None:
    number = int.from_bytes(hashlib.sha256(seller_id.bytes + key.encode()).digest()[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])
