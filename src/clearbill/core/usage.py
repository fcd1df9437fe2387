"""Meters: which events count, and what they add up to. The pure definition; the database does the same in SQL."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Context, Decimal, localcontext
from enum import StrEnum

from clearbill.core.errors import Malformed, Unacceptable
from clearbill.core.money import plain

MAX_FILTERS = 20
MAX_FILTER_VALUES = 200
MAX_GROUP_KEYS = 4
NAME_LENGTH = 64

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_SUMS = Context(prec=2000)  # the longest texts of digits that an event may hold add up without losing one

Value = str | int | Decimal | bool | None
Group = tuple[str, ...]


class Aggregation(StrEnum):
    """What the events of a window add up to."""

    COUNT = "count"
    SUM = "sum"
    MAX = "max"
    UNIQUE_COUNT = "unique_count"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """Counts events of ``event_type`` whose properties are among ``filters``, apart by ``group_by``."""

    code: str
    event_type: str
    aggregation: Aggregation
    property: str | None = None
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    group_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageEvent:
    """One event. A property that's absent or None is missing."""

    at: datetime
    type: str
    key: str
    properties: Mapping[str, Value]


_FIELDS = frozenset({"code", "name", "event_type", "event", "aggregation", "property", "filters", "group_by"})


def parse_meter(data: Mapping[str, object], *, at_field: str = "") -> Meter:
    """A meter of its document (``event`` is short for ``event_type``; both default to the code).

    Raises Malformed ``meter_unknown_field``, ``meter_field``, Unacceptable ``unknown_aggregation``,
    ``meter_property_missing``, ``meter_property_unused``, ``filter_empty``.
    """
    at = f"{at_field}." if at_field else ""
    if not isinstance(data, Mapping):
        raise Malformed("meter_shape", "A meter is an object of fields.", field=at_field)
    unknown = sorted(str(key) for key in set(data) - _FIELDS)
    if unknown:
        raise Malformed(
            "meter_unknown_field",
            "A meter has no field “{name}”; it has {known}.",
            field=f"{at}{unknown[0][:64]}",
            name=unknown[0][:64],
            known=", ".join(sorted(_FIELDS)),
        )
    code = _text(data.get("code"), at=f"{at}code")
    aggregation = next((each for each in Aggregation if each.value == data.get("aggregation")), None)
    if aggregation is None:
        raise Unacceptable(
            "unknown_aggregation",
            "“{value}” is not an aggregation; known are {known}.",
            field=f"{at}aggregation",
            value=str(data.get("aggregation"))[:40],
            known=", ".join(each.value for each in Aggregation),
        )
    event_type = data.get("event") if data.get("event_type") is None else data["event_type"]
    counted = data.get("property")
    if counted is None and aggregation is not Aggregation.COUNT:
        raise Unacceptable(
            "meter_property_missing",
            "A {aggregation} meter needs the property that it takes.",
            field=f"{at}property",
            aggregation=aggregation.value,
        )
    if counted is not None and aggregation is Aggregation.COUNT:
        raise Unacceptable(
            "meter_property_unused", "A count meter counts events and takes no property.", field=f"{at}property"
        )
    return Meter(
        code=code,
        event_type=code if event_type is None else _text(event_type, at=f"{at}event_type"),
        aggregation=aggregation,
        property=None if counted is None else _text(counted, at=f"{at}property"),
        filters=_filters(data.get("filters"), at=f"{at}filters"),
        group_by=_group_by(data.get("group_by"), at=f"{at}group_by"),
    )


def meter_document(meter: Meter) -> dict[str, object]:
    """The canonical document of a meter; ``parse_meter`` reads it back."""
    return {
        "code": meter.code,
        "event_type": meter.event_type,
        "aggregation": meter.aggregation.value,
        "property": meter.property,
        "filters": {key: list(values) for key, values in sorted(meter.filters.items())},
        "group_by": list(meter.group_by),
    }


def aggregate(meter: Meter, events: Iterable[UsageEvent]) -> dict[Group, Decimal]:
    """Quantities by group of the events that the meter counts; without groups the one key ``()``.

    An event without a group's property belongs to the group of the empty text. A missing or unreadable value adds
    nothing to sum, max and unique_count; the event itself still counts.
    """
    groups: dict[Group, list[UsageEvent]] = {}
    for event in events:
        if event.type == meter.event_type and _passes(meter, event):
            key = tuple(text_of(event.properties.get(name)) or "" for name in meter.group_by)
            groups.setdefault(key, []).append(event)
    return {key: _FOLDS[meter.aggregation](meter.property or "", found) for key, found in groups.items()}


def text_of(value: Value) -> str | None:
    """A property as filters and groups see it; numbers without trailing zeros and exponents, as they're stored."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return plain(value) if isinstance(value, Decimal) else str(value)


def number_of(value: Value) -> Decimal | None:
    """A property as a number; None when it's missing or isn't plain digits with an optional sign and point."""
    text = text_of(value)
    return Decimal(text) if text is not None and _NUMBER.fullmatch(text) else None


def _passes(meter: Meter, event: UsageEvent) -> bool:
    return all(text_of(event.properties.get(name)) in values for name, values in meter.filters.items())


def _numbers(name: str, events: Sequence[UsageEvent]) -> list[Decimal]:
    found = (number_of(event.properties.get(name)) for event in events)
    return [number for number in found if number is not None]


def _count(_name: str, events: Sequence[UsageEvent]) -> Decimal:
    return Decimal(len(events))


def _sum(name: str, events: Sequence[UsageEvent]) -> Decimal:
    with localcontext(_SUMS):
        return sum(_numbers(name, events), Decimal(0))


def _max(name: str, events: Sequence[UsageEvent]) -> Decimal:
    return max(_numbers(name, events), default=Decimal(0))


def _unique_count(name: str, events: Sequence[UsageEvent]) -> Decimal:
    return Decimal(len({text for event in events if (text := text_of(event.properties.get(name)))}))


_FOLDS: Mapping[Aggregation, Callable[[str, Sequence[UsageEvent]], Decimal]] = {
    Aggregation.COUNT: _count,
    Aggregation.SUM: _sum,
    Aggregation.MAX: _max,
    Aggregation.UNIQUE_COUNT: _unique_count,
}


def _text(value: object, *, at: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= NAME_LENGTH or not value.isprintable():
        raise Malformed("meter_field", "This needs a text of 1 to {limit} characters.", field=at, limit=NAME_LENGTH)
    return value


def _filters(value: object, *, at: str) -> dict[str, tuple[str, ...]]:
    if value is None:
        return {}
    if not isinstance(value, Mapping) or len(value) > MAX_FILTERS:
        raise Malformed("meter_field", "Filters are an object of property names and lists of values.", field=at)
    filters = {
        _text(name, at=at): _texts(values, at=f"{at}.{name}", limit=MAX_FILTER_VALUES) for name, values in value.items()
    }
    empty = next((name for name, values in filters.items() if not values), None)
    if empty is not None:
        raise Unacceptable(
            "filter_empty",
            "A filter without values lets no event through. Name at least one value, or leave the filter out.",
            field=f"{at}.{empty}",
        )
    return filters


def _group_by(value: object, *, at: str) -> tuple[str, ...]:
    return () if value is None else _texts(value, at=at, limit=MAX_GROUP_KEYS)


def _texts(value: object, *, at: str, limit: int) -> tuple[str, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > limit:
        raise Malformed("meter_list", "This needs a list of at most {limit} texts.", field=at, limit=limit)
    return tuple(_text(each, at=at) for each in value)
