"""A request's body: strict JSON without floats, duplicate names, NUL or broken Unicode, never more than the limit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from ninja.parser import Parser

from clearbill.core.errors import Malformed, TooLarge

MAX_DEPTH = 30


class StrictParser(Parser):
    """What ninja asks to read a body."""

    def parse_body(self, request: HttpRequest) -> Any:
        """The body as values. Raises Malformed ``body_malformed``, ``duplicate_field``, ``character_refused``."""
        return parse_json(request.body)


def parse_json(raw: bytes) -> Any:
    """JSON in UTF-8, read strictly; numbers with a point become Decimals, so that no float ever gets in."""
    try:
        value = json.loads(
            raw.decode("utf-8"),
            parse_float=_exact,
            parse_constant=_no_constant,
            object_pairs_hook=_object,
        )
    except (ValueError, RecursionError) as problem:
        raise Malformed(
            "body_malformed", "The body isn't JSON in UTF-8: {problem}", problem=str(problem)[:120]
        ) from None
    for text in _texts(value, 0):
        refuse_characters(text)
    return value


def refuse_characters(text: str, *, field: str = "") -> None:
    """Refuse a text that no table can hold: NUL, or half of a surrogate pair (``character_refused``)."""
    if "\0" in text or (not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text)):
        raise Malformed(
            "character_refused", "There is a NUL character or broken Unicode in this text; take it out.", field=field
        )


def read_unannounced(request: HttpRequest) -> None:
    """Read a body that came in chunks, without Content-Length: Django takes such a body for empty.

    Raises TooLarge ``body_too_large`` after one byte more than the limit.
    """
    chunked = "chunked" in request.headers.get("Transfer-Encoding", "").lower()
    source = request.META.get("wsgi.input")
    if not chunked or request.META.get("CONTENT_LENGTH") or source is None:
        return
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    pieces: list[bytes] = []
    size = 0
    while size <= limit:
        piece = source.read(min(65_536, limit + 1 - size))
        if not piece:
            break
        pieces.append(piece)
        size += len(piece)
    if size > limit:
        raise TooLarge(
            "body_too_large",
            "The request's body is larger than {limit_mb} MB. Send it in several requests.",
            limit_mb=limit // 1024 // 1024,
        )
    request._body = b"".join(pieces)


def _exact(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ValueError("a number with an absurd exponent") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Malformed("duplicate_field", "The field “{name}” stands here twice.", field=twice[:64], name=twice[:64])
    return found


def _texts(value: Any, depth: int) -> Iterator[str]:
    if depth > MAX_DEPTH:
        raise Malformed("body_too_deep", "This is nested deeper than {limit} levels.", limit=MAX_DEPTH)
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield name
            yield from _texts(each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each, depth + 1)
