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
