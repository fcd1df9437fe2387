"""Payments: what customers paid and tried to pay, each try with what became of it; and links to pay by."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import Field

from clearbill.billing.queries.invoices import invoice_by_id
from clearbill.customers.pay_links import pay_address
from clearbill.payments import queries
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
)

router = Router(tags=["Payments"])


class PaymentShare(Shown):
    """The part of a payment that is for an invoice."""

    invoice: str
    number: str
    amount: Money
    applied: Money = Field(description="What of it was really put on the invoice.")


class PaymentAttempt(Shown):
    """One try at the gateway."""

    reference: str = Field(description="What the gateway knows it by.")
    method: str = Field(examples=["card"])
    off_session: bool = Field(description="Charged by itself, without the payer there.")
    state: str = Field(examples=["succeeded"])
    code: str = Field(description="Why not; empty when it went well.", examples=["insufficient_funds"])
    at: InstantText


class PaymentSummary(Shown):
    """A payment in a list. `unknown` means that the gateway's answer was lost: it's asked again by itself."""

    id: str = Field(examples=["pay_01jh7q2v8s1k8m5c4w2x6y9z3b"])
    customer: str
    state: str = Field(examples=["succeeded"])
    method: str
    amount: Money
    paid: Money
    refunded: Money
    code: str
    created_at: InstantText
    paid_at: InstantText | None


class Payment(PaymentSummary):
    """A payment with its invoices and tries."""

    invoices: list[PaymentShare]
    attempts: list[PaymentAttempt]


class PayLink(Shown):
    """Where an invoice can be seen and paid without signing in."""

    url: str


class PaymentsAsked(Asked):
    """Which payments."""

    customer: Reference | None = None
    cursor: Cursor | None = None
    limit: Limit = 50


@reads(router, "/payments", gives=Page[PaymentSummary])
def list_payments(request: HttpRequest, asked: Query[PaymentsAsked]) -> Page[PaymentSummary]:
    """List payments, newest first."""
    rows = queries.payments_page(
        customer_id=optional_customer_of(asked.customer),
        before=read_cursor("payment", asked.cursor),
        limit=asked.limit,
    )
    return page_of(rows, limit=asked.limit, show=_show_summary, cursor=lambda row: show_id("payment", row.id))


@reads(router, "/payments/{payment_id}", gives=Payment)
def get_payment(request: HttpRequest, payment_id: str) -> Payment:
    """Get a payment with its tries."""
    row = queries.payment_by_id(read_id("payment", payment_id))
    shares = [
        PaymentShare(
            invoice=show_id("invoice", share.invoice_id),
            number=share.invoice.number,
            amount=money(share.amount_minor, row.currency),
            applied=money(share.applied_minor, row.currency),
        )
        for share in queries.shares_of(row.id)
    ]
    tries = [
        PaymentAttempt(
            reference=each.reference,
            method=each.kind,
            off_session=each.is_off_session,
            state=each.state.state,
            code=each.state.code,
            at=instant_text(each.at),
        )
        for each in queries.attempts_of(row.id)
    ]
    return Payment(**_show_summary(row).model_dump(), invoices=shares, attempts=tries)


@reads(router, "/invoices/{invoice_id}/pay_link", gives=PayLink)
def get_pay_link(request: HttpRequest, invoice_id: str) -> PayLink:
    """Get a link by which an invoice can be paid, good for half a year."""
    row = invoice_by_id(read_id("invoice", invoice_id))
    return PayLink(url=pay_address(row.seller_id, row.id))


def _show_summary(row: Any) -> PaymentSummary:
    return PaymentSummary(
        id=show_id("payment", row.id),
        customer=show_id("customer", row.customer_id),
        state=row.state,
        method=row.method_kind,
        amount=money(row.amount_minor, row.currency),
        paid=money(row.paid_minor, row.currency),
        refunded=money(row.refunded_minor, row.currency),
        code=row.code,
        created_at=instant_text(row.created_at),
        paid_at=None if row.paid_at is None else instant_text(row.paid_at),
    )
