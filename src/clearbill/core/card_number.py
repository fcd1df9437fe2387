"""Finds payment card numbers in text, so that none is ever taken in: not in a form, a body, a mail or a log.

A number counts when it has the length and beginning of a card (ISO/IEC 7812, ranges of the schemes) and passes the Luhn
check; spaces, hyphens and dots between its groups don't hide it, nor do other scripts' digits.
"""

from __future__ import annotations

import re
import unicodedata

# Without gaps, or in the groups that stand on cards (4-4-4-4 and a rest, 4-6-5, 4-6-4), the same mark between them; not a
# part of a longer run of digits or of a word. Dates and numbers side by side in somebody's key aren't a card.
_GAP = r"[ \u00a0\u2009\u202f.\-\u2010-\u2015]{1,2}"
_RUN = re.compile(
    rf"(?<![0-9A-Za-z_])(?:[0-9]{{14,19}}|[0-9]{{4}}({_GAP})[0-9]{{4}}\1[0-9]{{4}}\1[0-9]{{4}}(?:\1[0-9]{{3}})?"
    rf"|[0-9]{{4}}({_GAP})[0-9]{{6}}\2[0-9]{{4,5}})(?![0-9A-Za-z_])"
)
_UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE)

# Beginnings and lengths of the schemes' numbers, from their published ranges. Long enough ones only: other numbers of
# 16 digits (orders, meters) are common, and a false alarm refuses somebody's honest request.
_SCHEMES = (
    (re.compile(r"4"), {16, 19}),  # Visa
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), {16}),  # Mastercard
    (re.compile(r"3[47]"), {15}),  # American Express
    (re.compile(r"3(?:0[0-5]|095|6|[89])"), {14, 16, 17, 18, 19}),  # Diners Club
    (re.compile(r"35(?:2[89]|[3-8])"), {16, 17, 18, 19}),  # JCB
    (re.compile(r"6011|64[4-9]|65"), {16, 17, 18, 19}),  # Discover
    (re.compile(r"62|81"), {16, 17, 18, 19}),  # UnionPay
    (re.compile(r"60|508|82"), {16}),  # RuPay
    (re.compile(r"5018|5020|5038|5893|6304|6759|676[1-3]"), {16, 17, 18, 19}),  # Maestro
    (re.compile(r"220[0-4]"), {16, 17, 18, 19}),  # Mir
)


def passes_luhn(digits: str) -> bool:
    """Whether the last of ``digits`` is their check digit (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit)
        if place % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def card_numbers(text: str) -> list[str]:
    """The digits of each card number in ``text``, in order."""
    found = []
    for match in _RUN.finditer(_UUID.sub(" ", _plain(text))):
        digits = re.sub(r"[^0-9]", "", match.group())
        if passes_luhn(digits) and _of_a_scheme(digits):
            found.append(digits)
    return found


def _of_a_scheme(digits: str) -> bool:
    return any(len(digits) in lengths and beginning.match(digits) for beginning, lengths in _SCHEMES)


def holds_card_number(text: str) -> bool:
    """Whether a card number stands anywhere in ``text``."""
    return bool(card_numbers(text))


def _plain(text: str) -> str:
    """``text`` with the digits of all scripts as 0 to 9, and invisible marks taken out."""
    if text.isascii():
        return text
    return "".join(
        str(unicodedata.decimal(letter)) if unicodedata.category(letter) == "Nd" else letter
        for letter in text
        if unicodedata.category(letter) != "Cf"
    )
