"""Price models: tables at the edges of each step, with the arithmetic; refusals by name; laws."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearbill.core.errors import Refusal
from clearbill.core.price import Price, parse_price, price_document
from clearbill.core.rating import canonical, rate, rate_groups

TIERS = [
    {"up_to": 10, "unit_amount": "1.5"},
    {"up_to": 100, "unit_amount": "1", "flat_amount": "5"},
    {"unit_amount": "0.25"},
]
D = Decimal


def price(model: str, **fields: object) -> Price:
    return parse_price({"code": "p", "model": model, **fields}, currency="EUR", meters=("m",))


AMOUNTS = [
    (price("flat", amount="29.00"), "1", "29.00"),
    (price("per_unit", unit_amount="0.000125"), "8380", "1.0475"),
    (price("per_unit", unit_amount="10"), "0", "0"),
    # graduated: the first tier is entered even at zero; a flat part is charged once its tier is entered
    (price("graduated", tiers=TIERS), "0", "0"),
    (price("graduated", tiers=[{"unit_amount": "1", "flat_amount": "7"}]), "0", "7"),
    (price("graduated", tiers=TIERS), "9", "13.5"),
    (price("graduated", tiers=TIERS), "10", "15"),
    (price("graduated", tiers=TIERS), "10.5", "20.5"),  # 10 × 1.5 + 5 + 0.5 × 1
    (price("graduated", tiers=TIERS), "11", "21"),
    (price("graduated", tiers=TIERS), "100", "110"),  # 15 + 5 + 90
    (price("graduated", tiers=TIERS), "101", "110.25"),
    # volume: the whole quantity at one tier's price
    (price("volume", tiers=TIERS), "0", "0"),
    (price("volume", tiers=TIERS), "10", "15"),
    (price("volume", tiers=TIERS), "11", "16"),  # 11 × 1 + 5
    (price("volume", tiers=TIERS), "100", "105"),
    (price("volume", tiers=TIERS), "101", "25.25"),
    # packages: blocks begun are whole, free units first
    (price("package", amount="5", size=100), "0", "0"),
    (price("package", amount="5", size=100), "1", "5"),
    (price("package", amount="5", size=100), "100", "5"),
    (price("package", amount="5", size=100), "100.001", "10"),
    (price("package", amount="15", size=100, free_units=50), "50", "0"),
    (price("package", amount="15", size=100, free_units=50), "51", "15"),
    (price("package", amount="15", size=100, free_units=50), "151", "30"),
    # minimum and maximum
    (price("per_unit", unit_amount="1", minimum="5", maximum="8"), "4", "5"),
    (price("per_unit", unit_amount="1", minimum="5", maximum="8"), "5", "5"),
    (price("per_unit", unit_amount="1", minimum="5", maximum="8"), "8", "8"),
    (price("per_unit", unit_amount="1", minimum="5", maximum="8"), "9", "8"),
]


@pytest.mark.parametrize(("one", "quantity", "amount"), AMOUNTS)
def test_amounts_at_the_edges(one: Price, quantity: str, amount: str) -> None:
    assert rate(one, D(quantity)).exact == D(amount)


@pytest.mark.parametrize(("one", "quantity", "amount"), AMOUNTS)
def test_the_last_steps_of_a_working_add_up_to_the_amount(one: Price, quantity: str, amount: str) -> None:
    working = rate(one, D(quantity)).working
    bounded = [step for step in working if step["step"] in ("minimum", "maximum")]
    said = sum((D(step["amount"]) for step in bounded or working), D(0))
    assert said == D(amount)


QUANTITIES = st.decimals(min_value=0, max_value=10**9, places=3)


@given(QUANTITIES, QUANTITIES)
def test_more_usage_never_costs_less_under_graduated_prices(one: Decimal, other: Decimal) -> None:
    tiered = price("graduated", tiers=TIERS)
    low, high = sorted((one, other))
    assert rate(tiered, low).exact <= rate(tiered, high).exact


@given(QUANTITIES, QUANTITIES)
def test_under_volume_prices_more_costs_less_only_over_an_edge(one: Decimal, other: Decimal) -> None:
    tiered = price("volume", tiers=TIERS)
    low, high = sorted((one, other))
    if rate(tiered, low).exact > rate(tiered, high).exact:
        assert any(low <= edge < high for edge in (D(10), D(100)))


@given(st.lists(QUANTITIES, min_size=1, max_size=6))
def test_groups_over_all_tiers_cost_what_their_sum_costs(quantities: list[Decimal]) -> None:
    tiered = price("graduated", tiers=TIERS, meter="m", tiers_over="all")
    groups = {(str(index),): quantity for index, quantity in enumerate(quantities)}
    together = sum((rated.exact for _group, rated in rate_groups(tiered, groups)), D(0))
    assert together == rate(tiered, sum(quantities, D(0))).exact


def test_groups_have_their_own_tiers_unless_said_otherwise() -> None:
    tiered = price("graduated", tiers=TIERS, meter="m")
    rated = rate_groups(tiered, {("b",): D(10), ("a",): D(11)})
    assert [(group, each.exact) for group, each in rated] == [(("a",), D(21)), (("b",), D(15))]


def test_the_working_is_one_text() -> None:
    working = rate(price("graduated", tiers=TIERS), D(11)).working
    assert canonical(working) == canonical([dict(reversed(list(step.items()))) for step in working])
    assert json.loads(canonical(working))[1] == {
        "step": "tier",
        "from": "10",
        "up_to": "100",
        "quantity": "1",
        "unit_amount": "1",
        "flat_amount": "5",
        "amount": "6.00",
    }


DOCUMENTS = [
    {
        "code": "fee",
        "model": "flat",
        "amount": "29.00",
        "bill": "in_advance",
        "tax": ["vat"],
        "name": {"en": "Fee", "zh-Hans": "费"},
    },
    {"code": "seats", "model": "per_unit", "unit_amount": "10", "quantity": 5, "tax": [], "prorated": False},
    {
        "code": "calls",
        "model": "graduated",
        "meter": "m",
        "tiers": TIERS,
        "tiers_over": "all",
        "unit_name": {"en": "calls"},
    },
    {
        "code": "packs",
        "model": "package",
        "amount": "1",
        "size": "0.5",
        "free_units": "2",
        "minimum": "1",
        "maximum": "9",
    },
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document["code"])
def test_a_price_document_is_read_back_as_the_same_price(document: dict[str, object]) -> None:
    one = parse_price(document, currency="EUR", meters=("m",))
    assert parse_price(price_document(one), currency="EUR", meters=("m",)) == one


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"model": "magic"}, "unknown_model", "price.model"),
    ({"model": "flat"}, "price_field_missing", "price.amount"),
    ({"model": "flat", "amount": 29}, "decimal_not_string", "price.amount"),
    ({"model": "flat", "amount": 29.0}, "decimal_not_string", "price.amount"),
    ({"model": "flat", "amount": "-1"}, "negative_price", "price.amount"),
    ({"model": "flat", "amount": "1", "unit_amount": "1"}, "price_unknown_field", "price.unit_amount"),
    ({"model": "flat", "amount": "1", "surprise": 1}, "price_unknown_field", "price.surprise"),
    ({"model": "flat", "amount": "1", "meter": "m"}, "flat_with_meter", "price.meter"),
    ({"model": "flat", "amount": "1", "currency": "USD"}, "price_currency", "price.currency"),
    ({"model": "flat", "amount": "1", "bill": "sometimes"}, "unknown_bill_timing", "price.bill"),
    ({"model": "flat", "amount": "1", "tax": "vat"}, "tax_shape", "price.tax"),
    ({"model": "flat", "amount": "1", "tax": ["a b"]}, "code_malformed", "price.tax[0]"),
    ({"model": "flat", "amount": "1", "prorated": "yes"}, "boolean_expected", "price.prorated"),
    ({"model": "flat", "amount": "1", "name": {"fr": "x"}}, "names_malformed", "price.name"),
    ({"model": "flat", "amount": "1", "name": {"en": ""}}, "names_malformed", "price.name"),
    ({"model": "flat", "amount": "1", "code": "no spaces"}, "code_malformed", "price.code"),
    ({"model": "flat", "amount": "1", "minimum": "5", "maximum": "4"}, "minimum_above_maximum", "price.minimum"),
    ({"model": "per_unit", "unit_amount": "0.0000000000001"}, "too_many_decimals", "price.unit_amount"),
    ({"model": "per_unit", "unit_amount": "1", "meter": "x"}, "unknown_meter", "price.meter"),
    ({"model": "per_unit", "unit_amount": "1", "meter": "m", "quantity": 1}, "meter_and_quantity", "price.quantity"),
    ({"model": "per_unit", "unit_amount": "1", "meter": "m", "bill": "in_advance"}, "usage_in_advance", "price.bill"),
    ({"model": "per_unit", "unit_amount": "1", "quantity": -1}, "negative_quantity", "price.quantity"),
    ({"model": "per_unit", "unit_amount": "1", "quantity": 1.5}, "decimal_not_string", "price.quantity"),
    ({"model": "package", "amount": "1", "size": 0}, "package_size", "price.size"),
    ({"model": "volume", "tiers": []}, "tiers_shape", "price.tiers"),
    ({"model": "volume", "tiers": "x"}, "tiers_shape", "price.tiers"),
    ({"model": "volume", "tiers": [5]}, "tier_shape", "price.tiers[0]"),
    ({"model": "volume", "tiers": [{"unit_amount": "1", "to": 5}]}, "price_unknown_field", "price.tiers[0].to"),
    ({"model": "volume", "tiers": [{"up_to": 5, "unit_amount": "1"}]}, "tier_last_not_open", "price.tiers[0]"),
    ({"model": "volume", "tiers": [{"unit_amount": "1"}, {"unit_amount": "1"}]}, "tiers_overlap", "price.tiers[0]"),
    (
        {
            "model": "volume",
            "tiers": [{"up_to": 5, "unit_amount": "1"}, {"up_to": 5, "unit_amount": "1"}, {"unit_amount": "1"}],
        },
        "tiers_overlap",
        "price.tiers[1].up_to",
    ),
    (
        {"model": "volume", "tiers": [{"up_to": 0, "unit_amount": "1"}, {"unit_amount": "1"}]},
        "tiers_overlap",
        "price.tiers[0].up_to",
    ),
]


@pytest.mark.parametrize(("document", "code", "field"), REFUSED)
def test_wrong_prices_are_refused_by_name_and_place(document: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse_price({"code": "p", **document}, currency="EUR", meters=("m",))
    assert (refused.value.code, refused.value.field) == (code, field)


def test_a_price_that_is_no_object_or_in_no_currency_is_refused() -> None:
    with pytest.raises(Refusal, match="price_shape"):
        parse_price([], currency="EUR", meters=())  # type: ignore[arg-type]
    with pytest.raises(Refusal, match="unknown_currency"):
        parse_price({"code": "p", "model": "flat", "amount": "1"}, currency="EURO", meters=())
