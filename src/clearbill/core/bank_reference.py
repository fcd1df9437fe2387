"""Structured creditor references (ISO 11649): ``RF``, two check digits, up to 21 letters and digits.

A payer's bank checks them as they're typed, so a transfer that carries one belongs to exactly one payment.
"""

from __future__ import annotations

import re

from clearbill.core.errors import Fault

_BODY = re.compile(r"[0-9A-Z]{1,21}")
_REFERENCE = re.compile(r"RF[0-9]{2}[0-9A-Z]{1,21}")
# Where a payer's text may break a reference: blanks, line ends, slashes
_BREAKS = re.compile(r"[\s/\-]+")


def make_reference(body: str) -> str:
    """The reference of ``body`` (1 to 21 letters and digits), with its check digits (ISO 7064, mod 97-10)."""
    text = body.upper()
    if not _BODY.fullmatch(text):
        raise Fault(f"not the body of a creditor reference: {body!r}")
    return f"RF{98 - _remainder(text + 'RF00'):02d}{text}"


def read_reference(text: str) -> str | None:
    """``text`` as a reference in its plain form, or None when it isn't one or its check digits are wrong."""
    plain = _BREAKS.sub("", text).upper()
    if not _REFERENCE.fullmatch(plain) or _remainder(plain[4:] + plain[:4]) != 1:
        return None
    return plain


def shown_reference(reference: str) -> str:
    """In groups of four, as it's printed for people to type."""
    return " ".join(reference[place : place + 4] for place in range(0, len(reference), 4))


def _remainder(text: str) -> int:
    return int("".join(str(int(letter, 36)) for letter in text)) % 97
