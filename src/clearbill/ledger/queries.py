"""Balances and the journal, read from the postings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import Q, Sum

from clearbill.core.errors import NotFound
from clearbill.core.posting import Posting as PostingValue
from clearbill.core.posting import journal_entries
from clearbill.ledger.models import Posting, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRow:
    """A transaction as an accountant reads it: debits, then credits, per account and side, in minor units."""

    id: UUID
    at: datetime
    fact: str
    ref: str
    currency: str
    customer_id: UUID | None
    invoice_id: UUID | None
    entries: tuple[tuple[str, str, int], ...]

    @property
    def total_minor(self) -> int:
        """The sum of one side."""
        return sum(minor for _account, side, minor in self.entries if side == "debit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A transaction of an invoice as it stands in the ledger."""

    fact: str
    ref: str
    at: datetime
    postings: tuple[PostingValue, ...]


def transactions_of(invoice_ids: Iterable[UUID]) -> dict[UUID, list[Posted]]:
    """What was posted of invoices and their notes, by invoice, in the order in which it was."""
    found: dict[UUID, list[Posted]] = {each: [] for each in invoice_ids}
    rows = list(Transaction.objects.filter(invoice_id__in=list(found)).order_by("id"))
    postings = postings_of(row.id for row in rows)
    for row in rows:
        posted = Posted(fact=row.fact, ref=row.ref, at=row.at, postings=tuple(postings[row.id]))
        found[row.invoice_id].append(posted)
    return found


def postings_of(transaction_ids: Iterable[UUID]) -> dict[UUID, list[PostingValue]]:
    """Postings by transaction, in their order."""
    found: dict[UUID, list[PostingValue]] = {each: [] for each in transaction_ids}
    for row in Posting.objects.filter(transaction_id__in=list(found)).order_by("transaction_id", "position"):
        found[row.transaction_id].append(
            PostingValue(
                source=row.source,
                destination=row.destination,
                amount_minor=row.amount_minor,
                currency=row.currency,
                line=row.line,
            )
        )
    return found


def journal(
    *,
    invoice_id: UUID | None = None,
    customer_id: UUID | None = None,
    account: str = "",
    before: UUID | None = None,
    limit: int | None = 50,
    oldest_first: bool = False,
) -> list[JournalRow]:
    """Transactions with their entries, newest first unless said otherwise; ``before`` is the last id of the page before."""
    rows = Transaction.objects.order_by("at", "id") if oldest_first else Transaction.objects.order_by("-at", "-id")
    if invoice_id is not None:
        rows = rows.filter(invoice_id=invoice_id)
    if customer_id is not None:
        rows = rows.filter(customer_id=customer_id)
    if account:
        rows = rows.filter(Q(postings__source=account) | Q(postings__destination=account)).distinct()
    if before is not None:
        last = Transaction.objects.filter(id=before).first()
        if last is None:
            raise NotFound("cursor_unknown", "There is no such place in the journal; begin at the first page again.")
        rows = rows.filter(Q(at__lt=last.at) | Q(at=last.at, id__lt=last.id))
    chosen = list(rows if limit is None else rows[:limit])
    postings = postings_of(row.id for row in chosen)
    return [
        JournalRow(
            id=row.id,
            at=row.at,
            fact=row.fact,
            ref=row.ref,
            currency=postings[row.id][0].currency,
            customer_id=row.customer_id,
            invoice_id=row.invoice_id,
            entries=tuple(journal_entries(postings[row.id])),
        )
        for row in chosen
    ]


def balances(*, customer_id: UUID | None = None) -> dict[tuple[str, str], int]:
    """Debit minus credit in minor units by (account, currency); of one customer, or of the whole seller."""
    rows = Posting.objects.all() if customer_id is None else Posting.objects.filter(customer_id=customer_id)
    found: dict[tuple[str, str], int] = {}
    for row in rows.values("destination", "currency").annotate(total=Sum("amount_minor")):
        key = (row["destination"], row["currency"])
        found[key] = found.get(key, 0) + int(row["total"])
    for row in rows.values("source", "currency").annotate(total=Sum("amount_minor")):
        key = (row["source"], row["currency"])
        found[key] = found.get(key, 0) - int(row["total"])
    return dict(sorted(found.items()))


def customer_balances(account: str) -> dict[tuple[UUID, str], int]:
    """Debit minus credit of ``account`` by (customer, currency)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT customer_id, currency, SUM(CASE WHEN destination = %s THEN amount_minor ELSE -amount_minor END)
            FROM ledger_posting WHERE (destination = %s OR source = %s) AND customer_id IS NOT NULL
            GROUP BY customer_id, currency
            """,
            [account, account, account],
        )
        return {(customer, currency): int(total) for customer, currency, total in cursor.fetchall()}
