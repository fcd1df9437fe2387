"""Tax at fixed rates, exclusive or inclusive, under the three named roundings. Line taxes always add up to the total."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import lcm

from clearbill.core.money import RoundingMode, round_ratio, split


class TaxRounding(StrEnum):
    """Where tax is rounded: once a rate (what EN 16931 asks), once an invoice, or line by line."""

    RATE = "rate"
    INVOICE = "invoice"
    LINE = "line"


class TaxBehavior(StrEnum):
    """Whether prices are without tax or contain it."""

    EXCLUSIVE = "exclusive"
    INCLUSIVE = "inclusive"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRate:
    """A rate in per cent."""

    code: str
    rate: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxedLine:
    """A line's amount in minor units after discount: net, or gross where prices are inclusive; and its rates."""

    base_minor: int
    rates: tuple[TaxRate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxTotal:
    """A rate's net base and tax, minor units."""

    code: str
    rate: Decimal
    base_minor: int
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Taxed:
    """Taxes per line and per rate; ``net_per_line`` are the lines' amounts without tax."""

    per_line: tuple[int, ...]
    net_per_line: tuple[int, ...]
    rates: tuple[TaxTotal, ...]
    total_minor: int


def tax_of(
    lines: Sequence[TaxedLine],
    *,
    behavior: TaxBehavior,
    rounding: TaxRounding,
    mode: RoundingMode,
) -> Taxed:
    """Tax ``lines``. Shares over lines and rates are made by the money split, so that every sum holds."""
    rates = list(dict.fromkeys(rate for line in lines for rate in line.rates))
    exact = [[_exact(line, rate, behavior) if rate in line.rates else Fraction(0) for line in lines] for rate in rates]
    cells = tax_cells(exact, rounding=rounding, mode=mode)
    per_line = tuple(sum(cells[row][column] for row in range(len(rates))) for column in range(len(lines)))
    net = tuple(
        line.base_minor - (tax if behavior is TaxBehavior.INCLUSIVE else 0)
        for line, tax in zip(lines, per_line, strict=True)
    )
    totals = tuple(
        TaxTotal(
            code=rate.code,
            rate=rate.rate,
            base_minor=sum(net[column] for column, line in enumerate(lines) if rate in line.rates),
            amount_minor=sum(cells[row]),
        )
        for row, rate in enumerate(rates)
    )
    return Taxed(per_line=per_line, net_per_line=net, rates=totals, total_minor=sum(per_line))


def _exact(line: TaxedLine, rate: TaxRate, behavior: TaxBehavior) -> Fraction:
    """A line's tax of one rate in minor units, unrounded. Inclusive: gross × r ÷ (100 + Σ of the line's rates)."""
    percent = Fraction(rate.rate)
    if behavior is TaxBehavior.EXCLUSIVE:
        return line.base_minor * percent / 100
    return line.base_minor * percent / (100 + sum((Fraction(each.rate) for each in line.rates), Fraction(0)))


def tax_cells(exact: list[list[Fraction]], *, rounding: TaxRounding, mode: RoundingMode) -> list[list[int]]:
    """Whole minor units of exact taxes, a row a rate and a column a line: what an invoice takes, and a note gives back."""
    return _CELLS[rounding](exact, mode)


def _round(exact: Fraction, mode: RoundingMode) -> int:
    return round_ratio(1, exact.numerator, exact.denominator, mode=mode)


def _by_rate(exact: list[list[Fraction]], mode: RoundingMode) -> list[list[int]]:
    return [_spread(_round(sum(row, Fraction(0)), mode), row) for row in exact]


def _by_invoice(exact: list[list[Fraction]], mode: RoundingMode) -> list[list[int]]:
    sums = [sum(row, Fraction(0)) for row in exact]
    totals = _spread(_round(sum(sums, Fraction(0)), mode), sums)
    return [_spread(total, row) for total, row in zip(totals, exact, strict=True)]


def _by_line(exact: list[list[Fraction]], mode: RoundingMode) -> list[list[int]]:
    return [[_round(cell, mode) for cell in row] for row in exact]


_CELLS = {TaxRounding.RATE: _by_rate, TaxRounding.INVOICE: _by_invoice, TaxRounding.LINE: _by_line}


def _spread(total: int, weights: Sequence[Fraction]) -> list[int]:
    """Split ``total`` over exact weights. Where signs are mixed, each cell is cut toward zero and the rest handed out."""
    if not weights:
        return []
    if all(weight >= 0 for weight in weights) or all(weight <= 0 for weight in weights):
        scale = lcm(*(weight.denominator for weight in weights))
        return split(total, [abs(int(weight * scale)) for weight in weights])
    shares = [int(weight) for weight in weights]
    left = total - sum(shares)
    step = 1 if left > 0 else -1
    order = sorted(range(len(weights)), key=lambda i: (-step * (weights[i] - shares[i]), i))
    for index in order[: abs(left)]:
        shares[index] += step
    return shares
