"""A payment from its beginning to what became of it: begin, attempt, call, record.

``begin_payment`` and ``prepare`` run in the caller's transaction; ``run_attempt`` calls the gateway outside of any and
records the outcome in one of its own. Killed between any two of them, ``checks`` finds the attempt and asks the gateway
again with the same key. Locks are taken in one order: payments, then invoices.
``at`` is the seller's time, ``now`` the machine's: when to ask a gateway again isn't business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction

from clearbill.billing.actions.settlement import lock_states
from clearbill.billing.models import Invoice
from clearbill.billing.queries.invoices import invoice_by_id
from clearbill.core.errors import Conflict, NotFound
from clearbill.core.payment import AttemptState as States
from clearbill.core.payment import PaymentEvent, PaymentState, blocks_new_attempt, next_payment_state
from clearbill.payments.actions.accounts import gateway_of, needed_account
from clearbill.payments.actions.recording import News, record
from clearbill.payments.gateways.protocol import (
    Answer,
    Declined,
    Gateway,
    MethodKind,
    Misconfigured,
    Order,
    Retryable,
    Unknown,
)
from clearbill.payments.models import Attempt, AttemptState, Payment, PaymentMethod, Share
from clearbill.scope.ids import new_id, show_id
from clearbill.scope.seller import current_seller, seller_scope

FIRST_CHECK = timedelta(seconds=60)  # longer than a call may take
MAX_INVOICES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How somebody pays: a stored method, or a kind for which the payer comes to a page."""

    kind: str
    method_id: UUID | None = None
    keep: bool = False
    off_session: bool = False
    return_url: str = ""
    language: str = "en"


def begin_payment(invoice_ids: Sequence[UUID], *, key: str, at: datetime) -> Payment:
    """The payment of what is open of one customer's invoices; the running one when there is one for exactly these.

    Raises Conflict ``nothing_to_pay``, ``several_payers``, and ``payment_in_flight`` when another may take money for them.
    """
    running = _running(invoice_ids)
    states = lock_states(list(invoice_ids))
    rows = [invoice_by_id(invoice_id) for invoice_id in invoice_ids]
    if len({(row.customer_id, row.currency) for row in rows}) != 1 or len(rows) > MAX_INVOICES:
        raise Conflict("several_payers", "One payment is for invoices of one customer in one currency.")
    dues = {row.id: states[row.id].due_minor for row in rows if states[row.id].status == "open"}
    dues = {invoice_id: minor for invoice_id, minor in dues.items() if minor > 0}
    if not dues:
        raise Conflict("nothing_to_pay", "There is nothing left to pay.")
    for each in running:
        if dict(each.shares.values_list("invoice_id", "amount_minor")) == dues:
            return each
        cancel(each)
    try:
        with transaction.atomic():
            return _make(rows[0], dues, key=key, at=at)
    except IntegrityError:
        raise _in_flight() from None


def _running(invoice_ids: Sequence[UUID]) -> list[Payment]:
    """Payments of these invoices that aren't over, locked."""
    ids = Share.objects.filter(invoice_id__in=invoice_ids, is_over=False).values_list("payment_id", flat=True)
    return list(Payment.objects.select_for_update().filter(id__in=list(ids)).order_by("id"))


def _make(first: Invoice, dues: Mapping[UUID, int], *, key: str, at: datetime) -> Payment:
    payment = Payment.objects.create(
        id=new_id(at),
        seller_id=current_seller(),
        customer_id=first.customer_id,
        key=key,
        currency=first.currency,
        amount_minor=sum(dues.values()),
        state=PaymentState.REQUIRES_METHOD,
        created_at=at,
    )
    for invoice_id, minor in dues.items():
        Share.objects.create(
            id=new_id(at),
            seller_id=payment.seller_id,
            payment=payment,
            invoice_id=invoice_id,
            amount_minor=minor,
        )
    return payment


def cancel(payment: Payment) -> None:
    """Give a payment up. Raises Conflict ``payment_in_flight`` when it may still take money."""
    row = locked(payment.id)
    refuse_in_flight(row)
    row.state = next_payment_state(PaymentState(row.state), PaymentEvent.CANCELED)
    row.save(update_fields=["state"])
    row.shares.update(is_over=True)


def locked(payment_id: UUID) -> Payment:
    """The payment, locked till the end of the transaction. Raises NotFound ``payment_not_found``."""
    row = Payment.objects.select_for_update().filter(id=payment_id).first()
    if row is None:
        raise NotFound("payment_not_found", "There is no such payment.")
    return row


