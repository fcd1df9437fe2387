"""Verify: recompute final invoices and their credit notes, and compare every amount and every working.

Each is compared with its rows, with what its document shows, with its state and with the ledger; and no number may be
missing. What is compared stands in ``verify_parts``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from clearbill.billing.models import CreditNote, CreditNoteLine, Invoice, InvoiceLine, InvoiceTax
from clearbill.billing.queries.recompute import recompute
from clearbill.billing.queries.verify_notes import note_pairs
from clearbill.billing.queries.verify_parts import invoice_pairs
from clearbill.ledger.queries import transactions_of
from clearbill.pricing.queries import meters_by_code, prices_by_id
from clearbill.sellers.queries import last_number

BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first thing in which a recomputed invoice differs: where, what is stored, what comes out."""

    number: str
    where: str
    stored: str
    recomputed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """One invoice and its difference, None when it's right."""

    number: str
    difference: Difference | None


def count_invoices() -> int:
    """How many final invoices there are, for a progress bar."""
    return Invoice.objects.count()


def verify_all() -> Iterator[Verified]:
    """Verify every final invoice of the running seller scope, in the order of their numbers, and that none is missing."""
    given, last = last_number("invoice"), 0
    while rows := list(Invoice.objects.select_related("state").filter(sequence__gt=last).order_by("sequence")[:BATCH]):
        for row, found in zip(rows, verify(rows), strict=True):
            is_next = row.sequence == last + 1
            yield found if is_next else _differs(row.number, "running number", row.sequence, last + 1)
            last = row.sequence
    if last < given:
        yield _differs(f"#{given}", "last running number", last, given)


def verify_numbers(numbers: list[str]) -> Iterator[Verified]:
    """Verify the invoices of these numbers; those that don't exist are left out."""
    yield from verify(list(Invoice.objects.select_related("state").filter(number__in=numbers).order_by("sequence")))


def verify(rows: list[Invoice]) -> Iterator[Verified]:
    """Verify ``rows``."""
    ids = [row.id for row in rows]
    lines: dict[UUID, list[InvoiceLine]] = {each: [] for each in ids}
    for line in InvoiceLine.objects.filter(invoice_id__in=ids).select_related("subscription").order_by("line"):
        lines[line.invoice_id].append(line)
    taxes: dict[UUID, list[InvoiceTax]] = {each: [] for each in ids}
    for tax in InvoiceTax.objects.filter(invoice_id__in=ids).order_by("id"):
        taxes[tax.invoice_id].append(tax)
    notes: dict[UUID, list[tuple[CreditNote, list[CreditNoteLine]]]] = {each: [] for each in ids}
    for note in (
        CreditNote.objects.filter(invoice_id__in=ids).prefetch_related("lines__invoice_line").order_by("sequence")
    ):
        notes[note.invoice_id].append((note, list(note.lines.all())))
    prices = prices_by_id({line.price_id for group in lines.values() for line in group if line.price_id})
    meters, posted = meters_by_code(), transactions_of(ids)
    for row in rows:
        again = recompute(row, lines[row.id], prices=prices, meters=meters)
        pairs = [
            *invoice_pairs(row, lines[row.id], taxes[row.id], again=again, posted=posted[row.id]),
            *note_pairs(row, lines[row.id], taxes[row.id], notes=notes[row.id], posted=posted[row.id]),
        ]
        wrong = next(((where, a, b) for where, a, b in pairs if a != b), None)
        yield Verified(number=row.number, difference=None) if wrong is None else _differs(row.number, *wrong)


def _differs(number: str, where: str, stored: object, recomputed: object) -> Verified:
    difference = Difference(number=number, where=where, stored=str(stored), recomputed=str(recomputed))
    return Verified(number=number, difference=difference)
