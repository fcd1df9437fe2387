"""Send an invoice's or a credit note's mail once more, when a person asks for it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clearbill.billing.actions.sending import portal_link
from clearbill.billing.queries.invoices import document_of, invoice_by_id
from clearbill.core.errors import Conflict
from clearbill.mail.actions import enqueue
from clearbill.scope.ids import new_id, show_id
from clearbill.sellers.actions import record_audit


def resend_invoice(invoice_id: UUID, *, at: datetime, actor: str) -> UUID:
    """Write the mail of an invoice again, to the customer's address of today; returns the message's id.

    Raises NotFound ``invoice_not_found``, Conflict ``customer_without_address``.
    """
    row = invoice_by_id(invoice_id)
    if not row.customer.email:
        raise Conflict(
            "customer_without_address", "This customer has no mail address. Add one, then send the invoice again."
        )
    document = document_of(row)
    context = {
        "customer_name": row.customer.name,
        "number": row.number,
        "amount_due": {"amount": document["amount_due"], "currency": document["currency"]},
        "due_on": document["due_on"],
        "link": portal_link(row.id),
    }
    message_id = enqueue(
        "invoice_issued",
        customer_id=row.customer_id,
        recipient=row.customer.email,
        language=row.language,
        context=context,
        invoice_id=row.id,
        dedup_key=f"invoice_issued:{row.id}:{new_id(at)}",
        at=at,
    )
    shown = show_id("invoice", row.id)
    record_audit("invoice.resend", object_id=shown, data={"number": row.number}, actor=actor, at=at)
    return message_id