def refuse_in_flight(payment: Payment) -> None:
    """Raises Conflict ``payment_in_flight`` when an attempt may still take money; a payer at a page counts too."""
    states = [
        States(state) for state in AttemptState.objects.filter(attempt__payment=payment).values_list("state", flat=True)
    ]
    if States.REQUIRES_ACTION in states or any(blocks_new_attempt(state) for state in states):
        raise _in_flight()


def _in_flight() -> Conflict:
    return Conflict("payment_in_flight", "A payment for this is under way. Wait a moment, then look again.")


def prepare(payment_id: UUID, way: Way, *, by: str, at: datetime, now: datetime) -> Attempt:
    """Save an attempt before its call. Raises Conflict ``payment_in_flight``, ``payment_state``, ``no_gateway``."""
    payment = locked(payment_id)
    refuse_in_flight(payment)
    account = needed_account()
    method = None
    if way.method_id is not None:
        chosen = PaymentMethod.objects.filter(id=way.method_id, customer_id=payment.customer_id, is_attached=True)
        method = chosen.select_related("account").first()
        if method is None:
            raise NotFound("method_not_found", "There is no such way to pay.")
        account = method.account
    state = next_payment_state(PaymentState(payment.state), PaymentEvent.METHOD_CHOSEN)
    payment.state = next_payment_state(state, PaymentEvent.STARTED)
    payment.method, payment.method_kind, payment.code = method, way.kind, ""
    payment.save(update_fields=["state", "method", "method_kind", "code"])
    identity = new_id(at)
    attempt = Attempt.objects.create(
        id=identity,
        seller_id=payment.seller_id,
        payment=payment,
        account=account,
        method=method,
        reference=show_id("payment", identity),
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        kind=way.kind,
        is_off_session=way.off_session,
        keep_method=way.keep,
        return_url=way.return_url,
        language=way.language,
        by=by,
        at=at,
    )
    AttemptState.objects.create(
        attempt=attempt, seller_id=payment.seller_id, state=States.PREPARED, check_at=now + FIRST_CHECK, at=at
    )
    return attempt


def run_attempt(seller_id: UUID, attempt_id: UUID, *, at: datetime, now: datetime) -> None:
    """Call the gateway for a prepared attempt, and record what it says. Call it outside of a transaction."""
    with seller_scope(seller_id):
        attempt = Attempt.objects.select_related("account", "method", "payment").get(id=attempt_id)
        gateway, order = gateway_of(attempt.account), order_of(attempt)
    news = ask(gateway, order)
    with seller_scope(seller_id):
        record(attempt_id, news, at=at, now=now)


def order_of(attempt: Attempt) -> Order:
    """What the gateway is asked for; always the same for an attempt, so that its key may be used again."""
    numbers = ", ".join(attempt.payment.shares.order_by("id").values_list("invoice__number", flat=True))
    return Order(
        reference=attempt.reference,
        idempotency_key=attempt.reference,
        amount_minor=attempt.amount_minor,
        currency=attempt.currency,
        method=MethodKind(attempt.kind),
        token=attempt.method.token if attempt.method is not None else "",
        off_session=attempt.is_off_session,
        keep_method=attempt.keep_method,
        return_url=attempt.return_url,
        description=numbers[:200],
        language=attempt.language,
        at=attempt.at,
    )


def ask(gateway: Gateway, order: Order) -> News:
    """Charge, in the words of an attempt's states."""
    try:
        return news_of(gateway.charge(order))
    except Declined as declined:
        return News(
            state=States.FAILED,
            code=declined.code,
            advice=declined.advice,
            gateway_reference=declined.gateway_reference,
        )
    except (Retryable, Misconfigured) as problem:
        return News(state=States.NOT_SENT, code="gateway_unreachable", problem=str(problem))
    except Unknown as problem:
        return News(state=States.UNKNOWN, problem=str(problem))


def news_of(answer: Answer) -> News:
    """A gateway's answer as news about an attempt."""
    return News(
        state=States(answer.result.value),
        code=answer.code,
        advice=answer.advice,
        gateway_reference=answer.gateway_reference,
        amount_minor=answer.amount_minor,
        currency=answer.currency,
        action_url=answer.action_url,
        qr=answer.qr,
        method=answer.method,
    )
