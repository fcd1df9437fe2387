"""How the pages write money, numbers and dates, in both languages."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from django.template import engines
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from clearbill.core.money import exponent
from clearbill.scope import local_formats as formats

NARROW_SPACE = "\u202f"


@pytest.mark.parametrize(
    ("value", "currency", "english", "chinese"),
    [
        (0, "EUR", "€0.00", "€0.00"),
        (1, "EUR", "€0.01", "€0.01"),
        (-123456, "USD", "-$1,234.56", "-US$1,234.56"),
        (48974, "CNY", "CN¥489.74", "¥489.74"),
        (150000, "JPY", "¥150,000", "JP¥150,000"),
        (1234, "BHD", "BHD\xa01.234", "BHD\xa01.234"),
        (99, "UYW", "UYW\xa00.0099", "UYW\xa00.0099"),
        ({"amount": "10.00", "currency": "EUR"}, None, "€10.00", "€10.00"),
        (SimpleNamespace(minor=1000, currency="EUR"), None, "€10.00", "€10.00"),
        (None, None, "—", "—"),
    ],
)
def test_an_amount_has_the_digits_of_its_currency(value, currency, english, chinese):
    for language, expected in (("en", english), ("zh-hans", chinese)):
        with translation.override(language):
            assert formats.format_amount(value, currency) == expected


@given(
    minor=st.integers(-(10**17), 10**17), currency=st.sampled_from(["EUR", "JPY", "BHD", "CLP", "HUF", "ISK", "UYW"])
)
def test_an_amount_shown_can_be_read_back_to_the_same_minor_units(minor, currency):
    for language in ("en", "zh-hans"):
        with translation.override(language):
            shown = formats.format_amount(minor, currency)
        number = re.search(r"\d[\d,]*(\.\d+)?", shown)[0].replace(",", "")
        size = int(Decimal(number).scaleb(exponent(currency)))
        assert (-size if shown.startswith("-") else size) == minor


@pytest.mark.parametrize(
    "refused",
    [
        lambda: formats.format_amount(1000),
        lambda: formats.format_amount(10.0, "EUR"),
        lambda: formats.format_amount(True, "EUR"),
        lambda: formats.format_amount("10.00", "EUR"),
        lambda: formats.format_quantity(1.5),
        lambda: formats.format_instant(datetime(2026, 1, 1)),
        lambda: formats.format_instant(date(2026, 1, 1)),
    ],
)
def test_what_is_not_exact_or_has_no_zone_or_no_currency_is_refused(refused):
    with pytest.raises(ValueError, match=r"currency|not money|no exact digits|without a zone|not an instant"):
        refused()


@pytest.mark.parametrize(
    ("price", "shown"),
    [("0.0007", "€0.0007"), ("799", "€799.00"), ("0.100", "€0.10"), ("0.000000000001", "€0.000000000001")],
)
def test_a_unit_price_keeps_every_digit_and_at_least_the_currencys(price, shown):
    with translation.override("en"):
        assert formats.format_unit_price(price, "EUR") == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (385000, "385,000"),
        ("3850.50", "3,850.5"),
        (Decimal("0.000000000001"), "0.000000000001"),
        (Decimal("123456789012345678.123456789012"), "123,456,789,012,345,678.123456789012"),
    ],
)
def test_a_quantity_is_shown_exactly(value, shown):
    with translation.override("en"):
        assert formats.format_quantity(value) == shown


def test_a_rate_is_shown_as_percent_without_rounding():
    with translation.override("en"):
        assert [formats.format_rate(rate) for rate in ("0.19", "0.077", "0")] == ["19%", "7.7%", "0%"]


NEW_YEAR_IN_UTC = datetime(2026, 1, 1, 3, 30, tzinfo=UTC)


def test_the_day_of_an_instant_depends_on_the_zone():
    with translation.override("en"):
        assert formats.format_day(NEW_YEAR_IN_UTC) == "Jan 1, 2026"
        assert formats.format_day(NEW_YEAR_IN_UTC, "America/New_York") == "Dec 31, 2025"
        assert formats.format_day("2026-01-01T03:30:00Z", ZoneInfo("America/New_York")) == "Dec 31, 2025"
        assert formats.format_day("2026-01-01", "America/New_York") == "Jan 1, 2026"
    with translation.override("zh-hans"):
        assert formats.format_day(NEW_YEAR_IN_UTC) == "2026年1月1日"


@pytest.mark.parametrize(
    ("zone", "english", "chinese"),
    [
        ("UTC", f"Jan 1, 2026, 3:30{NARROW_SPACE}AM UTC", "2026年1月1日 03:30 UTC"),
        ("Asia/Shanghai", f"Jan 1, 2026, 11:30{NARROW_SPACE}AM UTC+8", "2026年1月1日 11:30 UTC+8"),
        ("America/New_York", f"Dec 31, 2025, 10:30{NARROW_SPACE}PM UTC−5", "2025年12月31日 22:30 UTC−5"),
        ("Asia/Kolkata", f"Jan 1, 2026, 9:00{NARROW_SPACE}AM UTC+5:30", "2026年1月1日 09:00 UTC+5:30"),
    ],
)
def test_an_instant_says_its_offset(zone, english, chinese):
    for language, expected in (("en", english), ("zh-hans", chinese)):
        with translation.override(language):
            assert formats.format_instant(NEW_YEAR_IN_UTC, zone) == expected


def test_a_period_shows_its_last_day_and_not_its_exclusive_end():
    with translation.override("zh-hans"):
        assert formats.format_period("2026-11-01", "2026-12-01") == "2026年11月1日至30日"
        assert formats.format_period("2026-11-01", "2026-11-02") == "2026年11月1日"
        assert formats.format_period("2026-11-01", None) == "2026年11月1日 –"
    midnight = datetime(2026, 11, 1, tzinfo=ZoneInfo("America/New_York"))
    december = datetime(2026, 12, 1, tzinfo=ZoneInfo("America/New_York"))
    with translation.override("zh-hans"):
        assert formats.format_period(midnight.astimezone(UTC), december.astimezone(UTC), "America/New_York") == (
            "2026年11月1日至30日"
        )


def test_tags_and_filters_of_the_same_name_say_the_same():
    page = engines["django"].from_string(
        "{% load clearbill %}{{ minor|amount:currency }}|{% amount minor currency %}|{{ day|day }}|{{ n|quantity }}"
    )
    with translation.override("en"):
        shown = page.render({"minor": 1050, "currency": "EUR", "day": "2026-11-06", "n": 1200})
    assert shown == "€10.50|€10.50|Nov 6, 2026|1,200"
