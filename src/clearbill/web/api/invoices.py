"""Invoices: final ones with their lines and working, their PDFs, drafts, and what the next ones would say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router
from pydantic import Field

from clearbill.billing.actions.documents import pdf_of
from clearbill.billing.actions.previews import preview_customer, preview_subscription
from clearbill.billing.queries import invoices as queries
from clearbill.core.errors import Unacceptable
from clearbill.scope.ids import read_id, show_id
from clearbill.web.api.customers import customer_of, optional_customer_of
from clearbill.web.api.doors import PDF, acts, gives_pdf, reads
from clearbill.web.api.shapes import (
    Asked,
    Cursor,
    DecimalText,
    Given,
    Instant,
    InstantText,
    Limit,
    Money,
    Page,
    Reference,
    Shown,
    decimal_text,
    instant_text,
    money,
    object_of,
    page_of,
    read_number_cursor,
    whole_list,
)

router = Router(tags=["Invoices"])
Step = dict[str, str]


class InvoiceLine(Shown):
    """A line. Recomputing its `working` gives its amount."""

    line: int
    kind: str = Field(description="`fee` or `usage`.")
    price: str | None = Field(description="The price's code.")
    subscription: str | None
    text: str = Field(description="As printed, in the invoice's language.")
    group: dict[str, str]
    period_start: InstantText
    period_end: InstantText
    quantity: DecimalText
    amount: Money = Field(description="Before discount and tax.")
    discount: Money
    tax: Money
    tax_rates: list[dict[str, str]] = Field(examples=[[{"code": "vat", "rate": "20"}]])
    working: list[Step] = Field(description="How the amount came about: codes and numbers.")
    working_version: int


class InvoiceTax(Shown):
    """A tax of an invoice."""

    code: str
    label: str
    rate: DecimalText = Field(description="Per cent.")
    base: Money
    amount: Money


class InvoiceSummary(Shown):
    """An invoice in a list."""

    id: str = Field(examples=["inv_01jh7q2v8s1k8m5c4w2x6y9z3b"])
    number: str = Field(examples=["ACME-000001"])
    customer: str
    status: str = Field(description="`open`, `overdue`, `paid`, `void` or `uncollectible`.")
    reason: str = Field(description="`subscription_started`, `period` or `canceled`.")
    language: str
    issued_at: InstantText
    due_at: InstantText
    subtotal: Money
    discount: Money
    tax: Money
    total: Money
    due: Money = Field(description="What is still to be paid.")
    paid: Money
    credited: Money = Field(description="What credit notes took back.")


class Invoice(InvoiceSummary):
    """An invoice as it was frozen, and what became of it."""

    lines: list[InvoiceLine]
    taxes: list[InvoiceTax]
    policies: dict[str, str | int]
    document: dict[str, Any] = Field(description="All that the PDF says. Amounts in major units of its currency.")


class PreviewLine(Shown):
    """A line that would be written."""

    line: int
    kind: str
    price: str
    subscription: str
    group: dict[str, str]
    period_start: InstantText
    period_end: InstantText
    quantity: DecimalText
    amount: Money
    discount: Money
    tax: Money
    working: list[Step]


class PreviewTax(Shown):
    """A tax that would be charged."""

    code: str
    rate: DecimalText
    base: Money
    amount: Money


class Preview(Shown):
    """An invoice that would be written, with the usage known by now."""

    customer: str
    reason: str
    falls_due_at: InstantText = Field(description="When its charges fall due.")
    issued_at: InstantText = Field(description="When it becomes final, after the grace for late usage.")
    lines: list[PreviewLine]
    taxes: list[PreviewTax]
    subtotal: Money
    discount: Money
    tax: Money
    total: Money


class Draft(Shown):
    """A bill that fell due and still takes late usage. A preview of its customer shows its amounts."""

    id: str = Field(examples=["drf_01jh7q2v8s1k8m5c4w2x6y9z3b"])
    customer: str
    currency: str
    reason: str
    fell_due_at: InstantText
    finalize_at: InstantText


class PreviewAsked(Given):
    """Whose bills: a customer's, or those of one subscription."""

    customer: Reference | None = None
    subscription: str | None = Field(None, max_length=64, examples=[None])
    until: Instant | None = Field(None, description="Left out: up to the next instant at which something falls due.")


class InvoicesAsked(Asked):
    """Which invoices."""

    customer: Reference | None = None
    status: Literal["open", "overdue", "paid", "void", "uncollectible"] | None = None
    search: str | None = Field(None, max_length=200, description="Part of a number or of the customer's name.")
    cursor: Cursor | None = None
    limit: Limit = 50


class DraftsAsked(Asked):
    """Which drafts."""

    customer: Reference | None = None
    limit: Limit = 50


@reads(router, "/invoices", gives=Page[InvoiceSummary])
def list_invoices(request: HttpRequest, asked: Query[InvoicesAsked]) -> Page[InvoiceSummary]:
    """List invoices, newest first."""
    chosen = queries.InvoiceFilter(
        status=asked.status or "",
        search=asked.search or "",
        customer_id=optional_customer_of(asked.customer),
        before=read_number_cursor(asked.cursor),
    )
    rows = queries.invoices(chosen, at=request.at, limit=asked.limit)
    return page_of(rows, limit=asked.limit, show=show_summary, cursor=lambda row: str(row.sequence))


