"""What meters read: the set queries give what ``core.usage`` defines, for many customers, windows and meters at once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clearbill.billing.actions.usage import ReceiptState, accept_events
from clearbill.billing.actions.usage_event import IncomingEvent
from clearbill.billing.queries.usage import Window, current_usage, events_page, measure, usage_by_day
from clearbill.core.usage import Aggregation, Meter, UsageEvent, aggregate
from tests.worlds import in_scope, make_customer, use

AT = datetime(2026, 1, 1, tzinfo=UTC)
CUSTOMERS = ("acme", "zeta")
NAMES = ("region", "units", "user")
INSTANTS = [datetime(2025, 1, 30, tzinfo=UTC) + timedelta(hours=hours) for hours in range(0, 72, 3)]
VALUES = st.one_of(
    st.sampled_from(
        [
            "eu",
            "us",
            "",
            "0",
            "12",
            "-3.50",
            "0.000001",
            "1.",
            ".5",
            "+1",
            "1e3",
            " 7",
            "1_0",
            "５",
            "12a",
            "1 2",
            "--1",
            "航",
            "NaNa",
        ]
    ),
    st.integers(-(10**6), 10**6),
    st.decimals(-1000, 1000, places=3).filter(lambda value: value == value.normalize() or value % 1),
    st.booleans(),
    st.none(),
)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(CUSTOMERS),
        st.sampled_from(["call", "other"]),
        st.sampled_from(INSTANTS),
        st.dictionaries(st.sampled_from(NAMES), VALUES),
    ),
    max_size=25,
)
FILTERS = st.dictionaries(
    st.sampled_from(NAMES), st.lists(st.sampled_from(["eu", "us", "12", "true", ""]), max_size=3).map(tuple), max_size=2
)
GROUPS = st.lists(st.sampled_from(NAMES), max_size=2, unique=True).map(tuple)


@st.composite
def meters(draw: st.DrawFn) -> list[Meter]:
    made = []
    for index in range(draw(st.integers(1, 4))):
        aggregation = draw(st.sampled_from(list(Aggregation)))
        made.append(
            Meter(
                code=f"m{index}",
                event_type=draw(st.sampled_from(["call", "other"])),
                aggregation=aggregation,
                property=None if aggregation is Aggregation.COUNT else draw(st.sampled_from(NAMES)),
                filters=draw(FILTERS),
                group_by=draw(GROUPS),
            )
        )
    return made


WINDOWS = st.lists(
    st.tuples(st.sampled_from(CUSTOMERS), st.sampled_from(INSTANTS), st.sampled_from(INSTANTS)), max_size=5
)


class _Undo(Exception):
    """Takes an example's events back."""


def test_the_set_queries_read_what_the_definition_says(seller: Any) -> None:
    ids = {name: make_customer(seller, name).id for name in CUSTOMERS}

    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
    @given(events=EVENTS, each_meter=meters(), spans=WINDOWS)
    def law(events: list[Any], each_meter: list[Meter], spans: list[Any]) -> None:
        windows = [Window(customer_id=ids[name], start=start, end=end) for name, start, end in spans]
        incoming = [
            IncomingEvent(type=type_, customer=name, timestamp=at.isoformat(), key=str(n), properties=properties)
            for n, (name, type_, at, properties) in enumerate(events)
        ]
        with pytest.raises(_Undo), in_scope(seller), transaction.atomic():
            receipts = accept_events(incoming, at=AT)
            assert {receipt.state for receipt in receipts} <= {ReceiptState.ACCEPTED}
            found = measure(each_meter, windows)
            for window in windows:
                inside = [
                    UsageEvent(at=at, type=type_, key=str(n), properties=_canonical(properties))
                    for n, (name, type_, at, properties) in enumerate(events)
                    if ids[name] == window.customer_id and window.start <= at < window.end
                ]
                for meter in each_meter:
                    key = (window.customer_id, window.start, window.end, meter.code)
                    assert found[key] == aggregate(meter, inside)
            assert len(found) == len(set(windows)) * len(each_meter)
            raise _Undo

    law()


def _canonical(properties: dict[str, Any]) -> dict[str, Any]:
    """As intake keeps them: decimals without trailing zeros."""
    return {
        name: Decimal(format(value, "f").rstrip("0").rstrip(".")) if isinstance(value, Decimal) and value % 1 else value
        for name, value in properties.items()
    }


CALLS = Meter(code="calls", event_type="call", aggregation=Aggregation.COUNT)
UNITS = Meter(code="units", event_type="call", aggregation=Aggregation.SUM, property="units", group_by=("region",))


