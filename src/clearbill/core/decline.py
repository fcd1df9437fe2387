"""Why a payment is refused, what that means for trying again, and the limits that the card schemes set on tries.

One table. A gateway's raw code becomes one of these codes in its adapter; from here on only these are spoken of. What the
payer reads never says "stolen" or "fraud": such codes show the generic text.

Sources: ISO 8583-1:2003 action codes as card networks use them; Visa Core Rules (decline response categories 1 to 4,
retries of a declined authorization); Mastercard merchant advice codes 01 to 43; EPC rulebooks and Nacha return codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum


class DeclineClass(StrEnum):
    """What can be done about it."""

    HARD = "hard"  # never again with this method
    DATA = "data"  # the payer must correct something
    AUTHENTICATION = "authentication"  # the payer must confirm at the bank
    SOFT = "soft"  # later


@dataclass(frozen=True, slots=True, kw_only=True)
class Decline:
    """A normalised code. ``raw`` are codes of ISO 8583 that mean it; ``article`` is the help centre's slug."""

    code: str
    kind: DeclineClass
    article: str
    raw: frozenset[str] = frozenset()
    earliest: timedelta | None = None
    shown: str = ""
    valid_from: date = date(2025, 5, 1)


_DAY = timedelta(days=1)


def _decline(code: str, kind: DeclineClass, article: str, raw: str = "", **more: object) -> Decline:
    return Decline(code=code, kind=kind, article=article, raw=frozenset(raw.split()), **more)  # type: ignore[arg-type]


_K = DeclineClass
_GENERIC = "card_declined"

DECLINES: dict[str, Decline] = {
    each.code: each
    for each in (
        _decline("insufficient_funds", _K.SOFT, "insufficient-funds", "51 AM04 R01", earliest=2 * _DAY),
        _decline("do_not_honor", _K.SOFT, "card-declined", "05", earliest=_DAY),
        _decline("limit_exceeded", _K.SOFT, "limit-exceeded", "61 65", earliest=_DAY),
        _decline("issuer_unavailable", _K.SOFT, "try-again-later", "91 92", earliest=timedelta(hours=1)),
        _decline("processing_error", _K.SOFT, "try-again-later", "06 96", earliest=timedelta(hours=1)),
        _decline("try_again_later", _K.SOFT, "try-again-later", "19", earliest=timedelta(hours=1)),
        _decline("too_many_tries", _K.SOFT, "try-again-later", "75", earliest=_DAY),
        _decline("card_declined", _K.SOFT, "card-declined", "", earliest=_DAY),
        _decline("authentication_required", _K.AUTHENTICATION, "3-d-secure", "1A 70"),
        _decline("authentication_failed", _K.AUTHENTICATION, "3-d-secure", "N0"),
        _decline("expired_card", _K.DATA, "expired-card", "33 54"),
        _decline("incorrect_cvc", _K.DATA, "check-card-details", "N7 82"),
        _decline("incorrect_postcode", _K.DATA, "check-card-details", "N6"),
        _decline("currency_not_supported", _K.DATA, "card-declined", "58"),
        _decline("invalid_number", _K.HARD, "check-card-details", "14 15"),
        _decline("not_permitted", _K.HARD, "card-declined", "12 57 62"),
        _decline("lost_card", _K.HARD, "card-declined", "41", shown=_GENERIC),
        _decline("stolen_card", _K.HARD, "card-declined", "43", shown=_GENERIC),
        _decline("pick_up_card", _K.HARD, "card-declined", "04 07", shown=_GENERIC),
        _decline("suspected_fraud", _K.HARD, "card-declined", "59", shown=_GENERIC),
        _decline("account_closed", _K.HARD, "account-closed", "46 78 AC04 R02"),
        _decline("authorization_revoked", _K.HARD, "mandate-revoked", "R0 R1 R3 MD01 MD06 R07 R10 R29"),
        _decline("canceled_by_payer", _K.DATA, "payment-canceled"),
        _decline("expired_session", _K.DATA, "payment-canceled"),
        _decline("replaced", _K.DATA, "payment-canceled"),
        _decline("gateway_unreachable", _K.SOFT, "try-again-later", earliest=timedelta(hours=1)),
    )
}

# Mastercard's advice on when to come back; 03 and 21 say never.
ADVICE_EARLIEST: dict[str, timedelta] = {
    "24": timedelta(hours=1),
    "25": _DAY,
    "26": 2 * _DAY,
    "27": 4 * _DAY,
    "28": 6 * _DAY,
    "29": 8 * _DAY,
    "30": 10 * _DAY,
}
ADVICE_NEVER = frozenset({"03", "21"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemeLimit:
    """At most ``declines`` of one card, seller and amount within ``window``, whoever tries."""

    declines: int
    window: timedelta


# Visa allows 20 in 30 days since May 2025 and several acquirers still 15; our own default is below all of them.
SCHEME_LIMITS: dict[str, tuple[SchemeLimit, ...]] = {
    "visa": (SchemeLimit(declines=15, window=30 * _DAY),),
    "mastercard": (
        SchemeLimit(declines=10, window=_DAY),
        SchemeLimit(declines=35, window=30 * _DAY),
    ),
}
OWN_LIMIT = SchemeLimit(declines=8, window=30 * _DAY)


def decline_of(raw: str) -> Decline:
    """The decline of a raw or a normalised code; one nobody knows is the generic soft one."""
    known = DECLINES.get(raw)
    if known is not None:
        return known
    return next((each for each in DECLINES.values() if raw in each.raw), DECLINES[_GENERIC])


def shown_code(code: str) -> str:
    """The code whose text a payer may read."""
    found = decline_of(code)
    return found.shown or found.code


def earliest_retry(code: str, *, declined_at: datetime, advice: str = "") -> datetime | None:
    """When the same method may be tried again by itself; None is never, until the method changes or the payer acts."""
    found = decline_of(code)
    if found.kind is not DeclineClass.SOFT or advice in ADVICE_NEVER:
        return None
    wait = max(found.earliest or _DAY, ADVICE_EARLIEST.get(advice, timedelta()))
    return declined_at + wait


def may_try(brand: str, *, declined_at: Sequence[datetime], at: datetime, own: bool = True) -> bool:
    """Whether one more try stays inside the limits, given when this card was declined at this seller for this amount.

    ``own`` adds our own, lower limit, which holds for tries that nobody asked for; the schemes' hold for all.
    """
    limits = SCHEME_LIMITS.get(brand, ()) + ((OWN_LIMIT,) if own else ())
    return all(sum(at - limit.window < each <= at for each in declined_at) < limit.declines for limit in limits)
