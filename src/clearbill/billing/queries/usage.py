"""What meters read from usage events: quantities of bills, charts by day, events as a list. All in the running scope.

``core.usage`` defines the aggregations; this is the same in SQL, for many customers at once, and a test compares the two.
One statement reads all meters of one event type and one grouping.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection
from django.db.models import Q

from clearbill.billing.models import UsageEvent
from clearbill.core.usage import Aggregation, Meter
from clearbill.scope.seller import current_seller

Quantities = dict[tuple[str, ...], Decimal]
MAX_PAGE = 200
WINDOWS_A_QUERY = 2_000
_NUMBER = r"^-?[0-9]+(\.[0-9]+)?$"  # no bounded repetition: it makes PostgreSQL's matching three times slower


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Window:
    """The events of a customer in ``[start, end)``."""

    customer_id: UUID
    start: datetime
    end: datetime


def measure(
    meters: Sequence[Meter], windows: Sequence[Window]
) -> dict[tuple[UUID, datetime, datetime, str], Quantities]:
    """What each meter reads in each window: ``{(customer, start, end, meter's code): {group: quantity}}``.

    A group is the values of the meter's ``group_by``, ``()`` without one.
    """
    distinct = sorted(set(windows))
    found: dict[tuple[UUID, datetime, datetime, str], Quantities] = {
        (window.customer_id, window.start, window.end, meter.code): {} for window in distinct for meter in meters
    }
    for first in range(0, len(distinct), WINDOWS_A_QUERY):
        part = distinct[first : first + WINDOWS_A_QUERY]
        for (event_type, group_by), together in _by_scan(meters).items():
            for index, group, quantities in _scan(event_type, group_by, together, part):
                window = part[index - 1]
                for meter, quantity in zip(together, quantities, strict=True):
                    if quantity is not None:
                        found[(window.customer_id, window.start, window.end, meter.code)][group] = quantity
    return found


def current_usage(
    customer_id: UUID, meters: Sequence[Meter], *, start: datetime, end: datetime
) -> dict[str, Quantities]:
    """What the customer used in ``[start, end)``, by meter."""
    found = measure(meters, [Window(customer_id=customer_id, start=start, end=end)])
    return {code: quantities for (_customer, _start, _end, code), quantities in found.items()}


def usage_by_day(
    customer_id: UUID | None, meter: Meter, *, start: datetime, end: datetime, timezone: str
) -> list[tuple[date, Quantities]]:
    """What the meter reads on each local day that has events, in their order; ``None`` reads all customers together."""
    columns = _Columns()
    aggregate = _aggregate(meter, columns)
    groups = [f"COALESCE({columns.text(name)}, '')" for name in meter.group_by]
    day = columns.day(timezone)
    sql = f"""
        SELECT {", ".join([day, *groups, aggregate])}
        FROM (
            SELECT e.at, {columns.select()} FROM usage_event e
            WHERE e.seller_id = %(seller)s AND e.type = %(type)s AND e.at >= %(start)s AND e.at < %(end)s
              {"" if customer_id is None else "AND e.customer_id = %(customer)s"}
            OFFSET 0
        ) u
        GROUP BY {", ".join(str(n + 1) for n in range(1 + len(groups)))} ORDER BY 1
    """
    given = {
        "seller": current_seller(),
        "type": meter.event_type,
        "start": start,
        "end": end,
        "customer": customer_id,
    }
    days: dict[date, Quantities] = {}
    for local_day, *group, quantity in _rows(sql, {**given, **columns.parameters}):
        if quantity is not None:
            days.setdefault(local_day, {})[tuple(group)] = Decimal(quantity)
    return list(days.items())


def events_page(
    *,
    customer_id: UUID | None = None,
    event_type: str = "",
    before: tuple[datetime, bytes] | None = None,
    limit: int = 50,
) -> list[UsageEvent]:
    """Events, latest instants first, those after ``before``: the instant and key hash of the page before's last."""
    rows = UsageEvent.objects.filter(seller_id=current_seller())
    if customer_id is not None:
        rows = rows.filter(customer_id=customer_id)
    if event_type:
        rows = rows.filter(type=event_type)
    if before is not None:
        instant, key_hash = before
        rows = rows.filter(Q(at__lt=instant) | Q(at=instant, key_hash__gt=key_hash))
    return list(rows.order_by("-at", "key_hash")[: min(limit, MAX_PAGE)])


def _by_scan(meters: Sequence[Meter]) -> dict[tuple[str, tuple[str, ...]], list[Meter]]:
    scans: dict[tuple[str, tuple[str, ...]], list[Meter]] = {}
    for meter in meters:
        scans.setdefault((meter.event_type, tuple(meter.group_by)), []).append(meter)
    return scans


def _scan(
    event_type: str, group_by: tuple[str, ...], meters: Sequence[Meter], windows: Sequence[Window]
) -> list[tuple[int, tuple[str, ...], list[Decimal | None]]]:
    """``(number of the window from 1, group, a quantity for each meter)`` of windows that have events."""
    columns = _Columns()
    aggregates = [_aggregate(meter, columns) for meter in meters]
    groups = [f"COALESCE({columns.text(name)}, '')" for name in group_by]
    sql = f"""
        SELECT {", ".join(["u.n", *groups, *aggregates])}
        FROM (
            SELECT w.n, {columns.select()}
            FROM unnest(%(customers)s::uuid[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
                 WITH ORDINALITY AS w (customer_id, starts_at, ends_at, n)
            JOIN usage_event e ON e.seller_id = %(seller)s AND e.type = %(type)s
                 AND e.customer_id = w.customer_id AND e.at >= w.starts_at AND e.at < w.ends_at
                 AND e.at >= %(first)s AND e.at < %(last)s
            OFFSET 0
        ) u
        GROUP BY {", ".join(str(n + 1) for n in range(1 + len(groups)))}
    """
    given: dict[str, object] = {
        "seller": current_seller(),
        "type": event_type,
        "customers": [window.customer_id for window in windows],
        "starts": [window.start for window in windows],
        "ends": [window.end for window in windows],
        "first": min(window.start for window in windows),
        "last": max(window.end for window in windows),
    }
    width = 1 + len(groups)
    return [
        (row[0], tuple(row[1:width]), [None if each is None else Decimal(each) for each in row[width:]])
        for row in _rows(sql, {**given, **columns.parameters})
    ]


class _Columns:
    """The properties that a statement reads, each taken out of the JSON once."""

    def __init__(self) -> None:
        self.parameters: dict[str, object] = {}
        self._names: dict[str, str] = {}

    def text(self, name: str) -> str:
        """The column of a property's text."""
        if name not in self._names:
            column = f"p{len(self._names)}"
            self._names[name] = column
            self.parameters[column] = name
        return f"u.{self._names[name]}"

    def value(self, value: object) -> str:
        """The place of a parameter."""
        key = f"v{len(self.parameters)}"
        self.parameters[key] = value
        return f"%({key})s"

    def day(self, timezone: str) -> str:
        """The local day of an event."""
        return f"(u.at AT TIME ZONE {self.value(timezone)})::date"

    def select(self) -> str:
        """What the inner statement selects for all that was asked of this one."""
        if not self._names:
            return "1 AS nothing"
        return ", ".join(f"e.properties ->> %({column})s AS {column}" for column in self._names.values())


def _aggregate(meter: Meter, columns: _Columns) -> str:
    """The SQL of a meter's reading; NULL where its filters let nothing of the group through."""
    value = columns.text(meter.property) if meter.property else "NULL"
    number = f"CASE WHEN {value} ~ {columns.value(_NUMBER)} THEN {value}::numeric END"
    conditions = [
        f"{columns.text(name)} = ANY({columns.value(list(allowed))})" for name, allowed in meter.filters.items()
    ]
    passes = f" FILTER (WHERE {' AND '.join(conditions)})" if conditions else ""
    expressions: Mapping[Aggregation, str] = {
        Aggregation.COUNT: f"count(*){passes}",
        Aggregation.SUM: f"COALESCE(sum({number}){passes}, 0)",
        Aggregation.MAX: f"COALESCE(max({number}){passes}, 0)",
        Aggregation.UNIQUE_COUNT: f"count(DISTINCT NULLIF({value}, '')){passes}",
    }
    if not conditions:
        return expressions[meter.aggregation]
    return f"CASE WHEN count(*){passes} > 0 THEN {expressions[meter.aggregation]} END"


def _rows(sql: str, parameters: Mapping[str, object]) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()
