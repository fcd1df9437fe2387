"""What a payment does to a final invoice: money is applied to it, or taken out again. The postings are payments' own."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clearbill.billing.models import InvoiceState
from clearbill.billing.queries.invoices import invoice_by_id
from clearbill.core.errors import Fault
from clearbill.core.invoice import InvoiceEvent, InvoiceStatus, next_status
from clearbill.core.money import to_wire
from clearbill.outbox.actions import record_facts
from clearbill.scope.ids import show_id


def lock_states(invoice_ids: list[UUID]) -> dict[UUID, InvoiceState]:
    """The states of invoices, locked till the end of the transaction, always in the same order."""
    rows = InvoiceState.objects.select_for_update().filter(invoice_id__in=invoice_ids).order_by("invoice_id")
    return {row.invoice_id: row for row in rows}


def apply_money(state: InvoiceState, amount_minor: int, *, at: datetime) -> None:
    """``amount_minor`` was paid on the invoice of a locked ``state``; at most what is open of it."""
    if not 0 < amount_minor <= state.due_minor:
        raise Fault(f"{amount_minor} can't be applied to {state.due_minor}")
    state.due_minor -= amount_minor
    state.paid_minor += amount_minor
    if state.due_minor == 0 and state.status == InvoiceStatus.OPEN:
        state.status = next_status(InvoiceStatus(state.status), InvoiceEvent.SETTLED)
        _tell("invoice.paid", state.invoice_id, at=at)
    state.save(update_fields=["due_minor", "paid_minor", "status"])


def take_money_back(state: InvoiceState, amount_minor: int, *, at: datetime) -> None:
    """What was paid on an invoice went away again: it's open for so much."""
    if not 0 < amount_minor <= state.paid_minor:
        raise Fault(f"{amount_minor} can't be taken out of {state.paid_minor}")
    state.due_minor += amount_minor
    state.paid_minor -= amount_minor
    if state.status == InvoiceStatus.PAID:
        state.status = next_status(InvoiceStatus(state.status), InvoiceEvent.REOPENED)
        _tell("invoice.reopened", state.invoice_id, at=at)
    state.save(update_fields=["due_minor", "paid_minor", "status"])


def _tell(type_: str, invoice_id: UUID, *, at: datetime) -> None:
    row = invoice_by_id(invoice_id)
    data = {
        "invoice": show_id("invoice", row.id),
        "customer": show_id("customer", row.customer_id),
        "number": row.number,
        "total": to_wire(row.total_minor, row.currency),
    }
    record_facts([(type_, data)], at=at)
