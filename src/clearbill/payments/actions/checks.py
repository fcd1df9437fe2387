"""Asking again: attempts whose outcome we don't know, and pages that a payer left.

By reference first. One that the gateway never heard of is asked for with the same key: if the first call is only slow, both
give the same answer. Nothing is ever called failed because of waiting.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clearbill.core.payment import AttemptState as States
from clearbill.payments.actions.accounts import gateway_of
from clearbill.payments.actions.paying import ask, news_of, order_of
from clearbill.payments.actions.recording import News, record, schedule
from clearbill.payments.gateways.protocol import Gateway, GatewayError, Order
from clearbill.payments.models import Attempt, AttemptState
from clearbill.scope.seller import seller_scope

BATCH = 100


def check_due(seller_id: UUID, *, at: datetime, now: datetime) -> int:
    """Check what is due to be checked by ``now``; returns how many attempts changed."""
    with seller_scope(seller_id):
        due = AttemptState.objects.filter(check_at__lte=now).order_by("check_at").values_list("attempt_id", flat=True)
        ids = list(due[:BATCH])
    return sum(check(seller_id, attempt_id, at=at, now=now) for attempt_id in ids)


def check(seller_id: UUID, attempt_id: UUID, *, at: datetime, now: datetime) -> bool:
    """Ask the gateway about one attempt; whether that changed anything. Call it outside of a transaction."""
    with seller_scope(seller_id):
        attempt = Attempt.objects.select_related("account", "method", "payment", "state").get(id=attempt_id)
        if attempt.state.check_at is None:
            return False
        gateway, order = gateway_of(attempt.account), order_of(attempt)
        may_repeat = now - attempt.at < gateway.capabilities.replay_window
        state = States(attempt.state.state)
    news = _find(gateway, order, repeat=may_repeat and state in (States.PREPARED, States.UNKNOWN), at=at)
    with seller_scope(seller_id):
        if news is None:
            schedule(AttemptState.objects.select_for_update().get(attempt_id=attempt_id), now=now)
            return False
        return record(attempt_id, news, at=at, now=now)


def close_pages(seller_id: UUID, payment_id: UUID, *, at: datetime, now: datetime) -> None:
    """End the pages of a payment that wait for their payer, so that another way can be chosen without paying twice."""
    with seller_scope(seller_id):
        waiting = Attempt.objects.filter(payment_id=payment_id, state__state=States.REQUIRES_ACTION)
        attempts = [(each.id, each.reference, gateway_of(each.account)) for each in waiting.select_related("account")]
    for attempt_id, reference, gateway in attempts:
        try:
            answer = gateway.void(reference, at=at)
        except GatewayError:
            continue  # it stays in flight, and a new attempt is refused for now
        if answer is not None:
            with seller_scope(seller_id):
                record(attempt_id, news_of(answer), at=at, now=now)


def _find(gateway: Gateway, order: Order, *, repeat: bool, at: datetime) -> News | None:
    """What the gateway knows; None when it can't be said now."""
    try:
        found = gateway.find_by_reference(order.reference, at=at)
    except GatewayError:
        return None
    if found is not None:
        return news_of(found)
    if not repeat:
        return None
    news = ask(gateway, order)
    return None if news.state in (States.UNKNOWN, States.NOT_SENT) else news
