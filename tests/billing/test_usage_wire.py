"""Bodies of usage requests: both forms, exact numbers, and one broken event among good ones."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from clearbill.billing.actions.usage import MAX_EVENTS
from clearbill.billing.actions.usage_event import IncomingEvent
from clearbill.billing.actions.usage_wire import JSON, JSON_LINES, MAX_BODY_BYTES, parse_events
from clearbill.core.errors import Malformed, Refusal, TooLarge

GOOD = {"type": "call", "customer": "acme", "timestamp": "2025-02-01T00:00:00Z", "key": "k", "properties": {"a": "1"}}


def body(*events: object) -> bytes:
    return json.dumps({"events": events}).encode()


def test_an_array_and_lines_give_the_same_events() -> None:
    expected = [IncomingEvent(**GOOD), IncomingEvent(**{**GOOD, "key": "l"})]
    second = {**GOOD, "key": "l"}
    assert parse_events(body(GOOD, second), content_type=JSON) == expected
    lines = (json.dumps(GOOD) + "\r\n\n" + json.dumps(second)).encode()
    for content_type in JSON_LINES:
        assert parse_events(lines, content_type=content_type.upper() + "; charset=utf-8") == expected


def test_numbers_are_exact() -> None:
    raw = body(GOOD).replace(b'"1"', b'0.1000000000000000055511151231, "b": 12345678901234567890123456789, "c": 1e400')
    (event,) = parse_events(raw, content_type=JSON)
    assert isinstance(event, IncomingEvent)
    assert event.properties["a"] == Decimal("0.1000000000000000055511151231")
    assert event.properties["b"] == 12345678901234567890123456789
    assert event.properties["c"] == Decimal("1e400")


@pytest.mark.parametrize(
    "broken",
    [
        {**GOOD, "extra": 1},
        {name: value for name, value in GOOD.items() if name != "key"},
        {**GOOD, "key": 5},
        {**GOOD, "customer": None},
        {**GOOD, "timestamp": 1738368000},
        {**GOOD, "properties": []},
        [],
        "text",
        None,
    ],
)
def test_an_event_that_cannot_be_read_is_a_refusal_in_its_place(broken: object) -> None:
    first, second, third = parse_events(body(GOOD, broken, GOOD), content_type=JSON)
    assert first == third == IncomingEvent(**GOOD)
    assert isinstance(second, Refusal)
    assert second.code == "usage_event_malformed"


def test_a_line_that_is_not_json_costs_that_line_only() -> None:
    raw = json.dumps(GOOD).encode() + b'\n{"type": "ca\n\xff\n' + json.dumps(GOOD).encode()
    events = parse_events(raw, content_type=JSON_LINES[0])
    assert [isinstance(event, Refusal) for event in events] == [False, True, True, False]


@pytest.mark.parametrize(
    ("raw", "content_type", "code"),
    [
        (b"", JSON, "body_malformed"),
        (b"[]", JSON, "body_malformed"),
        (b'{"events": {}}', JSON, "body_malformed"),
        (b'{"events": [], "more": 1}', JSON, "body_malformed"),
        (b'{"events": [{]}', JSON, "body_malformed"),
        (b"\xff", JSON, "body_malformed"),
        (b'{"events": ' + b"[" * 100_000, JSON, "body_malformed"),
        (b"{}", "text/plain", "unknown_content_type"),
        (b"{}", "", "unknown_content_type"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_whole(raw: bytes, content_type: str, code: str) -> None:
    with pytest.raises(Malformed, match=code):
        parse_events(raw, content_type=content_type)


def test_a_body_above_its_limits_is_refused() -> None:
    with pytest.raises(TooLarge, match="body_too_large"):
        parse_events(b" " * (MAX_BODY_BYTES + 1), content_type=JSON)
    line = json.dumps(GOOD).encode() + b"\n"
    assert len(parse_events(line * MAX_EVENTS, content_type=JSON_LINES[0])) == MAX_EVENTS
    with pytest.raises(TooLarge, match="too_many_events"):
        parse_events(line * (MAX_EVENTS + 1), content_type=JSON_LINES[0])


def test_a_nested_property_is_read_and_refused_later_by_the_check_of_events() -> None:
    (event,) = parse_events(body({**GOOD, "properties": {"a": {"b": [1]}}}), content_type=JSON)
    assert isinstance(event, IncomingEvent)
