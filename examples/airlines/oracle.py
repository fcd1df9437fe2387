"""What every airline owes for every month, worked out a second time: plain SQL over the CSV.

Knows nothing of the engine, of ``price_list`` or of the import files: it reads ``flights.csv`` itself, takes
the local month from the columns ``year`` and ``month`` (no time zone is involved) and has its own price list.
Integers throughout: an amount is counted in ticks of 0.0000001 dollar, so 100,000 ticks are a cent, and is
rounded half up to cents once a line. Tax is 8.875 % of the sum of rounded lines, rounded once.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TypedDict

import duckdb

from examples.airlines import source


class Bill(TypedDict):
    """Cents. ``lines`` by price code, or ``code/group`` for a price by group."""

    lines: dict[str, int]
    tax: int
    total: int


Bills = dict[tuple[str, str], Bill]

FLIGHT = """
create table flight as
select carrier, origin, tailnum, air_time, distance, flight, minute, day,
       format('{:04d}-{:02d}', year, month) as month, cast(time_hour as timestamp) as time_hour
from read_csv(?, header = true, nullstr = 'NA', columns = {
    year: 'integer', month: 'integer', day: 'integer', dep_time: 'varchar', sched_dep_time: 'varchar',
    dep_delay: 'varchar', arr_time: 'varchar', sched_arr_time: 'varchar', arr_delay: 'varchar',
    carrier: 'varchar', flight: 'varchar', tailnum: 'varchar', origin: 'varchar', dest: 'varchar',
    air_time: 'bigint', distance: 'bigint', hour: 'integer', minute: 'integer', time_hour: 'varchar'})
"""

LINES = """
with
-- Every airline subscribes for the whole year: a month without a flight is a month with a bill.
bill as (
    select carrier, month
    from (select distinct carrier from flight) cross join (select distinct month from flight)
),
used as (
    select carrier, month, count(origin) as flights, coalesce(sum(air_time), 0) as minutes,
           coalesce(sum(distance), 0) as miles, count(distinct tailnum) as aircraft
    from bill left join flight using (carrier, month)
    group by carrier, month
),
departed as (
    select carrier, month, origin, count(*) as n from flight group by carrier, month, origin
),
priced as (
    -- Base fee: 499.00 a month.
    select carrier, month, 'fee' as line, 4990000000 as ticks from bill
    union all
    -- Minutes, each tier at its own price: up to 10,000 at 0.0085; up to 100,000 at 0.00625 and 25.00 once
    -- entered; up to 500,000 at 0.004375 and 100.00 once entered; all above at 0.0029375.
    select carrier, month, 'minutes',
           least(minutes, 10000) * 85000
           + case when minutes > 10000 then 250000000 + (least(minutes, 100000) - 10000) * 62500 else 0 end
           + case when minutes > 100000 then 1000000000 + (least(minutes, 500000) - 100000) * 43750 else 0 end
           + case when minutes > 500000 then (minutes - 500000) * 29375 else 0 end
    from used
    union all
    -- Distance: 0.000125 a mile.
    select carrier, month, 'distance', miles * 1250 from used
    union all
    -- Flights: the first 50 are free, then 15.00 for each 100 begun.
    select carrier, month, 'flights', ((greatest(flights - 50, 0) + 99) // 100) * 150000000 from used
    union all
    -- Aircraft: 2.75 for each tail number seen.
    select carrier, month, 'aircraft', aircraft * 27500000 from used
    union all
    -- Departures, for each airport by itself, all at the price of the tier that their number reaches:
    -- up to 50 at 1.25; up to 500 at 0.985 and 10.00; above at 0.7225 and 140.00.
    select carrier, month, 'departures/' || origin,
           case when n <= 50 then n * 12500000
                when n <= 500 then n * 9850000 + 100000000
                else n * 7225000 + 1400000000 end
    from departed
)
select carrier, month, line, (ticks + 50000) // 100000 as cents from priced order by carrier, month, line
"""

TAXES = """
select carrier, month, cast((sum(cents) * 8875 + 50000) // 100000 as bigint) as tax,
       cast(sum(cents) as bigint) as net
from line group by carrier, month order by carrier, month
"""


def open_flights_table(archive: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory with the table ``flight``. The CSV passes through a temporary file."""
    database = duckdb.connect()
    with tempfile.TemporaryDirectory() as folder:
        csv_path = Path(folder) / "flights.csv"
        with source.open_flights(archive) as stream, csv_path.open("wb") as copy:
            shutil.copyfileobj(stream, copy)
        database.execute(FLIGHT, [str(csv_path)])
    return database


def bills(database: duckdb.DuckDBPyConnection) -> Bills:
    """What every airline owes for every local month ``YYYY-MM`` of the table ``flight``."""
    database.execute(f"create or replace temporary table line as {LINES}")
    owed: Bills = {
        (carrier, month): {"lines": {}, "tax": tax, "total": net + tax}
        for carrier, month, tax, net in database.execute(TAXES).fetchall()
    }
    for carrier, month, line, cents in database.execute("select * from line").fetchall():
        owed[carrier, month]["lines"][line] = int(cents)
    return owed
