"""Automatic collection: what became final is charged to the customer's default method, once, without anybody there."""

from __future__ import annotations

import logging
from datetime import datetime
from uuid import UUID

from clearbill.core.errors import Conflict
from clearbill.payments.actions.accounts import active_account
from clearbill.payments.actions.paying import Way, begin_payment, prepare, run_attempt
from clearbill.payments.models import Attempt, Payment, PaymentMethod
from clearbill.scope.ids import show_id
from clearbill.scope.seller import seller_scope

ACTOR = "system"

log = logging.getLogger("clearbill.payments")


def collect_invoice(seller_id: UUID, invoice_id: UUID, *, customer_id: UUID, at: datetime, now: datetime) -> bool:
    """Charge a final invoice by itself; False when there's no method for it, or somebody pays it already.

    Call it outside of a transaction. Doing it again changes nothing: the payment's key is the invoice.
    """
    with seller_scope(seller_id):
        attempt = _prepared(invoice_id, customer_id=customer_id, at=at, now=now)
    if attempt is None:
        return False
    run_attempt(seller_id, attempt.id, at=at, now=now)
    return True


def _prepared(invoice_id: UUID, *, customer_id: UUID, at: datetime, now: datetime) -> Attempt | None:
    method = PaymentMethod.objects.filter(customer_id=customer_id, is_default=True, is_attached=True).first()
    if method is None or active_account() is None:
        return None
    key = f"auto:{invoice_id}"
    if Payment.objects.filter(key=key).exists():
        return None
    try:
        payment = begin_payment([invoice_id], key=key, at=at)
        return prepare(
            payment.id, Way(kind=method.kind, method_id=method.id, off_session=True), by=ACTOR, at=at, now=now
        )
    except Conflict as refusal:
        log.info("not collected", extra={"invoice": show_id("invoice", invoice_id), "code": refusal.code})
        return None
