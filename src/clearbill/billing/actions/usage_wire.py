"""Usage events of a request's body: ``{"events": [...]}`` or one JSON object a line. Numbers never pass through floats."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

import msgspec

from clearbill.billing.actions.usage import MAX_EVENTS
from clearbill.billing.actions.usage_event import IncomingEvent
from clearbill.core.errors import Malformed, Refusal, TooLarge

MAX_BODY_BYTES = 10 * 1024 * 1024
JSON = "application/json"
JSON_LINES = ("application/x-ndjson", "application/jsonl", "application/x-jsonlines")


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    events: list[msgspec.Raw]


def _exact(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("NaN")  # an absurd exponent; the event is refused for it


_body_decoder = msgspec.json.Decoder(_Body)
_event_decoder = msgspec.json.Decoder(IncomingEvent, float_hook=_exact)


def parse_events(raw: bytes, *, content_type: str) -> list[IncomingEvent | Refusal]:
    """The events of a body; one that can't be read is a Refusal in its place.

    Raises TooLarge ``body_too_large`` and ``too_many_events``, Malformed ``body_malformed`` and ``unknown_content_type``.
    """
    if len(raw) > MAX_BODY_BYTES:
        raise TooLarge("body_too_large", "The body has more than {limit} bytes.", limit=MAX_BODY_BYTES)
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == JSON:
        return _parse_all(_array(raw))
    if media_type in JSON_LINES:
        return _parse_all(line for line in raw.split(b"\n") if line.strip())
    raise Malformed(
        "unknown_content_type",
        "The content type of events is {known}.",
        known=" / ".join([JSON, *JSON_LINES]),
    )


def parse_event(raw: bytes | msgspec.Raw) -> IncomingEvent | Refusal:
    """One event of its JSON."""
    try:
        return _event_decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        return Malformed("usage_event_malformed", "This event can't be read: {problem}", problem=str(problem)[:200])


def _array(raw: bytes) -> list[msgspec.Raw]:
    try:
        return _body_decoder.decode(raw).events
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise Malformed(
            "body_malformed", 'The body must be {"events": [...]}: {problem}', problem=str(problem)[:200]
        ) from None


def _parse_all(lines: Iterable[bytes | msgspec.Raw]) -> list[IncomingEvent | Refusal]:
    events: list[IncomingEvent | Refusal] = []
    for line in lines:
        if len(events) == MAX_EVENTS:
            raise TooLarge(
                "too_many_events",
                "At most {limit} events at once; send the rest in another batch.",
                limit=MAX_EVENTS,
            )
        events.append(parse_event(line))
    return events
