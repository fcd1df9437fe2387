"""An invoice from what fell due: one function for quote, preview, bill and replay.

Order: quantity → rate → prorate → round once → tax → totals. Also: what a credit note takes back, and the states.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import assert_never

from clearbill.core.errors import Conflict, Unacceptable
from clearbill.core.money import RoundingMode, format_minor, major_text, round_minor, round_ratio, split
from clearbill.core.period import Period, ProrationUnit
from clearbill.core.price import Price
from clearbill.core.proration import prorate, share
from clearbill.core.rating import Rated, Step, rate_groups
from clearbill.core.subscription import Charge
from clearbill.core.tax import TaxBehavior, TaxedLine, TaxRate, TaxRounding, TaxTotal, tax_cells, tax_of

Group = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceRules:
    """Named policies and tax rates that an invoice is made under; frozen with it."""

    currency: str
    timezone: str
    rates: tuple[TaxRate, ...]
    unit: ProrationUnit = ProrationUnit.DAY
    rounding: RoundingMode = RoundingMode.HALF_UP
    behavior: TaxBehavior = TaxBehavior.EXCLUSIVE
    tax_rounding: TaxRounding = TaxRounding.RATE


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A charge and its quantities by group key; a charge without groups has the one key ``()``.

    ``timezone`` and ``unit`` are those of the charge's calendar, else the rules' own.
    """

    charge: Charge
    quantities: Mapping[Group, Decimal]
    source: int = 0
    timezone: str = ""
    unit: ProrationUnit | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of an invoice. Amounts in minor units, before tax. ``source`` tells which ``Measured`` it came from."""

    number: int
    source: int
    charge: Charge
    group: Group
    quantity: Decimal
    amount_minor: int
    discount_minor: int
    tax_minor: int
    rates: tuple[TaxRate, ...]
    working: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """lines − discounts = subtotal; subtotal + tax = total."""

    lines: tuple[Line, ...]
    taxes: tuple[TaxTotal, ...]
    subtotal_minor: int
    discount_minor: int
    tax_minor: int
    total_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """What :func:`price_charge` found for one group, before tax."""

    group: Group
    quantity: Decimal
    amount_minor: int
    working: tuple[Step, ...]


def make_invoice(items: Sequence[Measured], *, rules: InvoiceRules) -> Invoice:
    """Rate, prorate, round and tax ``items`` into an invoice; lines keep the order of the items, then of the groups."""
    priced = [(item, each) for item in items for each in price_charge(item, rules=rules)]
    rates = [_rates_of(item.charge.price, rules) for item, _each in priced]
    taxed = tax_of(
        [
            TaxedLine(base_minor=each.amount_minor, rates=chosen)
            for (_item, each), chosen in zip(priced, rates, strict=True)
        ],
        behavior=rules.behavior,
        rounding=rules.tax_rounding,
        mode=rules.rounding,
    )
    lines = tuple(
        Line(
            number=number,
            source=item.source,
            charge=item.charge,
            group=each.group,
            quantity=each.quantity,
            amount_minor=net,
            discount_minor=0,
            tax_minor=tax,
            rates=chosen,
            working=each.working,
        )
        for number, ((item, each), chosen, net, tax) in enumerate(
            zip(priced, rates, taxed.net_per_line, taxed.per_line, strict=True), 1
        )
    )
    subtotal = sum(line.amount_minor for line in lines)
    return Invoice(
        lines=lines,
        taxes=tuple(taxed.rates),
        subtotal_minor=subtotal,
        discount_minor=0,
        tax_minor=taxed.total_minor,
        total_minor=subtotal + taxed.total_minor,
    )


def price_charge(item: Measured, *, rules: InvoiceRules) -> list[Priced]:
    """The rounded amount and the working of a charge, per group. Each line is rounded here, once.

    Usage isn't prorated: its window is already the part. A fee in a part period is charged used / whole.
    """
    charge = item.charge
    return [
        _priced(group, item.quantities.get(group, Decimal(0)), rated, item=item, rules=rules)
        for group, rated in rate_groups(charge.price, item.quantities or {(): Decimal(0)})
    ]


def _priced(group: Group, quantity: Decimal, rated: Rated, *, item: Measured, rules: InvoiceRules) -> Priced:
    charge = item.charge
    part = charge.window is None and charge.price.prorated and charge.period != charge.whole
    if part:
        unit = item.unit or rules.unit
        used = share(charge.period, charge.whole, unit=unit, timezone=item.timezone or rules.timezone)
        rated = prorate(rated, used, unit=unit, currency=rules.currency)
    amount = round_minor(rated.exact, rules.currency, mode=rules.rounding)
    working = rated.working
    shown = format_minor(amount, rules.currency)
    if Decimal(shown) != rated.exact:
        step: Step = {
            "step": "round",
            "mode": rules.rounding.value,
            "exact": major_text(rated.exact, rules.currency),
            "amount": shown,
        }
        working = (*working, step)
    return Priced(group=group, quantity=quantity, amount_minor=amount, working=working)


def _rates_of(price: Price, rules: InvoiceRules) -> tuple[TaxRate, ...]:
    """A price without ``tax`` carries all rates; ``tax: []`` carries none."""
    if price.tax is None:
        return rules.rates
    by_code = {rate.code: rate for rate in rules.rates}
    missing = [code for code in price.tax if code not in by_code]
    if missing:
        raise Unacceptable(
            "unknown_tax", "The price “{price}” names the tax “{tax}”, which the seller has no rate for.",
            price=price.code, tax=missing[0],
        )  # fmt: skip
    return tuple(by_code[code] for code in price.tax)


class InvoiceStatus(StrEnum):
    """States of a final invoice."""

    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"


class InvoiceEvent(StrEnum):
    """What can happen to a final invoice."""

    SETTLED = "settled"
    REOPENED = "reopened"
    VOIDED = "voided"
    WRITTEN_OFF = "written_off"


def next_status(status: InvoiceStatus, event: InvoiceEvent) -> InvoiceStatus:
    """The transition table; what isn't in it is refused with Conflict ``invoice_state``."""
    match event:
        case InvoiceEvent.SETTLED:
            allowed, target = {InvoiceStatus.OPEN}, InvoiceStatus.PAID
        case InvoiceEvent.REOPENED:
            allowed, target = {InvoiceStatus.PAID, InvoiceStatus.UNCOLLECTIBLE}, InvoiceStatus.OPEN
        case InvoiceEvent.VOIDED:
            allowed, target = {InvoiceStatus.OPEN}, InvoiceStatus.VOID
        case InvoiceEvent.WRITTEN_OFF:
            allowed, target = {InvoiceStatus.OPEN}, InvoiceStatus.UNCOLLECTIBLE
        case _:
            assert_never(event)
    if status not in allowed:
        raise Conflict(
            "invoice_state",
            "This can't be done with an invoice that is {status}.",
            status=status.value,
            event=event.value,
        )
    return target


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledLine:
    """A line as it was billed, and what earlier notes took back of it (before discount)."""

    number: int
    amount_minor: int
    discount_minor: int
    rates: tuple[TaxRate, ...]
    credited_minor: int
    credited_discount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRest:
    """What earlier notes left of one rate of an invoice."""

    rate: TaxRate
    base_minor: int
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditedLine:
    """What a note takes back of a line."""

    number: int
    amount_minor: int
    discount_minor: int
    tax_minor: int
    taxes: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """A credit note's amounts: subtotal + tax = total."""

    lines: tuple[CreditedLine, ...]
    subtotal_minor: int
    tax_minor: int
    total_minor: int


