"""What of an invoice is compared with its recomputation: rows, document, state, ledger. Pairs of what should be equal."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from clearbill.billing.documents import frozen
from clearbill.billing.models import Invoice, InvoiceLine, InvoiceState, InvoiceTax
from clearbill.core import posting
from clearbill.core.invoice import Invoice as InvoiceValue
from clearbill.core.money import format_minor, plain
from clearbill.core.period import Period
from clearbill.core.rating import WORKING_VERSION, canonical
from clearbill.core.tax import TaxTotal
from clearbill.ledger.queries import Posted

Pair = tuple[str, object, object]


def invoice_pairs(
    row: Invoice,
    lines: Sequence[InvoiceLine],
    taxes: Sequence[InvoiceTax],
    *,
    again: InvoiceValue,
    posted: Sequence[Posted],
) -> Iterator[Pair]:
    """``(where, stored, recomputed)``, from the first line to the total, then what rests on them."""
    yield "number of lines", len(lines), len(again.lines)
    for stored, line in zip(lines, again.lines, strict=False):
        yield f"line {stored.line}: number", stored.line, line.number
        yield f"line {stored.line}: currency", row.currency, line.charge.price.currency
        yield f"line {stored.line}: amount", stored.amount_minor, line.amount_minor
        yield f"line {stored.line}: discount", stored.discount_minor, line.discount_minor
        yield f"line {stored.line}: tax", stored.tax_minor, line.tax_minor
        if stored.working_version == WORKING_VERSION:
            yield f"line {stored.line}: working", stored.working, canonical(line.working)
    yield "number of taxes", len(taxes), len(again.taxes)
    for kept, tax in zip(taxes, again.taxes, strict=False):
        yield f"tax {kept.code}: code and rate", (kept.code, plain(kept.rate)), (tax.code, plain(tax.rate))
        yield f"tax {kept.code}: base", kept.base_minor, tax.base_minor
        yield f"tax {kept.code}: amount", kept.amount_minor, tax.amount_minor
    yield "subtotal", row.subtotal_minor, again.subtotal_minor
    yield "discount", row.discount_minor, again.discount_minor
    yield "tax", row.tax_minor, again.tax_minor
    yield "total", row.total_minor, again.total_minor
    yield from _document_pairs(row, lines, again)
    yield from _state_pairs(row.state)
    yield from _ledger_pairs(row, again, posted)


def amounts_shown(document: dict[str, Any]) -> dict[str, object]:
    """What a document says of its number, currency and sums."""
    names = ("number", "currency", "subtotal", "discount", "tax", "total", "amount_due")
    return {name: document[name] for name in names}


def taxes_shown(taxes: Sequence[TaxTotal], currency: str) -> list[tuple[str, str, str, str]]:
    """Taxes as a document says them."""
    return [
        (
            tax.code,
            plain(tax.rate),
            format_minor(tax.base_minor, currency),
            format_minor(tax.amount_minor, currency),
        )
        for tax in taxes
    ]


def taxes_in(document: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """The taxes that a document says."""
    return [(tax["code"], tax["rate"], tax["base"], tax["amount"]) for tax in document["taxes"]]


def _document_pairs(row: Invoice, lines: Sequence[InvoiceLine], again: InvoiceValue) -> Iterator[Pair]:
    document = json.loads(row.document)
    currency = row.currency
    total = format_minor(again.total_minor, currency)
    expected = {
        "number": row.number,
        "currency": currency,
        "subtotal": format_minor(again.subtotal_minor, currency),
        "discount": format_minor(again.discount_minor, currency),
        "tax": format_minor(again.tax_minor, currency),
        "total": total,
        "amount_due": total,
    }
    yield "sums in the document", amounts_shown(document), expected
    yield "taxes in the document", taxes_in(document), taxes_shown(again.taxes, currency)
    yield "number of lines in the document", len(document["lines"]), len(again.lines)
    for stored, line, shown in zip(lines, again.lines, document["lines"], strict=False):
        told = {
            "line": line.number,
            "price": line.charge.price.code,
            "text": stored.text,
            "kind": line.charge.kind.value,
            "group": json.loads(stored.group),
            "quantity": plain(line.quantity),
            "amount": format_minor(line.amount_minor, currency),
            "discount": format_minor(line.discount_minor, currency),
            "tax": format_minor(line.tax_minor, currency),
            "tax_rates": json.loads(stored.tax_rates),
            "working": json.loads(stored.working),
        }
        if stored.subscription is not None:
            period = Period(start=stored.period_start, end=stored.period_end)
            told["period"] = frozen.inclusive(period, stored.subscription.timezone)
        yield f"line {stored.line} in the document", {name: shown[name] for name in told}, told


def _state_pairs(state: InvoiceState) -> Iterator[Pair]:
    if state.status in ("open", "paid"):
        left = state.invoice.total_minor - state.paid_minor - state.settled_by_note_minor
        yield "open amount", state.due_minor, left
        yield "status", state.status, "open" if state.due_minor else "paid"


def _ledger_pairs(row: Invoice, again: InvoiceValue, posted: Sequence[Posted]) -> Iterator[Pair]:
    expected = posting.invoice_finalized(again, currency=row.currency)
    found = [each for each in posted if each.fact == "invoice_finalized"]
    yield "transactions in the ledger", len(found), 1 if expected else 0
    for each in found:
        yield "number and instant in the ledger", (each.ref, each.at), (row.number, row.issued_at)
        yield "postings in the ledger", list(each.postings), expected
