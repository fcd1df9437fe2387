"""Number formats: what a seller may write, and the number that a format makes. The counter is in
``actions.numbers``.
"""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from clearbill.core.errors import Unacceptable

MAX_FORMAT_LENGTH = 120
MAX_NUMBER_LENGTH = 64
MAX_DIGITS = 12

_PLACE = re.compile(r"\{([^{}]*)\}")
_SEQUENCE = re.compile(r"seq(?::0?([1-9]\d?))?")
_PLAIN = re.compile(r"[\w ./#-]*")


def check_format(text: str, *, field: str = "number_format") -> str:
    """The format itself when it's good: places ``{prefix} {year} {month} {seq} {seq:06}``, exactly one of
    them ``seq``.

    Raises Unacceptable ``number_format_place`` (unknown place), ``number_format_seq`` (none, or several),
    ``number_format_text`` (characters that don't belong in a number).
    """
    sequences = 0
    for place in _PLACE.findall(text):
        digits = _SEQUENCE.fullmatch(place)
        if digits and int(digits[1] or 1) <= MAX_DIGITS:
            sequences += 1
        elif place not in ("prefix", "year", "month"):
            raise Unacceptable(
                "number_format_place",
                "“{place}” can't stand in a number format. Use {known}.",
                field=field,
                place="{" + place[:40] + "}",
                known="{prefix}, {year}, {month}, {seq}, {seq:06}",
            )
    if sequences != 1:
        raise Unacceptable(
            "number_format_seq",
            "A number format needs the running number exactly once: {place}.",
            field=field,
            place="{seq:06}",
        )
    if len(text) > MAX_FORMAT_LENGTH or not _PLAIN.fullmatch(_PLACE.sub("", text)):
        raise Unacceptable(
            "number_format_text",
            "A number format takes letters, digits, spaces and - . / # _ besides its places, {limit} "
            "characters at most.",
            field=field,
            limit=MAX_FORMAT_LENGTH,
        )
    return text


def number_text(number_format: str, *, prefix: str, seq: int, issued_at: datetime, timezone: str) -> str:
    """The number that ``seq`` gets: year and month of ``issued_at`` on the seller's calendar."""
    local = issued_at.astimezone(ZoneInfo(timezone))

    def written(place: re.Match[str]) -> str:
        name, _, digits = place[1].partition(":")
        if name == "seq":
            return str(seq).zfill(int(digits or 1))
        return {"prefix": prefix, "year": f"{local.year:04}", "month": f"{local.month:02}"}[name]

    return _PLACE.sub(written, number_format)
