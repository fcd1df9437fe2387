"""Invoices and credit notes by mail: what the frozen document says, a link to the portal, and the PDF.

The mail is written here and sent later by the mail room, which asks ``attachments_of`` for the files only then.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from clearbill.billing.actions.documents import pdf_of
from clearbill.billing.models import CreditNote, Invoice
from clearbill.billing.queries.invoices import credit_note_by_id, document_of, invoice_by_id
from clearbill.customers.pay_links import pay_address
from clearbill.mail.actions import enqueue
from clearbill.mail.delivery import Attachment
from clearbill.mail.models import Message
from clearbill.scope.ids import show_id
from clearbill.scope.seller import seller_scope

PORTAL_INVOICE = "/portal/invoices/{invoice}/"

log = logging.getLogger("clearbill.billing")


def mail_invoice(invoice_id: UUID, *, at: datetime) -> UUID | None:
    """Write the mail of a final invoice to its customer, once; None when the customer has no address."""
    row = invoice_by_id(invoice_id)
    document = document_of(row)
    context = {
        "customer_name": row.customer.name,
        "number": row.number,
        "amount_due": _money(document, "amount_due"),
        "due_on": document["due_on"],
        "link": portal_link(row.id),
        "pay_link": pay_address(row.seller_id, row.id) if document["amount_due"].strip("0.") else "",
    }
    return _enqueue("invoice_issued", row, context=context, invoice_id=row.id, credit_note_id=None, at=at)


def mail_credit_note(credit_note_id: UUID, *, at: datetime) -> UUID | None:
    """Write the mail of a credit note to its customer, once; None when the customer has no address."""
    row = credit_note_by_id(credit_note_id)
    context = {
        "customer_name": row.customer.name,
        "number": row.number,
        "invoice_number": row.invoice.number,
        "total": _money(document_of(row), "total"),
        "link": portal_link(row.invoice_id),
    }
    return _enqueue("credit_note_issued", row, context=context, invoice_id=row.invoice_id, credit_note_id=row.id, at=at)


def attachments_of(message: Message, *, at: datetime) -> list[Attachment]:
    """The PDF that goes with a message of billing; none with any other. Holds no lock while it's made."""
    if message.credit_note_id is None and message.invoice_id is None:
        return []
    with seller_scope(message.seller_id):
        row: Invoice | CreditNote = (
            credit_note_by_id(message.credit_note_id)
            if message.credit_note_id is not None
            else invoice_by_id(message.invoice_id)
        )
        return [Attachment(name=f"{row.number}.pdf", content=pdf_of(row, at=at))]


def portal_link(invoice_id: UUID) -> str:
    """Where the customer reads an invoice."""
    path = PORTAL_INVOICE.format(invoice=show_id("invoice", invoice_id))
    return settings.CLEARBILL.public_url.rstrip("/") + path


def _enqueue(
    kind: str,
    row: Invoice | CreditNote,
    *,
    context: dict[str, object],
    invoice_id: UUID,
    credit_note_id: UUID | None,
    at: datetime,
) -> UUID | None:
    if not row.customer.email:
        log.info("customer has no address", extra={"kind": kind, "customer_id": show_id("customer", row.customer_id)})
        return None
    return enqueue(
        kind,
        customer_id=row.customer_id,
        recipient=row.customer.email,
        language=row.language,
        context=context,
        invoice_id=invoice_id,
        credit_note_id=credit_note_id,
        dedup_key=f"{kind}:{row.id}",
        at=at,
    )


def _money(document: dict[str, Any], field: str) -> dict[str, str]:
    return {"amount": document[field], "currency": document["currency"]}
