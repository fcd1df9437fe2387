"""Meters: what counts, what's missing, what's apart; and documents refused by name."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from clearbill.core.errors import Refusal
from clearbill.core.usage import UsageEvent, Value, aggregate, meter_document, number_of, parse_meter, text_of

AT = datetime(2025, 1, 10, tzinfo=UTC)


def event(type_: str = "flight", **properties: Value) -> UsageEvent:
    return UsageEvent(at=AT, type=type_, key="k", properties=properties)


EVENTS = [
    event(origin="JFK", minutes="100.5", tail="N1"),
    event(origin="JFK", minutes=50, tail="N1"),
    event(origin="LGA", minutes=None, tail=None),
    event(origin="LGA", minutes="n/a", tail="N2"),
    event(minutes=True, tail=""),
    event("other", origin="JFK", minutes=1000, tail="N9"),
]


def measured(**fields: Any) -> dict[tuple[str, ...], Decimal]:
    return aggregate(parse_meter({"code": "m", "event_type": "flight", **fields}), EVENTS)


def test_missing_and_unreadable_values_add_nothing_but_the_event_counts() -> None:
    assert measured(aggregation="count") == {(): Decimal(5)}
    assert measured(aggregation="sum", property="minutes") == {(): Decimal("150.5")}
    assert measured(aggregation="max", property="minutes") == {(): Decimal("100.5")}
    assert measured(aggregation="unique_count", property="tail") == {(): Decimal(2)}


def test_filters_and_groups() -> None:
    assert measured(aggregation="count", filters={"origin": ["LGA", "EWR"]}) == {(): Decimal(2)}
    assert measured(aggregation="count", group_by=["origin"]) == {("JFK",): 2, ("LGA",): 2, ("",): 1}
    assert measured(aggregation="count", filters={"origin": ["SFO"]}) == {}


def test_properties_as_texts_and_numbers() -> None:
    assert [text_of(value) for value in (None, True, False, 5, Decimal("1.50"), "x")] == [
        None,
        "true",
        "false",
        "5",
        "1.5",
        "x",
    ]
    assert [number_of(value) for value in (None, True, "NaN", "100", "x", Decimal(2))] == [
        None,
        None,
        None,
        100,
        None,
        2,
    ]


@pytest.mark.parametrize("text", ["1e2", " 5 ", "1_000", "+5", ".5", "5.", "٣", "NaN", "Infinity", "1\n", "--1", ""])
def test_a_text_that_the_database_would_not_read_as_a_number_is_none_here_either(text: str) -> None:
    assert number_of(text) is None


@pytest.mark.parametrize("text", ["0", "-0", "007", "12", "-3.50", "0.000001", "9" * 400])
def test_plain_digits_are_a_number(text: str) -> None:
    assert number_of(text) == Decimal(text)


def test_a_number_groups_and_counts_as_it_is_stored() -> None:
    events = [event(size=value) for value in (Decimal("1E+3"), Decimal("1000.00"), 1000, "1000", Decimal("0.10"))]
    by_size = parse_meter({"code": "m", "event_type": "flight", "aggregation": "count", "group_by": ["size"]})
    assert aggregate(by_size, events) == {("1000",): 4, ("0.1",): 1}
    distinct = parse_meter({"code": "m", "event_type": "flight", "aggregation": "unique_count", "property": "size"})
    assert aggregate(distinct, events) == {(): 2}


def test_no_digit_of_a_sum_is_lost() -> None:
    total = parse_meter({"code": "m", "event_type": "flight", "aggregation": "sum", "property": "n"})
    # 10^29 + 0.5 has 31 digits, more than Decimal keeps unless it's told to
    assert aggregate(total, [event(n="1" + "0" * 29), event(n="0.5")]) == {(): Decimal("1" + "0" * 29 + ".5")}


def test_the_highest_of_negative_values_is_negative_and_of_none_is_zero() -> None:
    highest = parse_meter({"code": "m", "event_type": "flight", "aggregation": "max", "property": "n"})
    assert aggregate(highest, [event(n=-5), event(n="-2.5"), event()]) == {(): Decimal("-2.5")}
    assert aggregate(highest, [event(), event(n="x")]) == {(): 0}
    assert aggregate(highest, []) == {}


@pytest.mark.parametrize(
    "document",
    [
        {"code": "a", "aggregation": "count"},
        {"code": "b", "event": "e", "aggregation": "sum", "property": "p", "filters": {"x": ["1"]}, "group_by": ["y"]},
    ],
)
def test_a_meter_is_read_back(document: dict[str, object]) -> None:
    one = parse_meter(document)
    assert parse_meter(meter_document(one)) == one
    assert one.event_type == document.get("event", document["code"])


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"aggregation": "count"}, "meter_field"),
        ({"code": "", "aggregation": "count"}, "meter_field"),
        ({"code": "a\n", "aggregation": "count"}, "meter_field"),
        ({"code": "a", "aggregation": "median"}, "unknown_aggregation"),
        ({"code": "a", "aggregation": "sum"}, "meter_property_missing"),
        ({"code": "a", "aggregation": "count", "property": "p"}, "meter_property_unused"),
        ({"code": "a", "aggregation": "count", "colour": "red"}, "meter_unknown_field"),
        ({"code": "a", "aggregation": "count", "filters": ["x"]}, "meter_field"),
        ({"code": "a", "aggregation": "count", "filters": {"x": "y"}}, "meter_list"),
        ({"code": "a", "aggregation": "count", "group_by": "x"}, "meter_list"),
        ({"code": "a", "aggregation": "count", "filters": {"x": []}}, "filter_empty"),
        ({"code": "a", "aggregation": "count", "event_type": ""}, "meter_field"),
        ({"code": "a", "aggregation": "count", "group_by": ["1", "2", "3", "4", "5"]}, "meter_list"),
    ],
)
def test_wrong_meters_are_refused(document: dict[str, object], code: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse_meter(document)
    assert refused.value.code == code


def test_a_meter_is_an_object() -> None:
    with pytest.raises(Refusal, match="meter_shape"):
        parse_meter("calls")  # type: ignore[arg-type]
