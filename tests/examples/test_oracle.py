"""The facts of the flights that the example relies on, and months worked out by hand."""

from __future__ import annotations

import duckdb
import pytest

from examples.airlines.oracle import LINES, Bills


def one(flights: duckdb.DuckDBPyConnection, query: str) -> object:
    row = flights.execute(query).fetchone()
    assert row is not None
    return row[0] if len(row) == 1 else row


@pytest.mark.parametrize(
    ("fact", "count"),
    [
        ("count(*)", 336_776),
        ("count(distinct carrier)", 16),
        ("count(*) filter (air_time is null)", 9_430),
        ("count(*) filter (tailnum is null)", 2_512),
        ("count(*) filter (distance is null)", 0),
        ("count(*) filter (strftime(time_hour, '%Y-%m') <> month)", 1_218),
        ("count(*) filter (time_hour < '2013-01-01 05:00' or time_hour >= '2014-01-01 05:00')", 0),
        ("count(distinct (carrier, flight, month, day, origin))", 336_776),
    ],
)
def test_the_flights_are_the_ones_the_example_was_made_for(
    flights: duckdb.DuckDBPyConnection, fact: str, count: int
) -> None:
    assert one(flights, f"select {fact} from flight") == count


def test_without_the_airport_24_flights_would_share_their_key_with_another(
    flights: duckdb.DuckDBPyConnection,
) -> None:
    distinct = one(flights, "select count(distinct (carrier, flight, month, day)) from flight")
    assert 336_776 - distinct == 24


def test_the_local_month_of_the_file_is_that_of_new_york(flights: duckdb.DuckDBPyConnection) -> None:
    # New York is at UTC-5, and at UTC-4 from 10 March 07:00 UTC to 3 November 06:00 UTC of 2013.
    local = """
        time_hour - case when time_hour >= '2013-03-10 07:00' and time_hour < '2013-11-03 06:00'
                         then interval 4 hour else interval 5 hour end"""
    assert one(flights, f"select count(*) from flight where strftime({local}, '%Y-%m') <> month") == 0


def test_every_airline_has_a_bill_for_every_month_of_the_year(owed: Bills) -> None:
    carriers = {carrier for carrier, _ in owed}
    months = [f"2013-{month:02}" for month in range(1, 13)]
    assert len(carriers) == 16
    assert sorted(owed) == [(carrier, month) for carrier in sorted(carriers) for month in months]


def test_one_airline_flies_in_5_months_only_and_owes_the_base_fee_alone_in_the_others(owed: Bills) -> None:
    months = {month: bill for (carrier, month), bill in owed.items() if carrier == "OO"}
    flown = [
        month for month, bill in months.items() if any(name != "fee" and cents for name, cents in bill["lines"].items())
    ]
    assert flown == ["2013-01", "2013-06", "2013-08", "2013-09", "2013-11"]
    for month in months.keys() - flown:
        # 499.00 × 8.875 % = 44.28625 → 44.29
        assert (months[month]["lines"]["fee"], months[month]["tax"], months[month]["total"]) == (
            49900,
            4429,
            54329,
        )


def test_a_small_airlines_september_by_hand(owed: Bills) -> None:
    # OO: 20 flights, all from LGA, 18 aircraft, 8,380 miles; 1,145 minutes in 17 flights, 3 have no air time.
    assert owed["OO", "2013-09"] == {
        "lines": {
            "fee": 49900,
            "minutes": 973,  # 1,145 × 0.0085 = 9.7325
            "distance": 105,  # 8,380 × 0.000125 = 1.0475
            "flights": 0,  # the first 50 are free
            "aircraft": 4950,  # 18 × 2.75
            "departures/LGA": 2500,  # 20 × 1.25
        },
        "tax": 5185,  # 584.28 × 8.875 % = 51.85485
        "total": 63613,  # 584.28 + 51.85
    }


def test_a_middling_airlines_february_by_hand(owed: Bills) -> None:
    # FL: 296 flights, all from LGA, 90 aircraft, 204,536 miles, 31,439 minutes.
    assert owed["FL", "2013-02"] == {
        "lines": {
            "fee": 49900,
            "minutes": 24399,  # 10,000 × 0.0085 + 25.00 + 21,439 × 0.00625 = 243.99375
            "distance": 2557,  # 204,536 × 0.000125 = 25.567
            "flights": 4500,  # 296 − 50 free = 246: 3 packages begun × 15.00
            "aircraft": 24750,  # 90 × 2.75
            "departures/LGA": 30156,  # 296 × 0.985 + 10.00
        },
        "tax": 12093,  # 1,362.62 × 8.875 % = 120.932525
        "total": 148355,  # 1,362.62 + 120.93
    }


def test_a_large_airlines_july_by_hand(owed: Bills) -> None:
    # UA: 5,066 flights (4,046 EWR, 368 JFK, 652 LGA), 531 aircraft, 8,008,887 miles, 1,033,291 minutes.
    assert owed["UA", "2013-07"] == {
        "lines": {
            "fee": 49900,
            # 10,000 × 0.0085 + 25.00 + 90,000 × 0.00625 + 100.00 + 400,000 × 0.004375 + 533,291 × 0.0029375
            # = 85 + 587.50 + 1,850 + 1,566.5423125
            "minutes": 408904,
            "distance": 100111,  # 8,008,887 × 0.000125 = 1,001.110875
            "flights": 76500,  # 5,066 − 50 free = 5,016: 51 packages begun × 15.00
            "aircraft": 146025,  # 531 × 2.75
            "departures/EWR": 306324,  # 4,046 × 0.7225 + 140.00 = 3,063.235, half a cent goes up
            "departures/JFK": 37248,  # 368 × 0.985 + 10.00
            "departures/LGA": 61107,  # 652 × 0.7225 + 140.00
        },
        "tax": 105268,  # 11,861.19 × 8.875 % = 1,052.6806125
        "total": 1291387,  # 11,861.19 + 1,052.68
    }


def test_the_year_in_all(owed: Bills) -> None:
    assert (len(owed), sum(bill["tax"] for bill in owed.values())) == (192, 7_301_583)
    assert sum(bill["total"] for bill in owed.values()) == 89_572_890


def test_the_price_list_tells_the_rounding_modes_apart(flights: duckdb.DuckDBPyConnection) -> None:
    # Of 147 lines that end in exactly half a cent, half_even would round 76 down.
    ticks = LINES.replace("(ticks + 50000) // 100000 as cents", "ticks")
    halves = one(flights, f"select count(*) from ({ticks}) where ticks % 100000 = 50000")
    to_even = one(flights, f"select count(*) from ({ticks}) where ticks % 200000 = 50000")
    assert (halves, to_even) == (147, 76)


def test_billing_by_utc_month_would_be_another_bill(flights: duckdb.DuckDBPyConnection, owed: Bills) -> None:
    in_utc = "(select * replace (strftime(time_hour, '%Y-%m') as month) from flight)"
    lines = flights.execute(LINES.replace("from flight", f"from {in_utc}")).fetchall()
    wrong = [row for row in lines if row[3] != owed.get(row[:2], {"lines": {}})["lines"].get(row[2], 0)]
    assert len({row[:2] for row in wrong}) > 100
