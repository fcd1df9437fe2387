"""The inbox: a gateway's event is verified, saved once, answered, and worked on afterwards under the payment's lock.

Doubled, late, early, reordered and foreign events are boring: they're kept, and change what the state allows.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from clearbill.core.errors import Denied, NotFound
from clearbill.payments.actions.accounts import gateway_of
from clearbill.payments.actions.paying import news_of
from clearbill.payments.actions.recording import record
from clearbill.payments.actions.refunds import record_refund
from clearbill.payments.gateways.protocol import EventRefused, RefundAnswer
from clearbill.payments.models import Attempt, GatewayAccount, GatewayEvent, Refund
from clearbill.scope.ids import new_id
from clearbill.scope.seller import seller_scope

BATCH = 100
MAX_BODY = 256 * 1024

log = logging.getLogger("clearbill.payments")


def take_event(seller_id: UUID, account_id: UUID, headers: Mapping[str, str], body: bytes, *, now: datetime) -> bool:
    """Save a gateway's event; False when it was there already. Raises NotFound, Denied ``event_refused``."""
    with seller_scope(seller_id):
        account = GatewayAccount.objects.filter(id=account_id).first()
        if account is None:
            raise NotFound("not_found", "There is nothing at this address.")
        try:
            event = gateway_of(account).parse_event(headers, body, at=now)
        except EventRefused as refused:
            log.warning("event refused", extra={"reason": refused.reason, "account_id": str(account_id)})
            raise Denied("event_refused", "This isn't an event of the gateway.") from None
        row = GatewayEvent(
            id=new_id(now),
            seller_id=seller_id,
            account=account,
            event_id=event.id,
            kind=event.kind,
            reference=event.reference,
            body=body.decode(),
            received_at=now,
        )
        GatewayEvent.objects.bulk_create([row], ignore_conflicts=True)
        return GatewayEvent.objects.filter(id=row.id).exists()


def work_off_events(seller_id: UUID, *, at: datetime, now: datetime) -> int:
    """Work on what waits in the inbox, the oldest first; returns how many events."""
    with seller_scope(seller_id):
        waiting = list(
            GatewayEvent.objects.filter(done_at__isnull=True).order_by("id").values_list("id", flat=True)[:BATCH]
        )
    for event_id in waiting:
        with seller_scope(seller_id):
            row = GatewayEvent.objects.select_for_update().select_related("account").get(id=event_id)
            if row.done_at is None:
                row.outcome = _work_on(row, at=at, now=now)
                row.done_at = now
                row.save(update_fields=["outcome", "done_at"])
    return len(waiting)


def _work_on(row: GatewayEvent, *, at: datetime, now: datetime) -> str:
    event = gateway_of(row.account).read_event(row.body.encode()).answer
    if event is None:
        return "ignored"
    if isinstance(event, RefundAnswer):
        refund = Refund.objects.filter(reference=row.reference, attempt__account=row.account).first()
        if refund is None:
            return "parked"
        return "done" if record_refund(refund.id, event, at=at, now=now) else "ignored"
    attempt = Attempt.objects.filter(reference=row.reference, account=row.account).first()
    if attempt is None:
        return "parked"
    return "done" if record(attempt.id, news_of(event), at=at, now=now) else "ignored"
