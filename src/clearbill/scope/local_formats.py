"""Numbers, money and dates in the words of the active language (Babel). Nothing here rounds or reads a clock.

Money keeps exactly the digits of ISO 4217 (CLDR differs in some currencies); quantities and unit prices keep
every digit they have. Instants are shown in the zone asked for, else in Django's current one, with offset.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal, localcontext
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_interval, format_time, get_datetime_format
from babel.numbers import NumberPattern, format_decimal, format_percent
from django.utils import timezone
from django.utils.translation import get_language, to_locale

from clearbill.core.money import exponent, format_minor

ABSENT = "—"
CODE_BESIDE_DIGIT = re.compile(r"(?<=[A-Za-z])(?=\d)")  # CLDR puts a space between a code and the number; Babel doesn't
EXACT_DIGITS = 60


def active_locale() -> Locale:
    """Babel's locale of Django's active language; English when translation is switched off."""
    return Locale.parse(to_locale(get_language() or "en"))


def format_amount(value: Any, currency: str | None = None) -> str:
    """``1000, "EUR"`` (minor units), ``{"amount": "10.00", "currency": "EUR"}`` or a Money → ``€10.00``."""
    if value is None or value == "":
        return ABSENT
    if isinstance(value, Mapping):
        text, currency = value["amount"], value["currency"]
    elif isinstance(value, int) and not isinstance(value, bool):
        if not currency:
            raise ValueError("an amount in minor units needs its currency: {{ minor|amount:currency }}")
        text = format_minor(value, currency)
    elif hasattr(value, "minor") and hasattr(value, "currency"):
        text, currency = format_minor(value.minor, value.currency), value.currency
    else:
        raise ValueError(f"not money: {value!r}")
    digits = exponent(currency)
    return _format_currency(Decimal(text), currency, least=digits, most=digits)


def format_unit_price(value: Any, currency: str) -> str:
    """The price of one unit, all digits, at least the currency's: ``"0.0007", "EUR"`` → ``€0.0007``."""
    if value is None or value == "":
        return ABSENT
    price = _decimal(value)
    digits = exponent(currency)
    return _format_currency(price, currency, least=digits, most=max(digits, _places(price)))


def format_quantity(value: Any) -> str:
    """``Decimal("385000.50")`` → ``385,000.5``."""
    if value is None or value == "":
        return ABSENT
    with localcontext(prec=EXACT_DIGITS):
        return format_decimal(_decimal(value), locale=active_locale(), decimal_quantization=False)


def format_rate(value: Any) -> str:
    """A fraction as percent: ``"0.19"`` → ``19%``."""
    if value is None or value == "":
        return ABSENT
    with localcontext(prec=EXACT_DIGITS):
        return format_percent(_decimal(value), locale=active_locale(), decimal_quantization=False)


def format_day(value: Any, zone: str | tzinfo | None = None) -> str:
    """A date, or the local date of an instant: ``Nov 6, 2026``, ``2026年11月6日``. Reads ISO texts too."""
    if value is None or value == "":
        return ABSENT
    return format_date(_local_day(value, zone), "medium", locale=active_locale())


def format_instant(value: Any, zone: str | tzinfo | None = None) -> str:
    """``Nov 6, 2026, 2:05 PM UTC-5``: local date and time of an instant, with the offset."""
    if value is None or value == "":
        return ABSENT
    local = _local(value, zone)
    locale = active_locale()
    join = get_datetime_format("medium", locale=locale).replace("'", "")
    day = format_date(local.date(), "medium", locale=locale)
    clock = format_time(local.time(), "short", locale=locale)
    return f"{join.replace('{0}', clock).replace('{1}', day)} {_offset(local)}"


def format_period(start: Any, end: Any, zone: str | tzinfo | None = None) -> str:
    """The days of ``[start, end)``, the last one shown: ``Nov 1 – 30, 2026``; no end: ``Nov 1, 2026 –``."""
    if end is None or end == "":
        return f"{format_day(start, zone)} –"
    first = _local_day(start, zone)
    after = _moment(end)
    last = (
        _local(after - timedelta(microseconds=1), zone).date()
        if isinstance(after, datetime)
        else after - timedelta(days=1)
    )
    if last <= first:
        return format_day(first)
    return format_interval(first, last, "yMMMd", locale=active_locale())


def _format_currency(value: Decimal, currency: str, *, least: int, most: int) -> str:
    locale = active_locale()
    pattern: NumberPattern = copy.copy(locale.currency_formats["standard"])
    pattern.frac_prec = (least, most)
    with localcontext(prec=EXACT_DIGITS):
        shown = pattern.apply(value, locale, currency=currency, currency_digits=False)
    return CODE_BESIDE_DIGIT.sub("\u00a0", shown)


def _decimal(value: Any) -> Decimal:
    if isinstance(value, float):
        raise ValueError(f"a float has no exact digits: {value!r}")
    return value if isinstance(value, Decimal) else Decimal(str(value))


def _places(value: Decimal) -> int:
    found = value.normalize().as_tuple().exponent
    return max(0, -found) if isinstance(found, int) else 0


def _moment(value: Any) -> date:
    """A date or an aware datetime of a value or its ISO text."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value) if "T" in value or " " in value else date.fromisoformat(value)
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError(f"an instant without a zone: {value!r}")
    return value


def _local(value: Any, zone: str | tzinfo | None) -> datetime:
    moment = _moment(value)
    if not isinstance(moment, datetime):
        raise ValueError(f"not an instant: {value!r}")
    place = ZoneInfo(zone) if isinstance(zone, str) and zone else zone or timezone.get_current_timezone()
    return moment.astimezone(place)


def _local_day(value: Any, zone: str | tzinfo | None) -> date:
    moment = _moment(value)
    return _local(moment, zone).date() if isinstance(moment, datetime) else moment


def _offset(local: datetime) -> str:
    minutes = int((local.utcoffset() or timedelta()).total_seconds()) // 60
    if minutes == 0:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    sign = "+" if minutes > 0 else "−"
    return f"UTC{sign}{hours}" + (f":{rest:02d}" if rest else "")
