"""What became of an attempt, written down once, whoever tells it: the call's answer, an event, or a check.

News that an attempt's state doesn't allow changes nothing: early, late, doubled and reordered news are all boring.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from clearbill.billing.actions.settlement import apply_money, lock_states
from clearbill.core import posting
from clearbill.core.money import to_wire
from clearbill.core.payment import AttemptState as States
from clearbill.core.payment import PaymentEvent, PaymentState, attempt_may_become, next_payment_state
from clearbill.ledger.actions import Entry, post
from clearbill.outbox.actions import record_facts
from clearbill.payments.gateways.protocol import MethodDetails
from clearbill.payments.models import Attempt, AttemptState, Movement, Payment, PaymentMethod, Share
from clearbill.scope.ids import new_id, show_id

CHECKS = tuple(timedelta(seconds=seconds) for seconds in (60, 120, 300, 600, 1800, 3600, 3600, 7200))
WAITING = (States.PREPARED, States.PENDING, States.REQUIRES_ACTION, States.UNKNOWN, States.AUTHORIZED)
_EVENTS = {
    States.REQUIRES_ACTION: PaymentEvent.ACTION_NEEDED,
    States.AUTHORIZED: PaymentEvent.AUTHORIZED,
    States.SUCCEEDED: PaymentEvent.SUCCEEDED,
    States.FAILED: PaymentEvent.FAILED,
    States.NOT_SENT: PaymentEvent.FAILED,
    States.UNKNOWN: PaymentEvent.LOST_SIGHT,
    States.INTEGRITY_FAILURE: PaymentEvent.LOST_SIGHT,
}

log = logging.getLogger("clearbill.payments")


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What is known of an attempt now."""

    state: States
    code: str = ""
    advice: str = ""
    gateway_reference: str = ""
    amount_minor: int | None = None
    currency: str = ""
    action_url: str = ""
    qr: str = ""
    method: MethodDetails | None = None
    problem: str = ""


def record(attempt_id: UUID, news: News, *, at: datetime, now: datetime) -> bool:
    """Write down ``news``; whether it changed anything. In the caller's transaction, under the payment's lock."""
    attempt = Attempt.objects.select_related("account").get(id=attempt_id)
    payment = Payment.objects.select_for_update().get(id=attempt.payment_id)
    state = AttemptState.objects.select_for_update().get(attempt_id=attempt_id)
    news = _checked(news, attempt, state)
    if not attempt_may_become(States(state.state), news.state):
        schedule(state, now=now)
        return False
    before = States(state.state)
    _save_state(state, news, at=at, now=now)
    if before is news.state and news.state is not States.SUCCEEDED:
        return False
    if news.state is States.SUCCEEDED:
        _take_money(payment, attempt, news, at=at)
    elif _is_last(payment, attempt):
        _move(payment, news, attempt, at=at)
    return True


def schedule(state: AttemptState, *, now: datetime) -> None:
    """When to ask about an attempt again: later each time, never when it's final."""
    waits = States(state.state) in WAITING
    state.check_at = now + CHECKS[min(state.checks, len(CHECKS) - 1)] if waits else None
    state.checks += 1
    state.save(update_fields=["check_at", "checks"])


def _checked(news: News, attempt: Attempt, state: AttemptState) -> News:
    """Money of another amount than was asked for isn't a success, whatever the gateway calls it."""
    if news.amount_minor is None or (news.amount_minor, news.currency) == (attempt.amount_minor, attempt.currency):
        return news
    log.error("gateway names another amount", extra={"reference": attempt.reference, "amount": news.amount_minor})
    told_before = state.code == "integrity_failure"
    wrong = States.INTEGRITY_FAILURE if told_before else States.UNKNOWN
    return News(state=wrong, code="integrity_failure", gateway_reference=news.gateway_reference)


def _save_state(state: AttemptState, news: News, *, at: datetime, now: datetime) -> None:
    if news.state is not States(state.state):
        state.checks = 0
    state.state, state.code, state.advice = news.state, news.code, news.advice
    state.gateway_reference = news.gateway_reference or state.gateway_reference
    state.action_url, state.qr, state.at = news.action_url, news.qr, at
    state.save(update_fields=["state", "code", "advice", "gateway_reference", "action_url", "qr", "at", "checks"])
    schedule(state, now=now)
    if news.problem:
        log.warning("gateway", extra={"problem": news.problem, "attempt": show_id("payment", state.attempt_id)})


