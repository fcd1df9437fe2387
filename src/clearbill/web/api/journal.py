"""The journal: what moved money, as an accountant reads it, and balances of accounts."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import Field

from clearbill.billing.queries.invoices import invoice_by_id
from clearbill.ledger import queries
from clearbill.scope.ids import read_id, show_id
from clearbill.web.api.customers import optional_customer_of
from clearbill.web.api.doors import reads
from clearbill.web.api.shapes import (
    Asked,
    Cursor,
    InstantText,
    Limit,
    Money,
    Page,
    Reference,
    Shown,
    instant_text,
    money,
    page_of,
    read_cursor,
    whole_list,
)

router = Router(tags=["Journal"])


class JournalEntry(Shown):
    """One side of a transaction: an account and what it's debited or credited."""

    account: str = Field(examples=["receivable"])
    side: Literal["debit", "credit"]
    amount: Money


class JournalTransaction(Shown):
    """What moved money. Debits and credits are equal; a transaction is never changed, only reversed."""

    id: str = Field(examples=["txn_01jh7q2v8s1k8m5c4w2x6y9z3b"])
    at: InstantText
    fact: str = Field(examples=["invoice_finalized"])
    ref: str = Field(description="The number of the document behind it.")
    customer: str | None
    invoice: str | None
    entries: list[JournalEntry]


class Balance(Shown):
    """An account's balance: debits less credits."""

    account: str = Field(examples=["receivable"])
    balance: Money


class JournalAsked(Asked):
    """Which transactions."""

    customer: Reference | None = None
    invoice: str | None = Field(None, max_length=64, examples=[None])
    account: str | None = Field(None, max_length=80, examples=["receivable"])
    cursor: Cursor | None = None
    limit: Limit = 50


class BalancesAsked(Asked):
    """Whose balances: a customer's, else the whole seller's."""

    customer: Reference | None = None


@reads(router, "/journal", gives=Page[JournalTransaction])
def list_journal(request: HttpRequest, asked: Query[JournalAsked]) -> Page[JournalTransaction]:
    """List the journal's transactions, newest first."""
    rows = queries.journal(
        customer_id=optional_customer_of(asked.customer),
        invoice_id=None if asked.invoice is None else invoice_by_id(read_id("invoice", asked.invoice)).id,
        account=asked.account or "",
        before=read_cursor("transaction", asked.cursor),
        limit=asked.limit,
    )
    return page_of(rows, limit=asked.limit, show=_show, cursor=lambda row: show_id("transaction", row.id))


@reads(router, "/balances", gives=Page[Balance])
def list_balances(request: HttpRequest, asked: Query[BalancesAsked]) -> Page[Balance]:
    """List the balances of all accounts, per currency."""
    found = queries.balances(customer_id=optional_customer_of(asked.customer))
    return whole_list(
        Balance(account=account, balance=money(minor, currency)) for (account, currency), minor in found.items()
    )


def _show(row: Any) -> JournalTransaction:
    return JournalTransaction(
        id=show_id("transaction", row.id),
        at=instant_text(row.at),
        fact=row.fact,
        ref=row.ref,
        customer=show_id("customer", row.customer_id) if row.customer_id else None,
        invoice=show_id("invoice", row.invoice_id) if row.invoice_id else None,
        entries=[
            JournalEntry(account=account, side=side, amount=money(minor, row.currency))
            for account, side, minor in row.entries
        ],
    )
