"""The verbs as calls of the engine's actions. Each runs in a seller scope; what the engine refuses, it raises."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from clearbill.billing.actions.credits import credit_invoice
from clearbill.billing.actions.subscriptions import cancel, subscribe, uncancel
from clearbill.billing.actions.usage import MAX_EVENTS, ReceiptState, accept_events
from clearbill.billing.actions.usage_event import FUTURE_TOLERANCE, IncomingEvent
from clearbill.billing.queries.invoices import InvoiceFilter, invoices, lines_of
from clearbill.cli.simulate.verbs import Step
from clearbill.core.errors import NotFound
from clearbill.core.money import parse_minor
from clearbill.customers.actions import update_customer

ACTOR = "simulate"
MAX_INVOICES = 1_000_000


@dataclass(slots=True, kw_only=True)
class Player:
    """Who is who: the rows behind the names of the file."""

    seller_id: UUID
    customers: dict[str, UUID]
    subscriptions: dict[str, UUID]

    def subscription(self, name: str) -> UUID:
        """Raises NotFound ``subscription_not_found`` before it's there, or when it was refused."""
        if name not in self.subscriptions:
            raise NotFound("subscription_not_found", "There is no such subscription.")
        return self.subscriptions[name]


def send_usage(player: Player, steps: Sequence[Step]) -> list[str]:
    """Send the events of usage entries; the code of each entry's refusal, or nothing.

    Entries of several instants go together, since intake doesn't depend on when an event comes but for events of the
    future; those are sent by themselves.
    """
    codes = [""] * len(steps)
    batch: list[tuple[int, IncomingEvent]] = []
    for index, step in enumerate(steps):
        events = [(index, event) for event in _events(step)]
        timestamp: Any = step.params["timestamp"]
        if timestamp is not None and timestamp > step.at + FUTURE_TOLERANCE:
            _accept(batch, at=steps[index - 1].at, codes=codes)
            _accept(events, at=step.at, codes=codes)
            batch = []
        else:
            batch += events
    _accept(batch, at=steps[-1].at, codes=codes)
    return codes


def _events(step: Step) -> list[IncomingEvent]:
    params: Any = step.params
    key = params["key"] or f"timeline-{step.position + 1}"
    keys = [key] if params["times"] is None else [f"{key}-{number}" for number in range(1, params["times"] + 1)]
    return [
        IncomingEvent(
            type=params["type"],
            customer=params["customer"],
            timestamp=(params["timestamp"] or step.at).isoformat(),
            key=each,
            properties=params["properties"],
        )
        for each in keys
    ]


def _accept(events: Sequence[tuple[int, IncomingEvent]], *, at: datetime, codes: list[str]) -> None:
    for first in range(0, len(events), MAX_EVENTS):
        part = events[first : first + MAX_EVENTS]
        for (index, _event), receipt in zip(part, accept_events([event for _i, event in part], at=at), strict=True):
            if receipt.state is ReceiptState.REFUSED and not codes[index]:
                codes[index] = receipt.code


def _subscribe(player: Player, step: Step) -> None:
    params: Any = step.params
    row = subscribe(
        customer_id=player.customers[params["customer"]],
        plan_code=params["plan"],
        anchor=params["anchor"],
        external_id=params["id"],
        quantities=params["quantities"],
        at=step.at,
        actor=ACTOR,
    )
    player.subscriptions[params["id"]] = row.id


def _cancel(player: Player, step: Step) -> None:
    params: Any = step.params
    cancel(
        player.subscription(params["id"]),
        timing=params["timing"],
        policies=params["policies"],
        bills_wait=True,
        at=step.at,
        actor=ACTOR,
    )


def _uncancel(player: Player, step: Step) -> None:
    params: Any = step.params
    uncancel(player.subscription(params["id"]), at=step.at, actor=ACTOR)


def _credit_note(_player: Player, step: Step) -> None:
    params: Any = step.params
    rows = invoices(InvoiceFilter(), at=step.at, limit=MAX_INVOICES)
    if params["invoice"] > len(rows):
        raise NotFound("invoice_not_found", "There is no such invoice.")
    row = rows[-params["invoice"]]
    shown = {number: line.line for number, line in enumerate(lines_of(row.id), 1)}
    lines = {
        shown.get(line, line): parse_minor(amount, row.currency, field="lines")
        for line, amount in params["lines"].items()
    }
    credit_invoice(row.id, lines=lines, reason="scenario", at=step.at, actor=ACTOR)


def _update_customer(player: Player, step: Step) -> None:
    params: Any = step.params
    update_customer(player.customers[params["customer"]], params["set"], at=step.at, actor=ACTOR)


PLAYED: Mapping[str, Callable[[Player, Step], None]] = {
    "subscribe": _subscribe,
    "cancel": _cancel,
    "uncancel": _uncancel,
    "credit_note": _credit_note,
    "update_customer": _update_customer,
}
