"""Money back: out of the customer's account credit, by the way it came. Written, called, recorded, like a payment."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from clearbill.core import posting
from clearbill.core.errors import Conflict, Unacceptable
from clearbill.core.money import to_wire
from clearbill.core.payment import refundable
from clearbill.ledger.actions import Entry, post
from clearbill.ledger.queries import balances
from clearbill.outbox.actions import record_facts
from clearbill.payments.actions.accounts import gateway_of
from clearbill.payments.actions.paying import locked
from clearbill.payments.gateways.protocol import Declined, GatewayError, RefundAnswer, RefundOrder, Result, Unknown
from clearbill.payments.models import Attempt, Movement, Refund
from clearbill.scope.ids import new_id, show_id
from clearbill.scope.seller import seller_scope
from clearbill.sellers.actions import record_audit

FIRST_CHECK = timedelta(seconds=60)
CHECK_AGAIN = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
_FINAL = {Result.SUCCEEDED: "succeeded", Result.FAILED: "failed"}


def prepare_refund(payment_id: UUID, amount_minor: int, *, by: str, at: datetime, now: datetime) -> Refund:
    """Write a refund of account credit that was paid by ``payment_id``; ``run_refund`` sends it.

    Raises Unacceptable ``amount_not_positive``, Conflict ``refund_exceeds_payment``, ``refund_exceeds_credit``.
    """
    payment = locked(payment_id)
    if amount_minor <= 0:
        raise Unacceptable("amount_not_positive", "The amount must be above zero.", field="amount")
    rest = refundable(captured_minor=payment.paid_minor, refunded_minor=payment.refunded_minor, disputed_minor=0)
    if amount_minor > rest:
        raise Conflict("refund_exceeds_payment", "More can't go back than was paid and not refunded yet.")
    credit = -balances(customer_id=payment.customer_id).get((posting.CUSTOMER_CREDIT, payment.currency), 0)
    if amount_minor > credit:
        raise Conflict("refund_exceeds_credit", "Only account credit can be sent back. Give a credit note first.")
    attempt = _paid_by(payment.id)
    payment.refunded_minor += amount_minor
    payment.save(update_fields=["refunded_minor"])
    identity = new_id(at)
    row = Refund.objects.create(
        id=identity,
        seller_id=payment.seller_id,
        payment=payment,
        attempt=attempt,
        reference=show_id("refund", identity),
        amount_minor=amount_minor,
        currency=payment.currency,
        state="pending",
        check_at=now + FIRST_CHECK,
        by=by,
        at=at,
    )
    _post(row, posting.credit_to_refund(amount_minor, currency=payment.currency), fact="refund_started", at=at)
    data = {"amount": to_wire(amount_minor, payment.currency)}
    record_audit("refund.start", object_id=row.reference, data=data, actor=by, at=at)
    return row


def run_refund(seller_id: UUID, refund_id: UUID, *, at: datetime, now: datetime) -> None:
    """Ask the gateway to send a refund, and record what it says. Call it outside of a transaction; again is harmless."""
    with seller_scope(seller_id):
        row = Refund.objects.select_related("attempt__account", "attempt__state").get(id=refund_id)
        if row.state not in ("pending", "unknown"):
            return
        gateway = gateway_of(row.attempt.account)
        order = RefundOrder(
            reference=row.reference,
            idempotency_key=row.reference,
            gateway_reference=row.attempt.state.gateway_reference,
            amount_minor=row.amount_minor,
            currency=row.currency,
            at=row.at,
        )
    answer: RefundAnswer | None = None
    try:
        answer = gateway.refund(order)
    except Declined as declined:
        answer = RefundAnswer(
            result=Result.FAILED,
            gateway_reference="",
            amount_minor=order.amount_minor,
            currency=order.currency,
            code=declined.code,
        )
    except GatewayError as problem:
        with seller_scope(seller_id):
            _later(refund_id, state="unknown" if isinstance(problem, Unknown) else "pending", now=now)
        return
    with seller_scope(seller_id):
        record_refund(refund_id, answer, at=at, now=now)


def record_refund(refund_id: UUID, answer: RefundAnswer, *, at: datetime, now: datetime) -> bool:
    """Write down what became of a refund; whether it changed anything."""
    payment = locked(Refund.objects.values_list("payment_id", flat=True).get(id=refund_id))
    row = Refund.objects.select_for_update().get(id=refund_id)
    if row.state in ("succeeded", "failed"):
        return False
    state = _FINAL.get(answer.result)
    if state is None or answer.amount_minor != row.amount_minor:
        _later(refund_id, state="unknown" if state else row.state, now=now)
        return False
    row.state, row.code, row.check_at, row.done_at = state, answer.code, None, at
    row.save(update_fields=["state", "code", "check_at", "done_at"])
    if state == "succeeded":
        Movement.objects.create(
            id=new_id(at),
            seller_id=row.seller_id,
            payment=payment,
            kind="refund",
            cause=row.id,
            amount_minor=row.amount_minor,
            currency=row.currency,
            at=at,
        )
        out_of = posting.clearing(row.attempt.account.gateway)
        _post(
            row, posting.refund_sent(row.amount_minor, out_of=out_of, currency=row.currency), fact="refund_sent", at=at
        )
    else:
        payment.refunded_minor -= row.amount_minor
        payment.save(update_fields=["refunded_minor"])
        back = posting.reverse(posting.credit_to_refund(row.amount_minor, currency=row.currency))
        _post(row, back, fact="refund_failed", at=at)
    record_facts([(f"refund.{state}", _fact(row))], at=at)
    return True


def refunds_due(seller_id: UUID, *, at: datetime, now: datetime) -> int:
    """Ask again for refunds whose outcome isn't known by ``now``; returns how many."""
    with seller_scope(seller_id):
        ids = list(Refund.objects.filter(check_at__lte=now).order_by("check_at").values_list("id", flat=True)[:100])
    for refund_id in ids:
        run_refund(seller_id, refund_id, at=at, now=now)
    return len(ids)


def _paid_by(payment_id: UUID) -> Attempt:
    """The attempt that the money came by."""
    found = Attempt.objects.filter(payment_id=payment_id, state__state="succeeded").select_related("account")
    return found.order_by("id")[0]


def _later(refund_id: UUID, *, state: str, now: datetime) -> None:
    row = Refund.objects.select_for_update().get(id=refund_id)
    row.state = state
    row.check_at = now + CHECK_AGAIN[min(row.checks, len(CHECK_AGAIN) - 1)]
    row.checks += 1
    row.save(update_fields=["state", "check_at", "checks"])


def _post(row: Refund, postings: list[posting.Posting], *, fact: str, at: datetime) -> None:
    entry = Entry(fact=fact, ref=row.reference, at=at, postings=postings, customer_id=row.payment.customer_id)
    post([entry])


def _fact(row: Refund) -> dict[str, object]:
    return {
        "refund": row.reference,
        "payment": show_id("payment", row.payment_id),
        "customer": show_id("customer", row.payment.customer_id),
        "amount": to_wire(row.amount_minor, row.currency),
        "code": row.code,
    }
