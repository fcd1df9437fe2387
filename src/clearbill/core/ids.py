"""Identifiers: a prefix that says what it is, and a time-ordered number.

An id is 128 bits, laid out as UUID version 7 (RFC 9562, 2024): 48 bits of milliseconds, then random bits. The clock and
the random bits are arguments. On the wire it's ``inv_`` + 26 characters of Crockford's base32 in lower case.
"""

from __future__ import annotations

from clearbill.core.errors import Malformed

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES = {letter: value for value, letter in enumerate(ALPHABET)}
_PAIRS = [ALPHABET[high] + ALPHABET[low] for high in range(32) for low in range(32)]
LENGTH = 26
RANDOM_BITS = 74

PREFIXES = {
    "seller": "sel",
    "user": "usr",
    "api_key": "key",
    "customer": "cus",
    "meter": "mtr",
    "plan": "pln",
    "plan_version": "plv",
    "subscription": "sub",
    "draft": "drf",
    "invoice": "inv",
    "credit_note": "crn",
    "transaction": "txn",
    "fact": "fct",
    "message": "msg",
    "import": "imp",
    "audit": "aud",
    "invitation": "ivt",
    "gateway_account": "gwa",
    "payment_method": "pmt",
    "payment": "pay",
    "refund": "rfd",
}


def uuid7(at_ms: int, random_bits: int) -> int:
    """The 128-bit number of a UUID v7 made at ``at_ms`` (milliseconds since 1970) from 74 random bits."""
    high = (at_ms & 0xFFFF_FFFF_FFFF) << 80
    rand_a = (random_bits >> 62) & 0xFFF
    rand_b = random_bits & 0x3FFF_FFFF_FFFF_FFFF
    return high | (0x7 << 76) | (rand_a << 64) | (0b10 << 62) | rand_b


def encode(kind: str, value: int) -> str:
    """The id's text: ``encode("invoice", n)`` → ``inv_…``."""
    low = "".join([_PAIRS[(value >> shift) & 0x3FF] for shift in range(120, -1, -10)])
    return f"{PREFIXES[kind]}_{low}"


def decode(kind: str, text: str) -> int:
    """The number of an id's text; refuses another kind's prefix and wrong characters (``id_malformed``)."""
    prefix, _, body = text.partition("_")
    if prefix != PREFIXES[kind] or len(body) != LENGTH or body[0] > "7":
        raise _malformed(kind, text)
    value = 0
    for letter in body:
        digit = _VALUES.get(letter)
        if digit is None:
            raise _malformed(kind, text)
        value = value << 5 | digit
    return value


def _malformed(kind: str, text: str) -> Malformed:
    return Malformed(
        "id_malformed",
        "“{text}” is not the id of this kind of thing; such ids start with {prefix}_ and have 26 characters after it.",
        text=text[:64],
        prefix=PREFIXES[kind],
    )
