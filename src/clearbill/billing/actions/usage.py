"""Usage intake: a batch of events in, a receipt for each out. Idempotent for ever by (seller, key).

An event is checked (``usage_event``), then all of a batch are stored at once (``usage_store``). What a body of the API or
a row of a file looks like is the business of ``usage_wire`` and of the importer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from clearbill.billing.actions.usage_event import CheckedEvent, IncomingEvent, check_event
from clearbill.billing.actions.usage_store import make_partitions, rows_of, store
from clearbill.core.errors import Conflict, NotFound, Refusal, TooLarge
from clearbill.customers.queries import customer_ids_of

MAX_EVENTS = 10_000


class ReceiptState(StrEnum):
    """What became of an event. ``duplicate``: it had been accepted before, with the same body."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The answer to one event; ``refusal`` says why it was refused."""

    state: ReceiptState
    refusal: Refusal | None = None

    @property
    def code(self) -> str:
        """The refusal's code, else empty."""
        return self.refusal.code if self.refusal else ""

    @property
    def sentence(self) -> str:
        """The refusal's English sentence, else empty."""
        return self.refusal.sentence if self.refusal else ""


ACCEPTED = Receipt(state=ReceiptState.ACCEPTED)
DUPLICATE = Receipt(state=ReceiptState.DUPLICATE)


@dataclass(slots=True, kw_only=True)
class CheckedBatch:
    """Events that were checked and not stored yet: what is refused already, the first of each key, and repeats of it."""

    receipts: list[Receipt | None]
    firsts: dict[bytes, CheckedEvent]
    repeats: list[CheckedEvent]
    rows: bytes


def accept_events(events: Sequence[IncomingEvent | Refusal], *, at: datetime) -> list[Receipt]:
    """Store a batch in the running seller scope; one receipt an event, in their order. All accepted ones, or none.

    A Refusal among ``events`` stands for one that couldn't be read, and is passed through.
    Raises TooLarge ``too_many_events`` above ``MAX_EVENTS``.
    """
    return store_batch(check_batch(events, at=at, customers={}), at=at)


def check_batch(events: Sequence[IncomingEvent | Refusal], *, at: datetime, customers: dict[str, UUID]) -> CheckedBatch:
    """Check each event by itself. ``customers`` are references known already; new ones are looked up and added to it."""
    if len(events) > MAX_EVENTS:
        raise TooLarge(
            "too_many_events",
            "At most {limit} events at once; send the rest in another batch.",
            limit=MAX_EVENTS,
        )
    _look_up(events, customers)
    batch = CheckedBatch(receipts=[None] * len(events), firsts={}, repeats=[], rows=b"")
    for index, event in enumerate(events):
        checked = event if isinstance(event, Refusal) else _checked(event, index, at=at, customers=customers)
        if isinstance(checked, Refusal):
            batch.receipts[index] = Receipt(state=ReceiptState.REFUSED, refusal=checked)
        elif batch.firsts.setdefault(checked.key_hash, checked) is not checked:
            batch.repeats.append(checked)
    batch.rows = rows_of(batch.firsts.values())
    return batch


def store_batch(batch: CheckedBatch, *, at: datetime) -> list[Receipt]:
    """Store what ``check_batch`` let through, and answer for every event."""
    events = list(batch.firsts.values())
    make_partitions({event.month for event in events})
    standing = store(batch.rows, at=at) if events else {}
    receipts = batch.receipts
    for event in events:
        before = standing.get(event.index)
        receipts[event.index] = ACCEPTED if before is None else _compared(event, before)
    for event in batch.repeats:
        first = batch.firsts[event.key_hash]
        receipts[event.index] = _compared(event, standing.get(first.index, first.body_hash))
    return [receipt for receipt in receipts if receipt is not None]


def _look_up(events: Sequence[IncomingEvent | Refusal], customers: dict[str, UUID]) -> None:
    named = {event.customer for event in events if isinstance(event, IncomingEvent)}
    new = {name for name in named if isinstance(name, str) and name not in customers}
    if new:
        customers.update(customer_ids_of(new))


def _checked(event: IncomingEvent, index: int, *, at: datetime, customers: dict[str, UUID]) -> CheckedEvent | Refusal:
    customer_id = customers.get(event.customer) if isinstance(event.customer, str) else None
    try:
        if customer_id is None:
            raise NotFound(
                "usage_unknown_customer",
                "There is no customer “{customer}”; make the customer first, then send the event again.",
                field="customer",
                customer=str(event.customer)[:128],
            )
        return check_event(event, index=index, customer_id=customer_id, at=at)
    except Refusal as refusal:
        return refusal


def _compared(event: CheckedEvent, body_hash: bytes) -> Receipt:
    if event.body_hash == body_hash:
        return DUPLICATE
    refusal = Conflict(
        "usage_key_reused",
        "The key “{key}” was used before by an event with another body. Keys are for ever: use a new one.",
        field="key",
        key=event.key,
    )
    return Receipt(state=ReceiptState.REFUSED, refusal=refusal)
