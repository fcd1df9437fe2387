"""Workings, word for word: what each model shows, so that a person can follow it and a machine can recompute it."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearbill.core.errors import Refusal
from clearbill.core.price import Price, parse_price, parse_whole, price_document
from clearbill.core.rating import WORKING_VERSION, canonical, rate, rate_groups

D = Decimal
TIERS = [
    {"up_to": 1000, "unit_amount": "0.010"},
    {"up_to": "5000.5", "unit_amount": "0.008", "flat_amount": "2"},
    {"unit_amount": "0.005"},
]


def price(model: str, *, currency: str = "EUR", **fields: object) -> Price:
    return parse_price({"code": "p", "model": model, **fields}, currency=currency, meters=("m",))


WORKINGS = [
    (price("flat", amount="29.00"), "1", [{"step": "flat", "amount": "29.00"}]),
    (price("flat", amount="1500", currency="JPY"), "1", [{"step": "flat", "amount": "1500"}]),
    (price("flat", amount="1.5", currency="BHD"), "1", [{"step": "flat", "amount": "1.500"}]),
    (
        price("per_unit", unit_amount="10.00"),
        "5.0",
        [{"step": "per_unit", "quantity": "5", "unit_amount": "10", "amount": "50.00"}],
    ),
    (
        price("per_unit", unit_amount="0.000000000001"),
        "1000",
        [{"step": "per_unit", "quantity": "1000", "unit_amount": "0.000000000001", "amount": "0.000000001"}],
    ),
    (
        price("graduated", tiers=TIERS),
        "6000",
        [
            {
                "step": "tier",
                "from": "0",
                "up_to": "1000",
                "quantity": "1000",
                "unit_amount": "0.01",
                "amount": "10.00",
            },
            {
                "step": "tier",
                "from": "1000",
                "up_to": "5000.5",
                "quantity": "4000.5",
                "unit_amount": "0.008",
                "flat_amount": "2",
                "amount": "34.004",  # 4000.5 × 0.008 = 32.004, + 2
            },
            {"step": "tier", "from": "5000.5", "quantity": "999.5", "unit_amount": "0.005", "amount": "4.9975"},
        ],
    ),
    (
        price("volume", tiers=TIERS),
        "5000.5",
        [
            {
                "step": "volume_tier",
                "from": "1000",
                "up_to": "5000.5",
                "quantity": "5000.5",
                "unit_amount": "0.008",
                "flat_amount": "2",
                "amount": "42.004",  # 5000.5 × 0.008 = 40.004, + 2
            }
        ],
    ),
    (
        price("package", amount="5", size=100, free_units=50),
        "251",
        [
            {
                "step": "package",
                "quantity": "251",
                "free_units": "50",
                "size": "100",
                "packages": "3",  # 201 / 100, begun ones are whole
                "amount_per_package": "5",
                "amount": "15.00",
            }
        ],
    ),
    (
        price("package", amount="5", size=100),
        "0",
        [
            {
                "step": "package",
                "quantity": "0",
                "size": "100",
                "packages": "0",
                "amount_per_package": "5",
                "amount": "0.00",
            }
        ],
    ),
    (
        price("per_unit", unit_amount="1", minimum="5"),
        "4",
        [
            {"step": "per_unit", "quantity": "4", "unit_amount": "1", "amount": "4.00"},
            {"step": "minimum", "minimum": "5", "amount": "5.00"},
        ],
    ),
    (
        price("per_unit", unit_amount="1", maximum="8"),
        "9",
        [
            {"step": "per_unit", "quantity": "9", "unit_amount": "1", "amount": "9.00"},
            {"step": "maximum", "maximum": "8", "amount": "8.00"},
        ],
    ),
]


@pytest.mark.parametrize(("one", "quantity", "steps"), WORKINGS)
def test_each_model_shows_its_steps(one: Price, quantity: str, steps: list[dict[str, str]]) -> None:
    assert list(rate(one, D(quantity)).working) == steps


@pytest.mark.parametrize(("quantity", "packages"), [("0", 0), ("249.999", 0), ("250", 0), ("250.001", 1), ("351", 2)])
def test_free_units_of_more_than_a_package_are_free_and_never_a_credit(quantity: str, packages: int) -> None:
    # 0 − 250 free units is no minus 2 packages
    rated = rate(price("package", amount="15", size=100, free_units=250), D(quantity))
    assert (rated.exact, rated.working[0]["packages"]) == (D(15 * packages), str(packages))


@pytest.mark.parametrize("bound", ["minimum", "maximum"])
def test_a_bound_that_is_just_met_changes_nothing_and_is_not_shown(bound: str) -> None:
    one = price("per_unit", unit_amount="1", **{bound: "5"})
    assert [step["step"] for step in rate(one, D(5)).working] == ["per_unit"]


def test_the_one_text_of_a_working() -> None:
    assert WORKING_VERSION == 1
    assert canonical(rate(price("per_unit", unit_amount="10"), D(5)).working) == (
        '[{"amount":"50.00","quantity":"5","step":"per_unit","unit_amount":"10"}]'
    )
    assert canonical([{"step": "x", "group": "华东"}]) == '[{"group":"华东","step":"x"}]'


AMOUNTS = st.decimals(0, 10**6, places=12).map(lambda value: format(value, "f"))
QUANTITIES = st.decimals(0, 10**12, places=12)


@st.composite
def prices(draw: st.DrawFn) -> Price:
    model = draw(st.sampled_from(["flat", "per_unit", "graduated", "volume", "package"]))
    fields: dict[str, object] = {}
    if model in ("flat", "package"):
        fields["amount"] = draw(AMOUNTS)
    if model == "per_unit":
        fields["unit_amount"] = draw(AMOUNTS)
    if model == "package":
        fields |= {"size": draw(st.integers(1, 1000)), "free_units": draw(st.integers(0, 500))}
    if model in ("graduated", "volume"):
        edges = sorted(draw(st.sets(st.integers(1, 10**6), max_size=4)))
        fields["tiers"] = [
            {"unit_amount": draw(AMOUNTS), "flat_amount": draw(AMOUNTS), **({"up_to": edge} if edge else {})}
            for edge in (*edges, None)
        ]
    if model != "flat":
        fields |= draw(st.sampled_from([{}, {"meter": "m"}, {"quantity": "3.50"}]))
    if draw(st.booleans()):
        fields |= {"minimum": "1.50", "maximum": "100000"}
    fields |= draw(st.sampled_from([{}, {"tax": []}, {"tax": ["vat", "city"]}]))
    fields |= draw(
        st.sampled_from([{}, {"prorated": False, "name": {"zh-Hans": "席位"}, "unit_name": {"en": "seats"}}])
    )
    return price(model, **fields)


PLAIN = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")


@given(prices(), QUANTITIES)
def test_all_numbers_of_a_working_are_plain_texts(one: Price, quantity: Decimal) -> None:
    for step in rate(one, quantity).working:
        for name, text in step.items():
            assert name == "step" or PLAIN.fullmatch(text), (name, text)


@given(prices(), QUANTITIES)
def test_a_price_of_its_document_rates_the_same(one: Price, quantity: Decimal) -> None:
    document = json.loads(json.dumps(price_document(one)))
    again = parse_price(document, currency="EUR", meters=("m",))
    assert again == one
    assert price_document(again) == document
    assert canonical(rate(again, quantity).working) == canonical(rate(one, quantity).working)


@pytest.mark.parametrize("one", [each for each, _quantity, _steps in WORKINGS])
def test_no_price_is_rated_below_zero(one: Price) -> None:
    with pytest.raises(Refusal) as refused:
        rate(one, D("-0.000001"))
    assert refused.value.code == "negative_quantity"


def over_all(**fields: object) -> Price:
    return price("graduated", meter="m", tiers_over="all", **{"tiers": TIERS, **fields})


def test_groups_over_all_tiers_say_what_the_groups_before_them_cost() -> None:
    rated = rate_groups(over_all(), {("b",): D(1000), ("a",): D(1000)})
    # together 2000: 10 + (8 + 2) = 20, of which the first group has 10
    assert [(group, each.exact) for group, each in rated] == [(("a",), D(10)), (("b",), D(10))]
    assert rated[0][1].working == rate(over_all(), D(1000)).working
    assert rated[1][1].working[-1] == {"step": "earlier_groups", "amount": "-10.00"}
    for _group, each in rated:
        assert sum((D(step["amount"]) for step in each.working), D(0)) == each.exact


def test_no_digit_is_lost_between_groups() -> None:
    one = price("per_unit", unit_amount="1", meter="m", tiers_over="all")
    rated = rate_groups(one, {("a",): D("1" + "0" * 29), ("b",): D("0.5")})
    assert [each.exact for _group, each in rated] == [D("1" + "0" * 29), D("0.5")]


def test_no_groups_no_lines_and_one_group_is_the_whole() -> None:
    assert rate_groups(over_all(), {}) == []
    assert rate_groups(over_all(), {("a",): D(7)}) == [(("a",), rate(over_all(), D(7)))]


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"model": "flat", "amount": "1", "tax": ["vat", "city", "vat"]}, "tax_twice", "price.tax"),
    ({"model": "flat", "amount": "1e3"}, "decimal_malformed", "price.amount"),
    ({"model": "flat", "amount": "NaN"}, "decimal_malformed", "price.amount"),
    ({"model": "flat", "amount": "Infinity"}, "decimal_malformed", "price.amount"),
    ({"model": "flat", "amount": "１"}, "decimal_malformed", "price.amount"),
    ({"model": "flat", "amount": True}, "decimal_not_string", "price.amount"),
    ({"model": "flat", "amount": "1" + "0" * 18}, "decimal_too_large", "price.amount"),
    ({"model": "per_unit", "unit_amount": "1", "quantity": True}, "decimal_not_string", "price.quantity"),
    ({"model": "per_unit", "unit_amount": "1", "quantity": 10**18}, "decimal_too_large", "price.quantity"),
    ({"model": "per_unit", "unit_amount": "1", "quantity": 10**5000}, "decimal_too_large", "price.quantity"),
    ({"model": "per_unit", "unit_amount": "1", "quantity": -(10**18)}, "decimal_too_large", "price.quantity"),
    ({"model": "package", "amount": "1", "size": "-1"}, "negative_quantity", "price.size"),
    ({"model": "graduated", "tiers": [{"unit_amount": 1}]}, "decimal_not_string", "price.tiers[0].unit_amount"),
    ({"model": "graduated", "tiers": [{"flat_amount": "-1"}]}, "negative_price", "price.tiers[0].flat_amount"),
    ({"model": "graduated", "tiers": [{}] * 101}, "tiers_shape", "price.tiers"),
    ({"model": "flat", "amount": "1", "tiers_over": "some"}, "price_value", "price.tiers_over"),
    ({"model": ["flat"], "amount": "1"}, "unknown_model", "price.model"),
]


@pytest.mark.parametrize(("document", "code", "field"), BAD)
def test_odd_numbers_and_lists_are_refused_by_name_and_place(document: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse_price({"code": "p", **document}, currency="EUR", meters=("m",))
    assert (refused.value.code, refused.value.field) == (code, field)


def test_a_quantity_just_below_the_limit_is_fine() -> None:
    assert parse_whole(10**18 - 1, field="q") == D(10**18 - 1)
    assert parse_whole("0.5", field="q") == D("0.5")
