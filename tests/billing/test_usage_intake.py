"""Usage intake: a receipt for each event, once for ever, and what is refused and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Thread
from typing import Any

import pytest
from django.db import connection

from clearbill.billing.actions import usage
from clearbill.billing.actions.usage import ReceiptState, accept_events
from clearbill.billing.actions.usage_event import FUTURE_TOLERANCE, IncomingEvent, check_event
from clearbill.billing.models import UsageEvent, UsageKey
from clearbill.core.errors import Refusal, TooLarge
from clearbill.scope.ids import new_id, show_id
from clearbill.scope.seller import seller_scope
from tests.worlds import in_scope, make_customer

AT = datetime(2025, 3, 1, tzinfo=UTC)
SOME_ID = new_id(AT)


def event(key: str = "k", **changes: Any) -> IncomingEvent:
    fields: dict[str, Any] = {
        "type": "call",
        "customer": "acme",
        "timestamp": "2025-02-01T00:00:00Z",
        "key": key,
        "properties": {"units": "5"},
    }
    return IncomingEvent(**{**fields, **changes})


def send(world: Any, *events: IncomingEvent | Refusal) -> list[str]:
    """The codes of refusals, else the states."""
    with in_scope(world):
        return [receipt.code or str(receipt.state) for receipt in accept_events(events, at=AT)]


def stored(world: Any) -> list[tuple[str, dict[str, object]]]:
    with in_scope(world):
        assert UsageKey.objects.count() == UsageEvent.objects.count()
        return [(row.key, row.properties) for row in UsageEvent.objects.order_by("key")]


@pytest.fixture
def world(seller: Any) -> Any:
    make_customer(seller)
    return seller


def test_an_event_is_accepted_once_and_a_duplicate_for_ever_after(world: Any) -> None:
    assert send(world, event()) == ["accepted"]
    assert send(world, event()) == ["duplicate"]
    assert send(world, event(), event("new"), event()) == ["duplicate", "accepted", "duplicate"]
    assert stored(world) == [("k", {"units": "5"}), ("new", {"units": "5"})]


def test_receipts_stand_in_the_order_of_the_events(world: Any) -> None:
    batch = [event("b"), event("a", customer="nobody"), event("c"), event("b"), event("a")]
    assert send(world, *batch) == ["accepted", "usage_unknown_customer", "accepted", "duplicate", "accepted"]


OTHER_BODIES: list[dict[str, Any]] = [
    {"properties": {"units": "6"}},
    {"properties": {"units": "5", "more": "1"}},
    {"properties": {}},
    {"type": "other"},
    {"timestamp": "2025-02-01T00:00:01Z"},
    {"customer": "second"},
]


def test_the_same_key_with_another_body_is_refused_and_changes_nothing(world: Any) -> None:
    make_customer(world, "second")
    send(world, event())
    for changes in OTHER_BODIES:
        assert send(world, event(**changes)) == ["usage_key_reused"], changes
    pairs = [each for n, changes in enumerate(OTHER_BODIES) for each in (event(f"x{n}"), event(f"x{n}", **changes))]
    assert send(world, *pairs) == ["accepted", "usage_key_reused"] * len(OTHER_BODIES)
    assert [properties for _key, properties in stored(world)] == [{"units": "5"}] * (1 + len(OTHER_BODIES))


def test_the_same_body_may_be_written_in_other_words(world: Any) -> None:
    with in_scope(world):
        from clearbill.customers.queries import customer_by_external_id

        shown = show_id("customer", customer_by_external_id("acme").id)
    send(world, event())
    for changes in (
        {"customer": shown},
        {"timestamp": "2025-02-01T01:00:00+01:00"},
        {"timestamp": "2025-02-01 00:00:00.000z"},
        {"properties": {"units": 5}},
        {"properties": {"units": Decimal("5.0")}},
        {"properties": {"nothing": None, "units": "5"}},
    ):
        assert send(world, event(**changes)) == ["duplicate"], changes


def test_a_repeat_in_a_batch_is_compared_with_what_stood_before_it(world: Any) -> None:
    send(world, event())
    other = event(properties={"units": "6"})
    assert send(world, other, event()) == ["usage_key_reused", "duplicate"]


BAD: list[tuple[dict[str, Any], str]] = [
    ({"customer": "nobody"}, "usage_unknown_customer"),
    ({"customer": "nul\0"}, "usage_unknown_customer"),
    ({"customer": "cus_" + "0" * 26}, "usage_unknown_customer"),
    ({"timestamp": "2025-02-01T00:00:00"}, "usage_timestamp_naive"),
    ({"timestamp": "2025-02-01"}, "usage_timestamp_malformed"),
    ({"timestamp": "2025-02-30T00:00:00Z"}, "usage_timestamp_malformed"),
    ({"timestamp": "20250201T000000Z"}, "usage_timestamp_malformed"),
    ({"timestamp": "2025-W05-1T00:00:00Z"}, "usage_timestamp_malformed"),
    ({"timestamp": "1738368000"}, "usage_timestamp_malformed"),
    ({"timestamp": "0001-01-01T00:00:00+14:00"}, "usage_too_old"),
    ({"timestamp": "1989-12-31T23:59:59Z"}, "usage_too_old"),
    ({"timestamp": "9999-12-31T23:59:59-14:00"}, "usage_in_future"),
    ({"key": ""}, "usage_key_malformed"),
    ({"key": "k" * 256}, "usage_key_malformed"),
    ({"key": "a\0b"}, "usage_key_malformed"),
    ({"key": "a\nb"}, "usage_key_malformed"),
    ({"key": "\ud800"}, "usage_key_malformed"),
    ({"type": ""}, "usage_type_malformed"),
    ({"type": "t" * 65}, "usage_type_malformed"),
    ({"properties": {"a": 0.1}}, "usage_property_type"),
    ({"properties": {"a": {"b": 1}}}, "usage_property_type"),
    ({"properties": {"a": [1]}}, "usage_property_type"),
    ({"properties": {"a": "x\0y"}}, "usage_property_value"),
    ({"properties": {"a": "x" * 501}}, "usage_property_value"),
    ({"properties": {"a": "\ud800"}}, "usage_not_unicode"),
    ({"properties": {"": "x"}}, "usage_property_name"),
    ({"properties": {"a" * 65: "x"}}, "usage_property_name"),
    ({"properties": {"a\0": "x"}}, "usage_property_name"),
    ({"properties": {f"p{n}": "x" for n in range(51)}}, "usage_too_many_properties"),
    ({"properties": {"a": 10**30}}, "usage_number_too_long"),
    ({"properties": {"a": Decimal("1E+1000000")}}, "usage_number_too_long"),
    ({"properties": {"a": Decimal("1E-31")}}, "usage_number_too_long"),
    ({"properties": {"a": Decimal("NaN")}}, "usage_number_too_long"),
]


def test_bad_events_are_refused_by_name_and_the_others_are_accepted(world: Any) -> None:
    bad = [event(**{"key": f"bad {index}", **changes}) for index, (changes, _code) in enumerate(BAD)]
    assert send(world, event("first"), *bad, event("last")) == ["accepted", *(code for _, code in BAD), "accepted"]
    assert [key for key, _properties in stored(world)] == ["first", "last"]
    with in_scope(world):
        sentences = [receipt.sentence for receipt in accept_events(bad, at=AT)]
    assert not [sentence for sentence in sentences if not sentence.endswith(".") or "{" in sentence]


@pytest.mark.parametrize(
    ("ahead", "refused"),
    [
        (timedelta(0), False),
        (FUTURE_TOLERANCE, False),
        (FUTURE_TOLERANCE + timedelta(microseconds=1), True),
    ],
)
def test_an_event_may_be_an_hour_ahead_and_no_more(ahead: timedelta, refused: bool) -> None:
    incoming = event(timestamp=(AT + ahead).isoformat())
    if not refused:
        assert check_event(incoming, index=0, customer_id=SOME_ID, at=AT).month == (2025, 3)
        return
    with pytest.raises(Refusal, match="usage_in_future"):
        check_event(incoming, index=0, customer_id=SOME_ID, at=AT)


def test_what_was_not_an_event_at_all_keeps_its_place(world: Any) -> None:
    broken = Refusal("usage_event_malformed", "This event can't be read: {problem}", problem="x")
    assert send(world, broken, event(), broken) == ["usage_event_malformed", "accepted", "usage_event_malformed"]
    assert send(world) == []


def test_values_are_kept_exactly(world: Any) -> None:
    properties = {
        "whole": 12345678901234567890123456789,
        "part": Decimal("0.1000000000000000055511151231"),
        "yes": True,
        "no": False,
        "text": 'quote " slash \\ tab \t 航班 🛫',
        "none": None,
        "digits": "007",
    }
    send(world, event(properties=properties))
    with in_scope(world), connection.cursor() as cursor:
        cursor.execute("SELECT properties::text, at, customer_id IS NOT NULL FROM usage_event")
        text, instant, _customer = cursor.fetchone()
    assert '"whole": 12345678901234567890123456789' in text
    assert '"part": 0.1000000000000000055511151231' in text
    assert '"yes": true' in text
    assert '"digits": "007"' in text
    assert "none" not in text
    assert "航班 🛫" in text
    assert instant == datetime(2025, 2, 1, tzinfo=UTC)


def test_too_many_events_are_refused_before_any_is_stored(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "MAX_EVENTS", 2)
    with pytest.raises(TooLarge, match="too_many_events"):
        send(world, event("a"), event("b"), event("c"))
    assert stored(world) == []
    assert send(world, event("a"), event("b")) == ["accepted", "accepted"]


def test_a_batch_is_stored_whole_or_not_at_all(world: Any) -> None:
    class Stop(Exception):
        pass

    with pytest.raises(Stop), in_scope(world):
        accept_events([event()], at=AT)
        raise Stop
    assert stored(world) == []
    assert send(world, event()) == ["accepted"]


def test_two_batches_in_one_transaction_do_not_mix(world: Any) -> None:
    with in_scope(world):
        first = accept_events([event("a")], at=AT)
        second = accept_events([event("a"), event("b", timestamp="2024-06-01T00:00:00Z")], at=AT)
    assert [receipt.state for receipt in first + second] == [
        ReceiptState.ACCEPTED,
        ReceiptState.DUPLICATE,
        ReceiptState.ACCEPTED,
    ]
    assert [key for key, _properties in stored(world)] == ["a", "b"]


def test_keys_belong_to_a_seller_and_no_seller_reaches_anothers_customer(make_seller: Any) -> None:
    mine, theirs = make_seller(), make_seller(name="Other")
    make_customer(mine)
    customer = make_customer(theirs, "theirs")
    assert send(mine, event(customer="theirs"), event(customer=show_id("customer", customer.id))) == [
        "usage_unknown_customer",
        "usage_unknown_customer",
    ]
    assert send(mine, event()) == ["accepted"]
    assert send(theirs, event(customer="theirs")) == ["accepted"]
    assert len(stored(mine)) == len(stored(theirs)) == 1


def test_two_processes_with_the_same_keys_accept_each_once(world: Any) -> None:
    """In opposite orders, which without sorting by key would deadlock now and then."""
    keys = [f"k{n}" for n in range(300)]
    states: list[ReceiptState] = []

    def work(order: list[str]) -> None:
        try:
            for first in range(0, len(order), 100):
                with seller_scope(world.id):
                    receipts = accept_events([event(key) for key in order[first : first + 100]], at=AT)
                states.extend(receipt.state for receipt in receipts)
        finally:
            connection.close()

    send(world, event("makes the month"))
    threads = [Thread(target=work, args=(order,)) for order in (keys, keys[::-1], keys)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(states) == 900
    assert states.count(ReceiptState.ACCEPTED) == 300
    assert len(stored(world)) == 301
