"""Declines: one meaning each, never again after a hard one, never sooner than advised, never above the limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from clearbill.core.decline import (
    ADVICE_EARLIEST,
    DECLINES,
    DeclineClass,
    decline_of,
    earliest_retry,
    may_try,
    shown_code,
)

AT = datetime(2025, 6, 1, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
CARD_CODES = ["04", "07", "12", "14", "15", "41", "43", "46", "57", "R0", "R1", "R3"]
DEBIT_CODES = ["MD01", "MD06", "R07", "R10", "R29"]


def test_a_raw_code_means_one_thing() -> None:
    raw = [code for each in DECLINES.values() for code in each.raw]
    assert len(raw) == len(set(raw))
    assert not set(raw) & set(DECLINES)


@pytest.mark.parametrize("raw", [*CARD_CODES, *DEBIT_CODES])
def test_codes_that_forbid_another_try(raw: str) -> None:
    assert decline_of(raw).kind is DeclineClass.HARD
    assert earliest_retry(raw, declined_at=AT) is None


@pytest.mark.parametrize(
    "code", ["stolen_card", "lost_card", "pick_up_card", "suspected_fraud", "43", "59", "unheard_of"]
)
def test_a_payer_never_reads_of_theft_or_fraud(code: str) -> None:
    assert shown_code(code) == "card_declined"


def test_everything_shown_is_a_code_of_the_table() -> None:
    assert {shown_code(code) for code in DECLINES} <= set(DECLINES)
    assert all(each.article for each in DECLINES.values())


@pytest.mark.parametrize(
    ("code", "advice", "wait"),
    [
        ("insufficient_funds", "", 48 * HOUR),
        ("insufficient_funds", "24", 48 * HOUR),
        ("insufficient_funds", "30", 240 * HOUR),
        ("issuer_unavailable", "", HOUR),
        ("issuer_unavailable", "25", 24 * HOUR),
        ("unheard_of", "", 24 * HOUR),
    ],
)
def test_never_sooner_than_the_code_and_the_advice_say(code: str, advice: str, wait: timedelta) -> None:
    assert earliest_retry(code, declined_at=AT, advice=advice) == AT + wait


@pytest.mark.parametrize("advice", ["03", "21"])
def test_advice_that_says_never(advice: str) -> None:
    assert earliest_retry("insufficient_funds", declined_at=AT, advice=advice) is None
    assert advice not in ADVICE_EARLIEST


@pytest.mark.parametrize("code", ["authentication_required", "expired_card", "incorrect_cvc"])
def test_what_only_the_payer_can_mend_is_not_tried_again(code: str) -> None:
    assert earliest_retry(code, declined_at=AT) is None


@pytest.mark.parametrize(
    ("brand", "declines", "age", "own", "may"),
    [
        ("visa", 14, HOUR, False, True),
        ("visa", 15, HOUR, False, False),
        ("visa", 15, timedelta(days=30), False, True),
        ("visa", 7, HOUR, True, True),
        ("visa", 8, HOUR, True, False),
        ("mastercard", 9, HOUR, False, True),
        ("mastercard", 10, HOUR, False, False),
        ("mastercard", 10, 25 * HOUR, False, True),
        ("mastercard", 35, 25 * HOUR, False, False),
        ("jcb", 100, HOUR, False, True),
        ("jcb", 8, HOUR, True, False),
    ],
)
def test_limits_of_the_schemes_and_our_own(brand: str, declines: int, age: timedelta, own: bool, may: bool) -> None:
    assert may_try(brand, declined_at=[AT - age] * declines, at=AT, own=own) is may