def make_credit(
    wanted: Mapping[int, int],
    *,
    lines: Sequence[BilledLine],
    rests: Sequence[TaxRest],
    mode: RoundingMode,
    rounding: TaxRounding = TaxRounding.RATE,
) -> Credit:
    """A credit note over ``wanted`` (line number → amount before discount and tax, minor units).

    The discount goes back in proportion; the tax of a rate is base × rate, rounded as the invoice's was, never above
    what is left of it, and the note that empties a rate's base takes all that is left.
    Raises Conflict ``credit_note_exceeds_invoice``, Unacceptable ``credit_note_empty`` and ``unknown_line``.
    """
    by_number = {line.number: line for line in lines}
    if not wanted:
        raise Unacceptable("credit_note_empty", "A credit note needs at least one line with an amount above zero.")
    chosen = []
    for number, amount in sorted(wanted.items()):
        if number not in by_number:
            raise Unacceptable("unknown_line", "The invoice has no line {line}.", line=number)
        chosen.append((by_number[number], amount))
    discounts = [_check_and_discount(line, amount, mode) for line, amount in chosen]
    bases = [amount - discount for (_line, amount), discount in zip(chosen, discounts, strict=True)]
    taxes = _taxes_back([line for line, _amount in chosen], bases, rests=rests, mode=mode, rounding=rounding)
    credited = tuple(
        CreditedLine(
            number=line.number,
            amount_minor=amount,
            discount_minor=discount,
            tax_minor=sum(tax.values()),
            taxes=tax,
        )
        for (line, amount), discount, tax in zip(chosen, discounts, taxes, strict=True)
    )
    subtotal, tax_total = sum(bases), sum(line.tax_minor for line in credited)
    return Credit(lines=credited, subtotal_minor=subtotal, tax_minor=tax_total, total_minor=subtotal + tax_total)


