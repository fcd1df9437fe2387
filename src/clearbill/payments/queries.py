"""Reads of the payments room."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db.models import QuerySet

from clearbill.core.errors import NotFound
from clearbill.core.payment import refundable
from clearbill.core.posting import CUSTOMER_CREDIT
from clearbill.ledger.queries import balances
from clearbill.payments.models import Attempt, GatewayAccount, Payment, PaymentMethod, Refund, Share

MAX_ROWS = 200


def payment_by_id(payment_id: UUID) -> Payment:
    """A payment with its customer. Raises NotFound ``payment_not_found``."""
    row = Payment.objects.filter(id=payment_id).select_related("customer", "method").first()
    if row is None:
        raise NotFound("payment_not_found", "There is no such payment.")
    return row


def payments_page(
    *, customer_id: UUID | None = None, states: Collection[str] = (), before: UUID | None = None, limit: int = 50
) -> list[Payment]:
    """Payments, newest first; of one customer, in some states, older than ``before``."""
    rows = Payment.objects.select_related("customer", "method").order_by("-id")
    if customer_id is not None:
        rows = rows.filter(customer_id=customer_id)
    if states:
        rows = rows.filter(state__in=states)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return list(rows[: min(limit, MAX_ROWS)])


def attempts_of(payment_id: UUID) -> QuerySet[Attempt]:
    """All tries of a payment with what became of them, oldest first."""
    return Attempt.objects.filter(payment_id=payment_id).select_related("state", "method", "account").order_by("id")


def attempt_in_progress(payment_id: UUID) -> Attempt | None:
    """The last try of a payment."""
    return attempts_of(payment_id).last()


def payments_of_invoice(invoice_id: UUID) -> list[Payment]:
    """Payments that were, or are, for an invoice, newest first."""
    rows = Payment.objects.filter(shares__invoice_id=invoice_id).select_related("customer", "method")
    return list(rows.order_by("-id")[:MAX_ROWS])


def methods_of(customer_id: UUID) -> list[PaymentMethod]:
    """The customer's stored ways to pay, the default one first."""
    rows = PaymentMethod.objects.filter(customer_id=customer_id, is_attached=True)
    return list(rows.order_by("-is_default", "-id")[:MAX_ROWS])


def takes_payments() -> bool:
    """Whether the running seller can take money online."""
    return GatewayAccount.objects.filter(is_active=True).exists()


def shares_of(payment_id: UUID) -> list[Share]:
    """Which invoices a payment is for, and how much of it."""
    return list(Share.objects.filter(payment_id=payment_id).select_related("invoice").order_by("id"))


def refunds_of(payment_id: UUID) -> list[Refund]:
    """What was sent back of a payment, oldest first."""
    return list(Refund.objects.filter(payment_id=payment_id).order_by("id"))


def refundable_now(payment: Payment) -> int:
    """What may go back of a payment: what was paid and isn't refunded, as far as the customer has credit, minor units."""
    credit = -balances(customer_id=payment.customer_id).get((CUSTOMER_CREDIT, payment.currency), 0)
    rest = refundable(captured_minor=payment.paid_minor, refunded_minor=payment.refunded_minor, disputed_minor=0)
    return max(min(rest, credit), 0)