@acts(router, "/invoices/preview", gives=Page[Preview], may="view")
def preview_invoices(request: HttpRequest, body: PreviewAsked) -> Page[Preview]:
    """Preview the next invoices of a customer or subscription.

    Calculated by the code that writes them, from the usage known by now; nothing is written.
    """
    if (body.customer is None) == (body.subscription is None):
        raise Unacceptable("preview_of_one", "Name either a customer or a subscription.", field="customer")
    if body.subscription is not None:
        key = read_id("subscription", body.subscription)
        return whole_list(map(_show_preview, preview_subscription(key, until=body.until, at=request.at)))
    found = preview_customer(customer_of(body.customer), until=body.until, at=request.at)
    return whole_list(map(_show_preview, found))


@reads(router, "/invoices/{invoice_id}", gives=Invoice)
def get_invoice(request: HttpRequest, invoice_id: str) -> Invoice:
    """Get an invoice with its lines, their working, its taxes and its document."""
    row = queries.mark_overdue(queries.invoice_by_id(read_id("invoice", invoice_id)), at=request.at)
    document = queries.document_of(row)
    return Invoice(
        **show_summary(row).model_dump(),
        lines=[_show_line(line, row.currency) for line in queries.lines_of(row.id)],
        taxes=[_show_tax(tax, row.currency) for tax in row.taxes.order_by("id")],
        policies=row.policies,
        document=document,
    )


@gives_pdf(router, "/invoices/{invoice_id}/pdf")
def get_invoice_pdf(request: HttpRequest, invoice_id: str) -> HttpResponse:
    """Get an invoice as a PDF, byte for byte the same each time."""
    row = queries.invoice_by_id(read_id("invoice", invoice_id))
    return pdf_response(pdf_of(row, at=request.at), number=row.number)


@reads(router, "/drafts", gives=Page[Draft])
def list_drafts(request: HttpRequest, asked: Query[DraftsAsked]) -> Page[Draft]:
    """List bills that wait out their grace, the next to become final first."""
    rows = queries.drafts(customer_id=optional_customer_of(asked.customer), limit=asked.limit)
    return whole_list(_show_draft(row) for row in rows)


def pdf_response(content: bytes, *, number: str) -> HttpResponse:
    """A PDF named after its document's number."""
    response = HttpResponse(content, content_type=PDF)
    name = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_.") else "_" for letter in number)
    response["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    return response


def show_summary(row: Any) -> InvoiceSummary:
    """An invoice in a list; ``shown_status`` is set."""
    currency, state = row.currency, row.state
    return InvoiceSummary(
        id=show_id("invoice", row.id),
        number=row.number,
        customer=show_id("customer", row.customer_id),
        status=row.shown_status,
        reason=row.reason,
        language=row.language,
        issued_at=instant_text(row.issued_at),
        due_at=instant_text(row.due_at),
        subtotal=money(row.subtotal_minor, currency),
        discount=money(row.discount_minor, currency),
        tax=money(row.tax_minor, currency),
        total=money(row.total_minor, currency),
        due=money(state.due_minor, currency),
        paid=money(state.paid_minor, currency),
        credited=money(state.credited_minor, currency),
    )


def _show_line(row: Any, currency: str) -> InvoiceLine:
    return InvoiceLine(
        line=row.line,
        kind=row.kind,
        price=row.price.code if row.price else None,
        subscription=show_id("subscription", row.subscription_id) if row.subscription_id else None,
        text=row.text,
        group=object_of(row.group),
        period_start=instant_text(row.period_start),
        period_end=instant_text(row.period_end),
        quantity=decimal_text(row.quantity),
        amount=money(row.amount_minor, currency),
        discount=money(row.discount_minor, currency),
        tax=money(row.tax_minor, currency),
        tax_rates=object_of(row.tax_rates),
        working=object_of(row.working),
        working_version=row.working_version,
    )


def _show_tax(row: Any, currency: str) -> InvoiceTax:
    return InvoiceTax(
        code=row.code,
        label=row.label,
        rate=decimal_text(row.rate),
        base=money(row.base_minor, currency),
        amount=money(row.amount_minor, currency),
    )


def _show_preview(found: Any) -> Preview:
    bill, invoice, currency = found.bill, found.invoice, found.bill.currency
    return Preview(
        customer=show_id("customer", bill.customer_id),
        reason=bill.reason,
        falls_due_at=instant_text(bill.fell_due_at),
        issued_at=instant_text(bill.issued_at),
        lines=[
            _show_preview_line(
                line, group, show_id("subscription", bill.charges[line.source].subscription_id), currency
            )
            for line, group in zip(invoice.lines, found.groups, strict=True)
        ],
        taxes=[
            PreviewTax(
                code=tax.code,
                rate=decimal_text(tax.rate),
                base=money(tax.base_minor, currency),
                amount=money(tax.amount_minor, currency),
            )
            for tax in invoice.taxes
        ],
        subtotal=money(invoice.subtotal_minor, currency),
        discount=money(invoice.discount_minor, currency),
        tax=money(invoice.tax_minor, currency),
        total=money(invoice.total_minor, currency),
    )


def _show_preview_line(line: Any, group: Mapping[str, str], subscription: str, currency: str) -> PreviewLine:
    return PreviewLine(
        line=line.number,
        kind=line.charge.kind.value,
        price=line.charge.price.code,
        subscription=subscription,
        group=dict(group),
        period_start=instant_text(line.charge.period.start),
        period_end=instant_text(line.charge.period.end),
        quantity=decimal_text(line.quantity),
        amount=money(line.amount_minor, currency),
        discount=money(line.discount_minor, currency),
        tax=money(line.tax_minor, currency),
        working=[dict(step) for step in line.working],
    )


def _show_draft(row: Any) -> Draft:
    return Draft(
        id=show_id("draft", row.id),
        customer=show_id("customer", row.customer_id),
        currency=row.currency,
        reason=row.reason,
        fell_due_at=instant_text(row.fell_due_at),
        finalize_at=instant_text(row.finalize_at),
    )
