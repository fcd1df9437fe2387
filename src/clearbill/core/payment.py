"""What a payment and its attempts may become, and how money is spread over invoices. The tables of states are here.

A payment says what to collect. An attempt is one try at one gateway. An attempt whose outcome isn't known stays
``unknown``: no waiting ever makes it failed, and while it's there nothing else is tried for the same invoices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from clearbill.core.errors import Conflict, Unacceptable


class PaymentState(StrEnum):
    """``succeeded`` and ``canceled`` are ends; money that goes back later is a movement, not a state."""

    REQUIRES_METHOD = "requires_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    REQUIRES_CAPTURE = "requires_capture"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


class PaymentEvent(StrEnum):
    """What happens to a payment."""

    METHOD_CHOSEN = "method_chosen"
    STARTED = "started"
    ACTION_NEEDED = "action_needed"
    AUTHORIZED = "authorized"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    LOST_SIGHT = "lost_sight"
    CANCELED = "canceled"


class AttemptState(StrEnum):
    """``prepared`` is saved before the call. All but the first four are final."""

    PREPARED = "prepared"
    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    UNKNOWN = "unknown"
    AUTHORIZED = "authorized"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    NOT_SENT = "not_sent"
    INTEGRITY_FAILURE = "integrity_failure"


_P, _E = PaymentState, PaymentEvent

_OPEN = (
    _P.REQUIRES_METHOD,
    _P.REQUIRES_CONFIRMATION,
    _P.REQUIRES_ACTION,
    _P.PROCESSING,
    _P.REQUIRES_CAPTURE,
    _P.UNKNOWN,
)

# A state without a row for an event refuses it; what comes late after an end changes nothing.
PAYMENT_TRANSITIONS: dict[tuple[PaymentState, PaymentEvent], PaymentState] = {
    (_P.REQUIRES_METHOD, _E.METHOD_CHOSEN): _P.REQUIRES_CONFIRMATION,
    (_P.REQUIRES_CONFIRMATION, _E.METHOD_CHOSEN): _P.REQUIRES_CONFIRMATION,
    (_P.REQUIRES_ACTION, _E.METHOD_CHOSEN): _P.REQUIRES_CONFIRMATION,
    (_P.REQUIRES_CONFIRMATION, _E.STARTED): _P.PROCESSING,
    **{(state, _E.ACTION_NEEDED): _P.REQUIRES_ACTION for state in (_P.PROCESSING, _P.UNKNOWN, _P.REQUIRES_ACTION)},
    **{(state, _E.AUTHORIZED): _P.REQUIRES_CAPTURE for state in (_P.PROCESSING, _P.UNKNOWN, _P.REQUIRES_ACTION)},
    **{(state, _E.LOST_SIGHT): _P.UNKNOWN for state in (_P.PROCESSING, _P.UNKNOWN, _P.REQUIRES_ACTION)},
    **{(state, _E.FAILED): _P.REQUIRES_METHOD for state in (_P.PROCESSING, _P.UNKNOWN, _P.REQUIRES_ACTION)},
    (_P.REQUIRES_CAPTURE, _E.FAILED): _P.REQUIRES_METHOD,
    # money that came is money, whatever was thought before
    **{(state, _E.SUCCEEDED): _P.SUCCEEDED for state in (*_OPEN, _P.CANCELED)},
    **{
        (state, _E.CANCELED): _P.CANCELED
        for state in (_P.REQUIRES_METHOD, _P.REQUIRES_CONFIRMATION, _P.REQUIRES_ACTION)
    },
    **{(_P.SUCCEEDED, event): _P.SUCCEEDED for event in PaymentEvent if event is not _E.METHOD_CHOSEN},
    **{
        (_P.CANCELED, event): _P.CANCELED
        for event in (_E.FAILED, _E.CANCELED, _E.LOST_SIGHT, _E.ACTION_NEEDED, _E.AUTHORIZED)
    },
}

_A = AttemptState

ATTEMPT_TRANSITIONS: dict[AttemptState, frozenset[AttemptState]] = {
    _A.PREPARED: frozenset(set(_A) - {_A.PREPARED}),
    _A.PENDING: frozenset(
        {_A.PENDING, _A.REQUIRES_ACTION, _A.AUTHORIZED, _A.SUCCEEDED, _A.FAILED, _A.INTEGRITY_FAILURE}
    ),
    _A.REQUIRES_ACTION: frozenset(
        {_A.REQUIRES_ACTION, _A.PENDING, _A.AUTHORIZED, _A.SUCCEEDED, _A.FAILED, _A.INTEGRITY_FAILURE}
    ),
    _A.UNKNOWN: frozenset(set(_A) - {_A.PREPARED}),
    _A.AUTHORIZED: frozenset({_A.SUCCEEDED, _A.FAILED, _A.INTEGRITY_FAILURE}),
    # a success that is told late is still a success
    _A.FAILED: frozenset({_A.SUCCEEDED}),
    _A.NOT_SENT: frozenset(),
    _A.SUCCEEDED: frozenset(),
    _A.INTEGRITY_FAILURE: frozenset(),
}


def next_payment_state(state: PaymentState, event: PaymentEvent) -> PaymentState:
    """The state after ``event``. Raises Conflict ``payment_state`` when it doesn't allow it."""
    following = PAYMENT_TRANSITIONS.get((state, event))
    if following is None:
        raise Conflict("payment_state", "This can't be done with a payment that is {state}.", state=state.value)
    return following


def attempt_may_become(state: AttemptState, following: AttemptState) -> bool:
    """Whether news of ``following`` changes an attempt in ``state``; news that doesn't is kept and changes nothing."""
    return following in ATTEMPT_TRANSITIONS[state]


def blocks_new_attempt(state: AttemptState) -> bool:
    """Whether an attempt in ``state`` may still take money, so that nothing else may be tried."""
    return state in (_A.PREPARED, _A.PENDING, _A.UNKNOWN, _A.AUTHORIZED)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInvoice:
    """An invoice with something left to pay, for spreading money over several."""

    key: str
    due_at: datetime
    due_minor: int


def allocate_payment(amount_minor: int, invoices: Sequence[OpenInvoice]) -> tuple[dict[str, int], int]:
    """``amount_minor`` over ``invoices``, what is due longest first; and what is left over for account credit.

    Each share is above zero and no more than the invoice's rest; the shares and what is left add up to the amount.
    """
    if amount_minor <= 0:
        raise Unacceptable("amount_not_positive", "The amount must be above zero.", field="amount")
    shares: dict[str, int] = {}
    left = amount_minor
    for invoice in sorted(invoices, key=lambda each: (each.due_at, each.key)):
        part = min(left, invoice.due_minor)
        if part > 0:
            shares[invoice.key] = part
            left -= part
    return shares, left


def refundable(*, captured_minor: int, refunded_minor: int, disputed_minor: int) -> int:
    """What of a payment may still go back, in minor units: never below zero."""
    return max(captured_minor - refunded_minor - disputed_minor, 0)
