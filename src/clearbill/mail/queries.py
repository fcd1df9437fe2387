"""Reads of the mail room, in the running seller scope: what was said to whom, and what became of it."""

from __future__ import annotations

from uuid import UUID

from clearbill.core.errors import NotFound
from clearbill.mail.models import Message

MAX_MESSAGES = 500


def messages(customer_id: UUID | None = None, *, limit: int = 50, before: UUID | None = None) -> list[Message]:
    """Messages, newest first; of one customer, or of all when ``customer_id`` is None."""
    rows = Message.objects.order_by("-id")
    if customer_id is not None:
        rows = rows.filter(customer_id=customer_id)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return list(rows[: max(1, min(limit, MAX_MESSAGES))])


def message_by_id(message_id: UUID) -> Message:
    """Raises NotFound ``message_not_found``."""
    row = Message.objects.filter(id=message_id).first()
    if row is None:
        raise NotFound("message_not_found", "There is no such message.")
    return row


def failed_messages(*, limit: int = 20) -> list[Message]:
    """Messages that were given up, newest first, without what they said."""
    return list(Message.objects.filter(state="failed").defer("text", "html").order_by("-id")[:limit])
