"""Credit notes of an invoice, made again one after another, and compared with what is stored and shown of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from clearbill.billing.models import CreditNote, CreditNoteLine, Invoice, InvoiceLine, InvoiceTax
from clearbill.billing.queries.verify_parts import Pair, amounts_shown, taxes_in, taxes_shown
from clearbill.core.errors import Refusal
from clearbill.core.invoice import BilledLine, Credit, TaxRest, make_credit
from clearbill.core.money import format_minor
from clearbill.core.policy import read_policies
from clearbill.core.tax import TaxRate, TaxTotal
from clearbill.ledger.queries import Posted

Note = tuple[CreditNote, list[CreditNoteLine]]


def note_pairs(
    row: Invoice,
    lines: Sequence[InvoiceLine],
    taxes: Sequence[InvoiceTax],
    *,
    notes: Sequence[Note],
    posted: Sequence[Posted],
) -> Iterator[Pair]:
    """``(where, stored, recomputed)`` of each note in the order of their numbers, then of all together."""
    chosen = read_policies({name: value for name, value in row.policies.items() if name != "tax_behavior"})
    billed = {line.line: _billed(line) for line in lines}
    rests = [_rest(tax) for tax in taxes]
    for note, note_lines in notes:
        wanted = {line.invoice_line.line: line.amount_minor for line in note_lines}
        try:
            credit = make_credit(
                wanted,
                lines=list(billed.values()),
                rests=rests,
                mode=chosen.rounding,
                rounding=chosen.tax_rounding,
            )
        except Refusal as refusal:
            yield f"{note.number}: what it credits", wanted, refusal.code
            return
        totals = _totals(credit, rests)
        yield from _pairs(note, note_lines, credit, totals=totals, posted=posted)
        billed = _after(billed, credit)
        rests = _rests_after(rests, totals)
    yield "credited in all", row.state.credited_minor, sum(note.total_minor for note, _lines in notes)


def _pairs(
    note: CreditNote,
    lines: Sequence[CreditNoteLine],
    credit: Credit,
    *,
    totals: Sequence[TaxTotal],
    posted: Sequence[Posted],
) -> Iterator[Pair]:
    kept = sorted((line.invoice_line.line, line.amount_minor, line.discount_minor, line.tax_minor) for line in lines)
    again = [(line.number, line.amount_minor, line.discount_minor, line.tax_minor) for line in credit.lines]
    yield f"{note.number}: lines", kept, again
    sums = (credit.subtotal_minor, credit.tax_minor, credit.total_minor)
    yield f"{note.number}: sums", (note.subtotal_minor, note.tax_minor, note.total_minor), sums
    document, currency = json.loads(note.document), note.currency
    total = format_minor(credit.total_minor, currency)
    expected = {
        "number": note.number,
        "currency": currency,
        "subtotal": format_minor(credit.subtotal_minor, currency),
        "discount": format_minor(sum(line.discount_minor for line in credit.lines), currency),
        "tax": format_minor(credit.tax_minor, currency),
        "total": total,
        "amount_due": total,
    }
    yield f"{note.number}: sums in the document", amounts_shown(document), expected
    yield f"{note.number}: taxes in the document", taxes_in(document), taxes_shown(totals, currency)
    shown = [(line["line"], line["amount"], line["discount"], line["tax"]) for line in document["lines"]]
    told = [(number, *(format_minor(minor, currency) for minor in minors)) for number, *minors in again]
    yield f"{note.number}: lines in the document", shown, told
    found = [each for each in posted if each.fact == "credit_note" and each.ref == note.number]
    moved = [(each.at, sum(each_posting.amount_minor for each_posting in each.postings)) for each in found]
    yield f"{note.number}: instant and total in the ledger", moved, [(note.issued_at, credit.total_minor)]


def _billed(line: InvoiceLine) -> BilledLine:
    return BilledLine(
        number=line.line,
        amount_minor=line.amount_minor,
        discount_minor=line.discount_minor,
        rates=tuple(TaxRate(code=each["code"], rate=Decimal(each["rate"])) for each in json.loads(line.tax_rates)),
        credited_minor=0,
        credited_discount_minor=0,
    )


def _rest(tax: InvoiceTax) -> TaxRest:
    return TaxRest(
        rate=TaxRate(code=tax.code, rate=tax.rate.normalize()), base_minor=tax.base_minor, amount_minor=tax.amount_minor
    )


def _totals(credit: Credit, rests: Sequence[TaxRest]) -> list[TaxTotal]:
    totals = []
    for rest in rests:
        inside = [line for line in credit.lines if rest.rate.code in line.taxes]
        if inside:
            base = sum(line.amount_minor - line.discount_minor for line in inside)
            amount = sum(line.taxes[rest.rate.code] for line in inside)
            totals.append(TaxTotal(code=rest.rate.code, rate=rest.rate.rate, base_minor=base, amount_minor=amount))
    return totals


def _after(billed: Mapping[int, BilledLine], credit: Credit) -> dict[int, BilledLine]:
    taken = {line.number: line for line in credit.lines}
    return {
        number: replace(
            line,
            credited_minor=line.credited_minor + taken[number].amount_minor,
            credited_discount_minor=line.credited_discount_minor + taken[number].discount_minor,
        )
        if number in taken
        else line
        for number, line in billed.items()
    }


def _rests_after(rests: Sequence[TaxRest], totals: Sequence[TaxTotal]) -> list[TaxRest]:
    taken = {total.code: total for total in totals}
    return [
        replace(
            rest,
            base_minor=rest.base_minor - taken[rest.rate.code].base_minor,
            amount_minor=rest.amount_minor - taken[rest.rate.code].amount_minor,
        )
        if rest.rate.code in taken
        else rest
        for rest in rests
    ]