def _check_and_discount(line: BilledLine, amount: int, mode: RoundingMode) -> int:
    if amount <= 0:
        raise Unacceptable(
            "credit_note_not_positive",
            "The amount to credit on line {line} must be above zero.",
            line=line.number,
        )
    rest = line.amount_minor - line.credited_minor
    if amount > rest:
        raise Conflict(
            "credit_note_exceeds_invoice",
            "Line {line} has only {rest} minor units left to credit.",
            line=line.number,
            rest=max(rest, 0),
        )
    if amount == rest:
        return line.discount_minor - line.credited_discount_minor
    return round_ratio(line.discount_minor, amount, line.amount_minor, mode=mode) if line.discount_minor else 0


def _taxes_back(
    lines: Sequence[BilledLine],
    bases: Sequence[int],
    *,
    rests: Sequence[TaxRest],
    mode: RoundingMode,
    rounding: TaxRounding,
) -> list[dict[str, int]]:
    """The taxes of each line, by code."""
    touched = [rest for rest in rests if any(rest.rate in line.rates for line in lines)]
    shares = [
        [base if rest.rate in line.rates else 0 for line, base in zip(lines, bases, strict=True)] for rest in touched
    ]
    exact = [[base * Fraction(rest.rate.rate) / 100 for base in row] for rest, row in zip(touched, shares, strict=True)]
    cells = tax_cells(exact, rounding=rounding, mode=mode)
    for index, (rest, row) in enumerate(zip(touched, shares, strict=True)):
        if sum(row) >= rest.base_minor or sum(cells[index]) > rest.amount_minor:
            cells[index] = split(rest.amount_minor, row)
    return [
        {rest.rate.code: cells[row][column] for row, rest in enumerate(touched) if rest.rate in line.rates}
        for column, line in enumerate(lines)
    ]


def unused_part(
    line: BilledLine,
    *,
    billed: Period,
    unused: Period,
    unit: ProrationUnit,
    timezone: str,
    mode: RoundingMode,
) -> int:
    """What to credit of a line paid in advance: its amount × unused ÷ the span it covers, rounded, never above its rest."""
    part = share(unused, billed, unit=unit, timezone=timezone)
    amount = round_ratio(line.amount_minor, part.used, part.whole, mode=mode)
    return min(amount, line.amount_minor - line.credited_minor)
