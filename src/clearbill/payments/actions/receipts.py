"""Receipts and refund confirmations by mail, one for each."""

from __future__ import annotations

from uuid import UUID

from clearbill.billing.actions.sending import portal_link
from clearbill.customers.queries import customer_by_id
from clearbill.mail.actions import enqueue
from clearbill.outbox.queries import FactRecord
from clearbill.payments.queries import attempts_of, payment_by_id
from clearbill.scope.ids import read_id

REFUND_DAYS = 10
"""How many days a bank may take to show a refund, as the mail says."""


def mail_receipt(fact: FactRecord) -> UUID | None:
    """Say that a payment arrived; None when the customer has no address."""
    payment = payment_by_id(read_id("payment", str(fact.data["payment"])))
    shares = list(payment.shares.select_related("invoice").order_by("id"))
    context = {
        "amount": fact.data["amount"],
        "numbers": ", ".join(share.invoice.number for share in shares),
        "method": fact.data["method"],
        "last4": payment.method.last4 if payment.method is not None else "",
        "day": payment.paid_at,
        "link": portal_link(shares[0].invoice_id),
    }
    reference = str(fact.data["attempt"])
    return _enqueue("receipt", payment.customer_id, context=context, key=f"receipt:{reference}", fact=fact)


def mail_refund(fact: FactRecord) -> UUID | None:
    """Say that money is on its way back, and when it arrives."""
    payment = payment_by_id(read_id("payment", str(fact.data["payment"])))
    last = attempts_of(payment.id).last()
    shares = payment.shares.order_by("id")
    context = {
        "amount": fact.data["amount"],
        "method": last.kind if last else "",
        "days": REFUND_DAYS,
        "link": portal_link(shares[0].invoice_id),
    }
    key = f"refund_sent:{fact.data['refund']}"
    return _enqueue("refund_sent", payment.customer_id, context=context, key=key, fact=fact)


def _enqueue(kind: str, customer_id: UUID, *, context: dict[str, object], key: str, fact: FactRecord) -> UUID | None:
    customer = customer_by_id(customer_id)
    if not customer.email:
        return None
    return enqueue(
        kind,
        customer_id=customer.id,
        recipient=customer.email,
        language=customer.locale,
        context={"customer_name": customer.name, **context},
        dedup_key=key,
        at=fact.at,
    )