def test_an_event_belongs_to_one_window_the_one_that_starts_with_it(seller: Any) -> None:
    customer = make_customer(seller)
    for at in ("2025-01-31T22:59:59", "2025-01-31T23:00", "2025-02-28T22:59:59", "2025-02-28T23:00"):
        use(seller, "acme", "call", at)
    edges = [
        datetime(2025, 1, 1, 23, tzinfo=UTC),
        datetime(2025, 1, 31, 23, tzinfo=UTC),
        datetime(2025, 2, 28, 23, tzinfo=UTC),
    ]
    windows = [Window(customer_id=customer.id, start=edges[n], end=edges[n + 1]) for n in (0, 1)]
    with in_scope(seller):
        found = measure([CALLS], windows)
        assert [found[(w.customer_id, w.start, w.end, "calls")] for w in windows] == [{(): 1}, {(): 2}]
        assert current_usage(customer.id, [CALLS], start=edges[1], end=AT) == {"calls": {(): 3}}
        assert measure([CALLS], []) == {}
        assert measure([], windows) == {}


def test_days_are_local_ones_and_a_day_without_events_is_left_out(seller: Any) -> None:
    customer = make_customer(seller)
    use(seller, "acme", "call", "2025-03-29T22:59", units=1, region="eu")
    use(seller, "acme", "call", "2025-03-29T23:00", units=2, region="eu")
    use(seller, "acme", "call", "2025-03-30T21:59", units=4, region="us")  # 23:59, after the clock went forward
    use(seller, "acme", "call", "2025-03-30T22:00", units=8, region="us")
    use(seller, "acme", "call", "2025-04-02T10:00", units=16)
    span = {
        "start": datetime(2025, 3, 1, tzinfo=UTC),
        "end": datetime(2025, 5, 1, tzinfo=UTC),
        "timezone": "Europe/Paris",
    }
    with in_scope(seller):
        assert usage_by_day(customer.id, UNITS, **span) == [
            (date(2025, 3, 29), {("eu",): Decimal(1)}),
            (date(2025, 3, 30), {("eu",): Decimal(2), ("us",): Decimal(4)}),
            (date(2025, 3, 31), {("us",): Decimal(8)}),
            (date(2025, 4, 2), {("",): Decimal(16)}),
        ]
        assert usage_by_day(None, CALLS, **span) == [
            (date(2025, 3, 29), {(): 1}),
            (date(2025, 3, 30), {(): 2}),
            (date(2025, 3, 31), {(): 1}),
            (date(2025, 4, 2), {(): 1}),
        ]


def test_another_sellers_usage_is_never_read(make_seller: Any) -> None:
    mine, theirs = make_seller(), make_seller(name="Other")
    customer = make_customer(theirs)
    use(theirs, "acme", "call", "2025-02-01T00:00")
    window = Window(customer_id=customer.id, start=datetime(2025, 1, 1, tzinfo=UTC), end=AT)
    with in_scope(mine):
        assert list(measure([CALLS], [window]).values()) == [{}]
        assert usage_by_day(None, CALLS, start=window.start, end=window.end, timezone="UTC") == []
        assert events_page() == []
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM usage_key")
            assert cursor.fetchone() == (0,)
    with in_scope(theirs):
        assert list(measure([CALLS], [window]).values()) == [{(): 1}]


def test_a_property_named_like_sql_is_a_name_and_nothing_else(seller: Any) -> None:
    customer = make_customer(seller)
    name = 'a\'); DROP TABLE usage_key; -- %s "x"'
    use(seller, "acme", "call", "2025-02-01T00:00", **{name: "7"})
    meter = Meter(
        code="m",
        event_type="call",
        aggregation=Aggregation.SUM,
        property=name,
        filters={name: ("7", name)},
        group_by=(name,),
    )
    with in_scope(seller):
        found = current_usage(customer.id, [meter], start=datetime(2025, 1, 1, tzinfo=UTC), end=AT)
    assert found == {"m": {("7",): Decimal(7)}}


def test_pages_of_events_go_on_between_events_of_one_instant(seller: Any) -> None:
    make_customer(seller)
    for n in range(5):
        use(seller, "acme", "call", "2025-02-01T00:00", key=f"k{n}")
    use(seller, "acme", "other", "2025-02-02T00:00")
    with in_scope(seller):
        everything = [row.key for row in events_page()]
        assert (everything[0], len(everything)) == ("acme-other-2025-02-02T00:00", 6)
        seen, before = [], None
        while page := events_page(before=before, limit=2):
            seen += [row.key for row in page]
            before = (page[-1].at, bytes(page[-1].key_hash))
        assert seen == everything
        assert len(events_page(event_type="call")) == 5
