"""Geometry and labels of a bar chart as plain values; components/bar_chart.html draws them. Integers only.

The bars live in a box 1000 high that is stretched to its place, so the labels stand outside it, in HTML,
and stay readable on phones.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median_high
from typing import Any

from babel.numbers import format_compact_decimal
from django.utils.translation import gettext as _

from clearbill.core.money import exponent
from clearbill.scope.local_formats import active_locale, format_amount, format_quantity

HEIGHT = 1000
SLOT = 100
GAP = 26
STEPS = tuple(map(Decimal, ("1", "1.2", "1.6", "2", "3", "4", "5", "6", "8", "10")))
MOST_LABELS_WIDE = 12
MOST_LONG_LABELS_WIDE = 8
MOST_LABELS_PHONE = 5
USUAL_LABEL = len("Dec 31")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One value, drawn: box coordinates and what a reader hears."""

    x: int
    y: int
    width: int
    height: int
    slot_x: int
    label: str
    value: str
    tick: str
    is_minor_tick: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Everything the template needs, worded in the active language."""

    title: str
    unit: str
    width: int
    slot: int
    bars: Sequence[Bar]
    scale: Sequence[str]
    limit_y: int | None
    limit: str
    summary: str


def lay_out_bars(
    points: Iterable[Any],
    *,
    title: str,
    unit: str = "",
    currency: str = "",
    limit: int | Decimal | None = None,
    narrow: bool = False,
) -> Chart:
    """A chart of ``[(label, value)]`` or ``[{"label", "value"}]``; with a currency values are minor units."""
    pairs = [_pair(point) for point in points]
    values = [value for _label, value in pairs]
    is_whole = not currency and all(value == value.to_integral_value() for value in values)
    top = round_up_scale(max([*values, Decimal(limit or 0), Decimal(0)]), is_whole=is_whole)
    wide, phone = _label_steps([label for label, _value in pairs], narrow=narrow)
    bars = [
        _bar(index, label, value, top=top, text=_wording(value, unit, currency), wide=wide, phone=phone)
        for index, (label, value) in enumerate(pairs)
    ]
    return Chart(
        title=title,
        unit=unit,
        width=max(1, len(pairs)) * SLOT,
        slot=SLOT,
        bars=bars,
        scale=[_short(top, currency), _short(top / 2, currency), _short(Decimal(0), currency)],
        limit_y=None if limit is None else HEIGHT - _height(Decimal(limit), top),
        limit="" if limit is None else _wording(Decimal(limit), unit, currency),
        summary=_summary(title, bars, values),
    )


def round_up_scale(highest: Decimal, *, is_whole: bool = False) -> Decimal:
    """The next number of ``STEPS`` × 10ⁿ: near enough to fill the chart, and its half is readable too.

    Of whole things (three flights) the half is whole as well.
    """
    if highest <= 0:
        return Decimal(2)
    power = Decimal(1).scaleb(highest.adjusted())
    tops = (step * power for step in STEPS if step * power >= highest)
    return next(top for top in tops if not (is_whole and top % 2))


def _pair(point: Any) -> tuple[str, Decimal]:
    label, value = (point["label"], point["value"]) if isinstance(point, Mapping) else point
    if isinstance(value, float):
        raise ValueError(f"a float has no exact digits: {value!r}")
    value = Decimal(value)
    if value < 0:
        raise ValueError(f"a bar can't show less than nothing: {value}")
    return str(label), value


def _bar(index: int, label: str, value: Decimal, *, top: Decimal, text: str, wide: int, phone: int) -> Bar:
    height = _height(value, top)
    return Bar(
        x=index * SLOT + GAP // 2,
        y=HEIGHT - height,
        width=SLOT - GAP,
        height=height,
        slot_x=index * SLOT,
        label=label,
        value=text,
        tick=label if index % wide == 0 else "",
        is_minor_tick=index % phone != 0,
    )


def _height(value: Decimal, top: Decimal) -> int:
    """At least a hair for what isn't zero: small is not the same as nothing."""
    return 0 if value == 0 else max(4, int(value * HEIGHT / top))


def _label_steps(labels: Sequence[str], *, narrow: bool) -> tuple[int, int]:
    """Every how many bars a label stands, on wide windows and on phones; the phone's are among the wide ones."""
    usual = median_high(map(_label_width, labels)) if labels else 0
    phone = _step(len(labels), MOST_LABELS_PHONE if usual <= USUAL_LABEL else MOST_LABELS_PHONE - 1)
    if narrow:
        return phone, phone
    wide = _step(len(labels), MOST_LABELS_WIDE if usual <= USUAL_LABEL else MOST_LONG_LABELS_WIDE)
    return wide, -(-phone // wide) * wide


def _label_width(label: str) -> int:
    """In half ems; a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in label)


def _step(count: int, most: int) -> int:
    return max(1, -(-count // most))


def _wording(value: Decimal, unit: str, currency: str) -> str:
    if currency:
        return format_amount(int(value), currency)
    return f"{format_quantity(value)} {unit}".strip()


def _short(value: Decimal, currency: str) -> str:
    digits = exponent(currency) if currency else 0
    return format_compact_decimal(value.scaleb(-digits), locale=active_locale(), fraction_digits=1)


def _summary(title: str, bars: Sequence[Bar], values: Sequence[Decimal]) -> str:
    if not bars:
        return title
    highest = bars[values.index(max(values))]
    sentence = _("Bar chart of %(title)s, %(first)s to %(last)s; the highest is %(value)s (%(label)s).")
    return sentence % {
        "title": title,
        "first": bars[0].label,
        "last": bars[-1].label,
        "value": highest.value,
        "label": highest.label,
    }
