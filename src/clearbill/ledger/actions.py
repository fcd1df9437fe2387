"""Append to the ledger. Nothing here updates or deletes: a correction is a transaction of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from clearbill.core.posting import Posting as PostingValue
from clearbill.core.posting import reverse
from clearbill.ledger.models import Posting, Transaction
from clearbill.ledger.queries import postings_of
from clearbill.scope.ids import new_id
from clearbill.scope.seller import current_seller


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A transaction to be: the fact's name, the document's number, and its postings."""

    fact: str
    ref: str
    at: datetime
    postings: Sequence[PostingValue]
    customer_id: UUID | None = None
    invoice_id: UUID | None = None
    reverses_id: UUID | None = None


def post(entries: Sequence[Entry]) -> list[UUID]:
    """Append transactions with their postings, in one statement each kind; entries without postings are left out."""
    seller_id = current_seller()
    transactions, postings = [], []
    for entry in entries:
        if not entry.postings:
            continue
        transaction_id = new_id(entry.at)
        transactions.append(
            Transaction(
                id=transaction_id,
                seller_id=seller_id,
                fact=entry.fact,
                ref=entry.ref,
                at=entry.at,
                customer_id=entry.customer_id,
                invoice_id=entry.invoice_id,
                reverses_id=entry.reverses_id,
            )
        )
        postings.extend(
            Posting(
                id=new_id(entry.at),
                seller_id=seller_id,
                transaction_id=transaction_id,
                position=position,
                source=each.source,
                destination=each.destination,
                amount_minor=each.amount_minor,
                currency=each.currency,
                customer_id=entry.customer_id,
                invoice_id=entry.invoice_id,
                line=each.line,
            )
            for position, each in enumerate(entry.postings, 1)
        )
    Transaction.objects.bulk_create(transactions)
    Posting.objects.bulk_create(postings)
    return [row.id for row in transactions]


def reverse_transaction(transaction_id: UUID, *, fact: str, at: datetime) -> UUID:
    """Append the reversal of a transaction, naming what it reverses."""
    original = Transaction.objects.get(id=transaction_id)
    entry = Entry(
        fact=fact,
        ref=original.ref,
        at=at,
        postings=reverse(postings_of([transaction_id])[transaction_id]),
        customer_id=original.customer_id,
        invoice_id=original.invoice_id,
        reverses_id=transaction_id,
    )
    return post([entry])[0]
