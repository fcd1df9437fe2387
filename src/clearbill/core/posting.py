"""Postings: what a fact moves between accounts. Balanced by construction, reversed by swapping two fields.

``source → destination``: in the journal the source is credited and the destination debited.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from clearbill.core.errors import Fault
from clearbill.core.invoice import Credit, Invoice
from clearbill.core.money import RoundingMode, round_ratio
from clearbill.core.period import Period, ProrationUnit
from clearbill.core.proration import share

RECEIVABLE = "receivable"
DEFERRED = "deferred_revenue"
REVENUE = "revenue"
CUSTOMER_CREDIT = "customer_credit"
REFUNDS_PAYABLE = "refunds_payable"


def tax_payable(code: str) -> str:
    """The account of a tax."""
    return f"tax_payable:{code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """An amount above zero, in minor units, from ``source`` to ``destination``."""

    source: str
    destination: str
    amount_minor: int
    currency: str
    line: int | None = None

    def __post_init__(self) -> None:
        if self.amount_minor <= 0 or self.source == self.destination:
            raise Fault(f"not a posting: {self.source} → {self.destination} {self.amount_minor}")


def move(source: str, destination: str, amount_minor: int, *, currency: str, line: int | None = None) -> list[Posting]:
    """A posting of ``amount_minor``; the other way round when it's negative; none when it's zero."""
    if amount_minor == 0:
        return []
    if amount_minor < 0:
        source, destination = destination, source
    return [
        Posting(
            source=source,
            destination=destination,
            amount_minor=abs(amount_minor),
            currency=currency,
            line=line,
        )
    ]


def reverse(postings: Iterable[Posting]) -> list[Posting]:
    """The same amounts back."""
    return [replace(each, source=each.destination, destination=each.source) for each in postings]


def invoice_finalized(invoice: Invoice, *, currency: str) -> list[Posting]:
    """Per line, net of discount: deferred when billed in advance, else earned; per tax what is owed to the state."""
    postings = []
    for line in invoice.lines:
        account = DEFERRED if line.charge.in_advance else REVENUE
        net = line.amount_minor - line.discount_minor
        postings += move(account, RECEIVABLE, net, currency=currency, line=line.number)
    for tax in invoice.taxes:
        postings += move(tax_payable(tax.code), RECEIVABLE, tax.amount_minor, currency=currency)
    return postings


def credit_note(
    credit: Credit,
    *,
    currency: str,
    unearned: Mapping[int, int],
    open_minor: int,
    settle_to: str = CUSTOMER_CREDIT,
) -> list[Posting]:
    """What a credit note moves.

    ``unearned`` is the deferred rest by line number; it's taken back first, then revenue. The first ``open_minor`` come
    out of the receivable, what's above goes to ``settle_to`` (account credit, or refunds payable).
    """
    parts: list[tuple[str, int, int | None]] = []
    for line in credit.lines:
        net = line.amount_minor - line.discount_minor
        from_deferred = min(net, max(unearned.get(line.number, 0), 0))
        parts.append((DEFERRED, from_deferred, line.number))
        parts.append((REVENUE, net - from_deferred, line.number))
        parts.extend((tax_payable(code), amount, None) for code, amount in sorted(line.taxes.items()))
    return _fill(parts, open_minor=open_minor, settle_to=settle_to, currency=currency)


def _fill(
    parts: Sequence[tuple[str, int, int | None]], *, open_minor: int, settle_to: str, currency: str
) -> list[Posting]:
    """Take ``parts`` from the receivable until ``open_minor`` is used up, then from ``settle_to``."""
    postings = []
    left = open_minor
    for account, amount, line in parts:
        first = min(amount, left)
        left -= first
        postings += move(RECEIVABLE, account, first, currency=currency, line=line)
        postings += move(settle_to, account, amount - first, currency=currency, line=line)
    return postings


def clearing(gateway: str) -> str:
    """The account of money that a gateway has and hasn't paid out yet."""
    return f"clearing:{gateway}"


def bank(account: str) -> str:
    """A bank account of the seller's."""
    return f"bank:{account}"


def payment_received(applied_minor: int, left_minor: int, *, into: str, currency: str) -> list[Posting]:
    """Money came in ``into`` an account: so much for an invoice, and what is left over is the customer's credit."""
    return [
        *move(RECEIVABLE, into, applied_minor, currency=currency),
        *move(CUSTOMER_CREDIT, into, left_minor, currency=currency),
    ]


def refund_sent(amount_minor: int, *, out_of: str, currency: str) -> list[Posting]:
    """Money went back to the customer."""
    return move(out_of, REFUNDS_PAYABLE, amount_minor, currency=currency)


def credit_to_refund(amount_minor: int, *, currency: str) -> list[Posting]:
    """Account credit is going to be sent back."""
    return move(REFUNDS_PAYABLE, CUSTOMER_CREDIT, amount_minor, currency=currency)


def earned(amount_minor: int, *, span: Period, until: Period, unit: ProrationUnit, timezone: str) -> int:
    """The part of a line that is earned when ``until`` (the beginning of ``span``) has passed: straight-line, rounded."""
    if until.end >= span.end:
        return amount_minor
    if until.end <= span.start:
        return 0
    part = share(until, span, unit=unit, timezone=timezone)
    return round_ratio(amount_minor, part.used, part.whole, mode=RoundingMode.HALF_UP)


def journal_entries(postings: Iterable[Posting]) -> list[tuple[str, str, int]]:
    """Debits, then credits, summed per account and side: ``(account, "debit" | "credit", minor)``."""
    debits: dict[str, int] = {}
    credits: dict[str, int] = {}
    for each in postings:
        debits[each.destination] = debits.get(each.destination, 0) + each.amount_minor
        credits[each.source] = credits.get(each.source, 0) + each.amount_minor
    return [(account, "debit", minor) for account, minor in sorted(debits.items())] + [
        (account, "credit", minor) for account, minor in sorted(credits.items())
    ]
