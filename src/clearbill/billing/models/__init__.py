"""Tables of the billing room: subscriptions, usage, drafts, and what is final."""

from clearbill.billing.models.final import (
    CreditNote,
    CreditNoteLine,
    DocumentFile,
    Invoice,
    InvoiceLine,
    InvoiceState,
    InvoiceTax,
)
from clearbill.billing.models.running import Deferral, Draft, ImportRun, Parked, Subscription
from clearbill.billing.models.usage import UsageEvent, UsageKey

__all__ = [
    "CreditNote",
    "CreditNoteLine",
    "Deferral",
    "DocumentFile",
    "Draft",
    "ImportRun",
    "Invoice",
    "InvoiceLine",
    "InvoiceState",
    "InvoiceTax",
    "Parked",
    "Subscription",
    "UsageEvent",
    "UsageKey",
]
