"""States of payments and attempts over all pairs, and money spread over invoices to the cent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearbill.core.errors import Conflict, Unacceptable
from clearbill.core.payment import (
    ATTEMPT_TRANSITIONS,
    AttemptState,
    OpenInvoice,
    PaymentEvent,
    PaymentState,
    allocate_payment,
    attempt_may_become,
    blocks_new_attempt,
    next_payment_state,
    refundable,
)

DAY = datetime(2025, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(("state", "event"), list(product(PaymentState, PaymentEvent)))
def test_every_event_has_its_place_in_every_state(state: PaymentState, event: PaymentEvent) -> None:
    try:
        following = next_payment_state(state, event)
    except Conflict as refused:
        assert refused.code == "payment_state"
        return
    if event is PaymentEvent.SUCCEEDED:
        assert following is PaymentState.SUCCEEDED
    if state is PaymentState.SUCCEEDED:
        assert following is PaymentState.SUCCEEDED
    if event is PaymentEvent.LOST_SIGHT and state not in (PaymentState.SUCCEEDED, PaymentState.CANCELED):
        assert following is PaymentState.UNKNOWN


@pytest.mark.parametrize("state", list(PaymentState))
def test_money_that_came_is_never_refused(state: PaymentState) -> None:
    assert next_payment_state(state, PaymentEvent.SUCCEEDED) is PaymentState.SUCCEEDED


@pytest.mark.parametrize("state", [PaymentState.PROCESSING, PaymentState.UNKNOWN, PaymentState.REQUIRES_CAPTURE])
def test_what_may_have_taken_money_cannot_be_canceled(state: PaymentState) -> None:
    with pytest.raises(Conflict):
        next_payment_state(state, PaymentEvent.CANCELED)


@pytest.mark.parametrize(
    ("state", "blocks"),
    [
        (AttemptState.PREPARED, True),
        (AttemptState.PENDING, True),
        (AttemptState.UNKNOWN, True),
        (AttemptState.AUTHORIZED, True),
        (AttemptState.REQUIRES_ACTION, False),
        (AttemptState.SUCCEEDED, False),
        (AttemptState.FAILED, False),
        (AttemptState.NOT_SENT, False),
        (AttemptState.INTEGRITY_FAILURE, False),
    ],
)
def test_an_attempt_that_may_take_money_blocks_others(state: AttemptState, blocks: bool) -> None:
    assert blocks_new_attempt(state) is blocks


@pytest.mark.parametrize("state", list(AttemptState))
def test_no_news_takes_a_success_back(state: AttemptState) -> None:
    assert not attempt_may_become(AttemptState.SUCCEEDED, state)
    assert AttemptState.PREPARED not in ATTEMPT_TRANSITIONS[state]


def test_a_late_success_beats_a_failure() -> None:
    assert attempt_may_become(AttemptState.FAILED, AttemptState.SUCCEEDED)
    assert not attempt_may_become(AttemptState.FAILED, AttemptState.PENDING)


def test_money_goes_to_what_is_due_longest_first() -> None:
    invoices = [
        OpenInvoice(key="b", due_at=DAY + timedelta(days=2), due_minor=500),
        OpenInvoice(key="a", due_at=DAY, due_minor=300),
    ]
    assert allocate_payment(400, invoices) == ({"a": 300, "b": 100}, 0)
    assert allocate_payment(1000, invoices) == ({"a": 300, "b": 500}, 200)


@pytest.mark.parametrize("amount", [0, -1])
def test_no_payment_of_nothing(amount: int) -> None:
    with pytest.raises(Unacceptable):
        allocate_payment(amount, [])


@given(
    st.integers(1, 10**12),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 10**10)), max_size=20),
)
def test_shares_and_rest_add_up(amount: int, owed: list[tuple[int, int]]) -> None:
    invoices = [
        OpenInvoice(key=str(number), due_at=DAY + timedelta(days=days), due_minor=minor)
        for number, (days, minor) in enumerate(owed)
    ]
    shares, left = allocate_payment(amount, invoices)
    assert sum(shares.values()) + left == amount
    assert left >= 0
    for invoice in invoices:
        assert 0 <= shares.get(invoice.key, 0) <= invoice.due_minor
    if left:
        assert sum(shares.values()) == sum(invoice.due_minor for invoice in invoices)


def test_what_may_go_back() -> None:
    assert refundable(captured_minor=1000, refunded_minor=300, disputed_minor=200) == 500
    assert refundable(captured_minor=1000, refunded_minor=900, disputed_minor=200) == 0
