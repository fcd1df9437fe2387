"""The price list of the example and its customers, in the documents that ``clearbill import`` takes.

``oracle`` states the same prices a second time in SQL and reads nothing from here, so that a mistake in
either shows as a difference.
"""

from __future__ import annotations

CURRENCY = "USD"
TIMEZONE = "America/New_York"
YEAR_START = "2013-01-01T05:00:00Z"  # midnight in New York
PLAN = "airline"
EVENT_TYPE = "flight"
PROPERTIES = ("origin", "dest", "tailnum", "air_time", "distance")

CITIES = {
    "9E": "Minneapolis, MN",
    "AA": "Fort Worth, TX",
    "AS": "Seattle, WA",
    "B6": "New York, NY",
    "DL": "Atlanta, GA",
    "EV": "Atlanta, GA",
    "F9": "Denver, CO",
    "FL": "Orlando, FL",
    "HA": "Honolulu, HI",
    "MQ": "Fort Worth, TX",
    "OO": "St. George, UT",
    "UA": "Chicago, IL",
    "US": "Tempe, AZ",
    "VX": "Burlingame, CA",
    "WN": "Dallas, TX",
    "YV": "Phoenix, AZ",
}
READS_CHINESE = frozenset({"DL", "HA"})


def _text(en: str, zh: str) -> dict[str, str]:
    return {"en": en, "zh-Hans": zh}


def _meter(
    code: str, name: dict[str, str], aggregation: str, *, of: str | None = None, by: tuple[str, ...] = ()
) -> dict[str, object]:
    return {
        "code": code,
        "name": name,
        "event_type": EVENT_TYPE,
        "aggregation": aggregation,
        "property": of,
        "filters": {},
        "group_by": list(by),
    }


METERS = [
    _meter("flights", _text("Flights", "航班"), "count"),
    _meter("minutes", _text("Minutes in the air", "空中飞行分钟数"), "sum", of="air_time"),
    _meter("distance", _text("Distance flown", "飞行里程"), "sum", of="distance"),
    _meter("aircraft", _text("Aircraft", "飞机"), "unique_count", of="tailnum"),
    _meter("departures", _text("Departures by airport", "各机场起飞架次"), "count", by=("origin",)),
]

PRICES = [
    {
        "code": "fee",
        "model": "flat",
        "amount": "499.00",
        "bill": "in_arrears",
        "name": _text("Base fee", "基本费"),
        "unit_name": _text("month", "月"),
    },
    {
        "code": "minutes",
        "model": "graduated",
        "meter": "minutes",
        "bill": "in_arrears",
        "tiers": [
            {"up_to": 10000, "unit_amount": "0.0085"},
            {"up_to": 100000, "unit_amount": "0.00625", "flat_amount": "25.00"},
            {"up_to": 500000, "unit_amount": "0.004375", "flat_amount": "100.00"},
            {"unit_amount": "0.0029375"},
        ],
        "name": _text("Minutes in the air", "空中飞行分钟数"),
        "unit_name": _text("minutes", "分钟"),
    },
    {
        "code": "distance",
        "model": "per_unit",
        "meter": "distance",
        "bill": "in_arrears",
        "unit_amount": "0.000125",
        "name": _text("Distance flown", "飞行里程"),
        "unit_name": _text("miles", "英里"),
    },
    {
        "code": "flights",
        "model": "package",
        "meter": "flights",
        "bill": "in_arrears",
        "amount": "15.00",
        "size": 100,
        "free_units": 50,
        "name": _text("Flights, in packages of 100", "航班（每包 100 班）"),
        "unit_name": _text("flights", "班"),
    },
    {
        "code": "aircraft",
        "model": "per_unit",
        "meter": "aircraft",
        "bill": "in_arrears",
        "unit_amount": "2.75",
        "name": _text("Aircraft seen in the month", "当月出现的飞机"),
        "unit_name": _text("aircraft", "架"),
    },
    {
        "code": "departures",
        "model": "volume",
        "meter": "departures",
        "bill": "in_arrears",
        "tiers": [
            {"up_to": 50, "unit_amount": "1.25"},
            {"up_to": 500, "unit_amount": "0.985", "flat_amount": "10.00"},
            {"unit_amount": "0.7225", "flat_amount": "140.00"},
        ],
        "name": _text("Departures by airport", "各机场起飞架次"),
        "unit_name": _text("departures", "架次"),
    },
]


def customer_documents(airlines: dict[str, str]) -> list[dict[str, object]]:
    """One document a customer for ``clearbill import customers``; ``airlines`` maps carrier code to name."""
    return [
        {
            "external_id": code,
            "name": name,
            "email": f"billing@{code.lower()}.example",
            "country": "US",
            "timezone": TIMEZONE,
            "locale": "zh-Hans" if code in READS_CHINESE else "en",
            "currency": CURRENCY,
            "address": ["Accounts Payable", "1 Example Way", CITIES[code]],
            "kind": "business",
        }
        for code, name in airlines.items()
    ]


def catalogue_documents(airlines: dict[str, str]) -> list[dict[str, object]]:
    """Meters, the plan, then a subscription for each airline, for ``clearbill import catalogue``."""
    plan = {
        "code": PLAN,
        "name": _text("Airline", "航空公司"),
        "currency": CURRENCY,
        "interval": "month",
        "interval_count": 1,
        "valid_from": YEAR_START,
        "prices": PRICES,
    }
    subscriptions = [
        {"customer": code, "plan": PLAN, "anchor": "calendar", "starts_at": YEAR_START} for code in airlines
    ]
    return [
        *({"meter": meter} for meter in METERS),
        {"plan": plan},
        *({"subscription": subscription} for subscription in subscriptions),
    ]
