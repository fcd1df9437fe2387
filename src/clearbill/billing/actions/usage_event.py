"""One usage event: what it may hold, and the forms in which it's compared and stored. No table is touched here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID

import msgspec

from clearbill.core.errors import Malformed, TooLarge, Unacceptable
from clearbill.core.money import plain

MAX_TYPE = 64
MAX_KEY = 255
MAX_PROPERTIES = 50
MAX_PROPERTY_NAME = 64
MAX_PROPERTY_TEXT = 500
MAX_PROPERTY_DIGITS = 30
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
FUTURE_TOLERANCE = timedelta(hours=1)

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)?", re.ASCII)
_POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_encode = msgspec.json.Encoder(order="deterministic").encode


class IncomingEvent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event as it comes. ``customer`` is an external id or ``cus_…``; ``timestamp`` RFC 3339 with its zone.

    Values of ``properties`` are texts, whole numbers, Decimals, booleans or None; floats are refused.
    """

    type: str
    customer: str
    timestamp: str
    key: str
    properties: dict[str, object] = msgspec.field(default_factory=dict)


class CheckedEvent(NamedTuple):
    """An event as it's stored. ``instant`` is microseconds since 2000, PostgreSQL's own count."""

    index: int
    customer_id: UUID
    type: str
    key: str
    key_hash: bytes
    body_hash: bytes
    instant: int
    month: tuple[int, int]
    properties: bytes


def check_event(event: IncomingEvent, *, index: int, customer_id: UUID, at: datetime) -> CheckedEvent:
    """``event`` in its stored form. Two events have the same body when every meter reads the same from them:

    the same type, customer, instant, and texts of properties (``1`` and ``"1"`` are one, null is left out).
    Raises Refusals whose codes begin with ``usage_``.
    """
    _check_text(event.type, "type", limit=MAX_TYPE)
    key = event.key
    _check_text(key, "key", limit=MAX_KEY)
    instant = _instant(event.timestamp, at=at)
    since = instant - _POSTGRES_EPOCH
    microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    stored, compared = _properties(event.properties)
    try:
        body = b"%b%d\0%b\0%b" % (customer_id.bytes, microseconds, event.type.encode(), compared)
        key_hash = blake2b(key.encode(), digest_size=16).digest()
    except UnicodeEncodeError:
        raise _not_unicode("key") from None
    return CheckedEvent(
        index,
        customer_id,
        event.type,
        key,
        key_hash,
        blake2b(body, digest_size=16).digest(),
        microseconds,
        (instant.year, instant.month),
        stored,
    )


def _check_text(text: object, field: str, *, limit: int) -> None:
    if not isinstance(text, str) or not text.isprintable() or not 0 < len(text) <= limit:
        raise Malformed(
            f"usage_{field}_malformed",
            "The {name} of an event is a text of 1 to {limit} printable characters.",
            field=field,
            name=field,
            limit=limit,
        )


def _instant(timestamp: object, *, at: datetime) -> datetime:
    instant = _read_instant(timestamp)
    if instant.tzinfo is None:
        raise Malformed(
            "usage_timestamp_naive",
            "“{text}” says no zone; end it with Z for UTC, or with an offset such as +02:00.",
            field="timestamp",
            text=str(timestamp)[:40],
        )
    if instant > at + FUTURE_TOLERANCE:
        raise Unacceptable(
            "usage_in_future", "“{text}” lies in the future.", field="timestamp", text=str(timestamp)[:40]
        )
    if instant < EARLIEST:
        raise Unacceptable(
            "usage_too_old",
            "“{text}” lies before {earliest}.",
            field="timestamp",
            text=str(timestamp)[:40],
            earliest=EARLIEST.date().isoformat(),
        )
    return instant if instant.tzinfo is UTC else instant.astimezone(UTC)


def _read_instant(text: object) -> datetime:
    if isinstance(text, str) and _RFC3339.fullmatch(text):
        try:
            return datetime.fromisoformat(text.upper())
        except (ValueError, OverflowError):
            pass  # the form is right and the date isn't, such as 30 February: refused below like the others
    raise Malformed(
        "usage_timestamp_malformed",
        "“{text}” is not an instant; write it like 2025-01-31T23:59:59Z.",
        field="timestamp",
        text=str(text)[:40],
    )


def _properties(properties: object) -> tuple[bytes, bytes]:
    """The JSON to store, and the JSON of texts to compare by; the same bytes when all values are texts."""
    if not isinstance(properties, Mapping):
        raise Malformed(
            "usage_properties_malformed", "“properties” is an object of names and values.", field="properties"
        )
    if len(properties) > MAX_PROPERTIES:
        raise TooLarge(
            "usage_too_many_properties",
            "An event has at most {limit} properties.",
            field="properties",
            limit=MAX_PROPERTIES,
        )
    all_texts = True
    for name, value in properties.items():
        if value.__class__ is not str:
            all_texts = False
        elif len(value) > MAX_PROPERTY_TEXT or "\0" in value:
            raise _value_too_long(name)
        if name.__class__ is not str or not 0 < len(name) <= MAX_PROPERTY_NAME or not name.isprintable():
            raise Malformed(
                "usage_property_name",
                "The name of a property is a text of 1 to {limit} printable characters.",
                field="properties",
                limit=MAX_PROPERTY_NAME,
            )
    try:
        if all_texts:
            stored = _encode(properties)
            return stored, stored
        return _mixed(properties)
    except UnicodeEncodeError:
        raise _not_unicode("properties") from None


def _mixed(properties: Mapping[str, object]) -> tuple[bytes, bytes]:
    stored: dict[str, object] = {}
    texts: dict[str, str] = {}
    for name, value in properties.items():
        if value is None:
            continue
        if isinstance(value, bool):
            stored[name], texts[name] = value, "true" if value else "false"
        elif isinstance(value, str):
            stored[name] = texts[name] = value
        else:
            texts[name] = _number(value, name)
            stored[name] = msgspec.Raw(texts[name].encode())
    return _encode(stored), _encode(texts)


def _number(value: object, name: str) -> str:
    if not isinstance(value, int | Decimal):
        raise Malformed(
            "usage_property_type",
            "The property “{name}” must be a text, a number, true, false or null; nothing nested.",
            field=f"properties.{name}",
            name=name,
        )
    number = Decimal(value) if isinstance(value, int) and abs(value) < 10**MAX_PROPERTY_DIGITS else value
    if isinstance(number, int) or not number.is_finite() or not _is_short(number):
        raise Unacceptable(
            "usage_number_too_long",
            "The number in “{name}” has more than {limit} digits before or after the point.",
            field=f"properties.{name}",
            name=name,
            limit=MAX_PROPERTY_DIGITS,
        )
    return plain(number)


def _is_short(number: Decimal) -> bool:
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and number.adjusted() < MAX_PROPERTY_DIGITS and exponent >= -MAX_PROPERTY_DIGITS


def _value_too_long(name: object) -> Malformed:
    return Malformed(
        "usage_property_value",
        "The value of “{name}” is a text of at most {limit} characters without NUL.",
        field=f"properties.{name}"[:80],
        name=str(name)[:MAX_PROPERTY_NAME],
        limit=MAX_PROPERTY_TEXT,
    )


def _not_unicode(field: str) -> Malformed:
    return Malformed("usage_not_unicode", "This text is not valid Unicode.", field=field)
