"""Which fact wakes what. The whole of it, on one screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from clearbill.billing import jobs as billing
from clearbill.outbox.jobs import Listener
from clearbill.payments import jobs as payments

LISTENERS: Mapping[str, Sequence[Listener]] = {
    "invoice.finalized": (billing.mail_invoices, payments.collect_invoices),
    "credit_note.issued": (billing.mail_credit_notes,),
    "payment.succeeded": (payments.mail_receipts,),
    "refund.succeeded": (payments.mail_refunds,),
}
