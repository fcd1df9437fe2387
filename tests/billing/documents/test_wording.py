"""Sentences of a working: recomputing from what they say gives the amount, in both languages."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from clearbill.billing.documents.wording import sentences
from clearbill.core.price import parse_price
from clearbill.core.rating import rate

PRICES = [
    {"code": "p", "model": "per_unit", "unit_amount": "0.0375"},
    {"code": "p", "model": "graduated", "tiers": [{"up_to": 10, "unit_amount": "1.5"}, {"unit_amount": "0.75"}]},
    {
        "code": "p",
        "model": "volume",
        "tiers": [{"up_to": 10, "unit_amount": "1.5"}, {"unit_amount": "0.75", "flat_amount": "3"}],
    },
    {"code": "p", "model": "package", "amount": "5", "size": 10, "free_units": 3},
]


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
@pytest.mark.parametrize("price", PRICES, ids=lambda price: price["model"])
@pytest.mark.parametrize("quantity", ["0", "7", "10", "11", "1234.5"])
def test_what_a_sentence_says_can_be_recomputed(language: str, price: dict[str, object], quantity: str) -> None:
    rated = rate(parse_price(price, currency="EUR", meters=()), Decimal(quantity))

    said = sentences(list(rated.working), language=language, currency="EUR")

    assert sum((_recomputed(sentence) for sentence in said), Decimal(0)) == rated.exact


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
def test_an_unknown_step_lists_its_fields(language: str) -> None:
    assert sentences([{"step": "later", "x": "1"}], language=language, currency="EUR") == ["step: later, x: 1"]


def test_every_known_step_speaks_chinese() -> None:
    steps = [
        {"step": "flat", "amount": "29.00"},
        {"step": "proration", "used": "12", "whole": "31", "unit": "day", "amount": "11.22"},
        {"step": "round", "mode": "half_up", "exact": "11.2258", "amount": "11.23"},
        {"step": "minimum", "minimum": "5", "amount": "5.00"},
        {"step": "maximum", "maximum": "5", "amount": "5.00"},
        {"step": "earlier_groups", "amount": "-5.00"},
    ]
    for sentence in sentences(steps, language="zh-Hans", currency="EUR"):
        assert re.search("[\u4e00-\u9fff]", sentence), sentence


def _recomputed(sentence: str) -> Decimal:
    """Multiply and add what stands before “=”, and hold it against what stands after."""
    sentence = re.sub(r"^[^:：]*[:：]", "", sentence)
    left, _, right = sentence.replace(",", "").partition("=")
    says = Decimal(re.findall(r"\d+(?:\.\d+)?", right)[0])
    left = re.sub(r"（.*?）|packages? of \d+|of \d+", " ", left)
    total = Decimal(0)
    for part in left.split("+"):
        numbers = [Decimal(each) for each in re.findall(r"\d+(?:\.\d+)?", part)]
        product = Decimal(1)
        for number in numbers:
            product *= number
        total += product
    assert total == says, sentence
    return says