def _is_last(payment: Payment, attempt: Attempt) -> bool:
    """Old news of an earlier attempt says nothing about the payment."""
    return not Attempt.objects.filter(payment=payment, id__gt=attempt.id).exists()


def _move(payment: Payment, news: News, attempt: Attempt, *, at: datetime) -> None:
    event = _EVENTS.get(news.state)
    if event is None:
        return
    payment.state = next_payment_state(PaymentState(payment.state), event)
    payment.code = news.code
    payment.save(update_fields=["state", "code"])
    if event is PaymentEvent.FAILED:
        record_facts([("payment.failed", _fact(payment, attempt, code=news.code))], at=at)
    elif event is PaymentEvent.ACTION_NEEDED:
        record_facts([("payment.requires_action", _fact(payment, attempt, code=""))], at=at)


def _take_money(payment: Payment, attempt: Attempt, news: News, *, at: datetime) -> None:
    """The money is there: once for each attempt, on its invoices first, what is left as account credit."""
    Movement.objects.create(
        id=new_id(at),
        seller_id=payment.seller_id,
        payment=payment,
        kind="charge",
        cause=attempt.id,
        amount_minor=attempt.amount_minor,
        currency=attempt.currency,
        at=at,
    )
    left = _apply(payment, attempt, at=at)
    if left:
        into = posting.clearing(attempt.account.gateway)
        postings = posting.payment_received(0, left, into=into, currency=payment.currency)
        post([_entry(payment, attempt, postings, invoice_id=None, at=at)])
    payment.state = next_payment_state(PaymentState(payment.state), PaymentEvent.SUCCEEDED)
    payment.paid_minor += attempt.amount_minor
    payment.paid_at, payment.code = at, ""
    payment.method = _keep(payment, attempt, news.method, at=at) or payment.method
    payment.save(update_fields=["state", "paid_minor", "paid_at", "code", "method"])
    record_facts([("payment.succeeded", _fact(payment, attempt, code=""))], at=at)


def _apply(payment: Payment, attempt: Attempt, *, at: datetime) -> int:
    """Put the money on the shares' invoices; returns what is left over."""
    shares = list(Share.objects.filter(payment=payment).order_by("id"))
    states = lock_states([share.invoice_id for share in shares])
    left = attempt.amount_minor
    into = posting.clearing(attempt.account.gateway)
    for share in shares:
        part = min(left, share.amount_minor - share.applied_minor, states[share.invoice_id].due_minor)
        share.applied_minor += part
        share.is_over = True
        share.save(update_fields=["applied_minor", "is_over"])
        if part:
            apply_money(states[share.invoice_id], part, at=at)
            postings = posting.payment_received(part, 0, into=into, currency=payment.currency)
            post([_entry(payment, attempt, postings, invoice_id=share.invoice_id, at=at)])
            left -= part
    return left


def _entry(
    payment: Payment, attempt: Attempt, postings: list[posting.Posting], *, invoice_id: UUID | None, at: datetime
) -> Entry:
    return Entry(
        fact="payment_succeeded",
        ref=attempt.reference,
        at=at,
        postings=postings,
        customer_id=payment.customer_id,
        invoice_id=invoice_id,
    )


def _keep(payment: Payment, attempt: Attempt, details: MethodDetails | None, *, at: datetime) -> PaymentMethod | None:
    """Remember the method when the payer asked for it; the first one is used for what falls due later."""
    if details is None or not details.token or not attempt.keep_method:
        return None
    has_default = PaymentMethod.objects.filter(customer_id=payment.customer_id, is_default=True).exists()
    row, _made = PaymentMethod.objects.get_or_create(
        account=attempt.account,
        token=details.token,
        defaults={
            "id": new_id(at),
            "seller_id": payment.seller_id,
            "customer_id": payment.customer_id,
            "kind": details.kind.value,
            "brand": details.brand,
            "last4": details.last4,
            "funding": details.funding,
            "expires_year": details.expires_year,
            "expires_month": details.expires_month,
            "is_default": not has_default,
            "created_at": at,
        },
    )
    return row


def _fact(payment: Payment, attempt: Attempt, *, code: str) -> dict[str, object]:
    invoices = payment.shares.order_by("id").values_list("invoice_id", flat=True)
    return {
        "payment": show_id("payment", payment.id),
        "attempt": attempt.reference,
        "customer": show_id("customer", payment.customer_id),
        "invoices": [show_id("invoice", invoice_id) for invoice_id in invoices],
        "amount": to_wire(attempt.amount_minor, attempt.currency),
        "method": attempt.kind,
        "off_session": attempt.is_off_session,
        "code": code,
    }
