"""What a customer's document may say: its fields, each checked. No table is read here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from zoneinfo import available_timezones

from babel import Locale
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from clearbill.core import ids, money
from clearbill.core.errors import Malformed, Refusal, Unacceptable
from clearbill.core.policy import check_policies

MAX_EXTERNAL_ID = 128
MAX_NAME = 200
MAX_REGION = 64
MAX_ADDRESS_LINES = 8
MAX_ADDRESS_LINE = 120
MAX_TAX_IDS = 10
MAX_TAX_ID = 64
MAX_NET_TERMS_DAYS = 365
LOCALES = ("en", "zh-Hans")
KINDS = ("business", "consumer")
_NOT_COUNTRIES = frozenset({"EU", "EZ", "UN", "XA", "XB", "ZZ", "QO", "AC", "CP", "CQ", "DG", "EA", "IC", "TA"})


def check_customer(document: object, *, required: tuple[str, ...] = ("external_id", "name")) -> dict[str, object]:
    """The fields of ``document``, checked and normalised; those left out stay out.

    Raises Malformed or Unacceptable: ``unknown_field``, ``missing_field``, ``wrong_type``, ``unknown_currency`` and so on.
    """
    if not isinstance(document, Mapping):
        raise Malformed("wrong_type", "A customer is an object with named fields.")
    unknown = [name for name in document if name not in _CHECKS]
    if unknown:
        raise Malformed(
            "unknown_field",
            "“{name}” is not a field of a customer; known are {known}.",
            field=str(unknown[0])[:64],
            name=str(unknown[0])[:64],
            known=", ".join(_CHECKS),
        )
    for name in required:
        if name not in document:
            raise Malformed("missing_field", "“{name}” is missing.", field=name, name=name)
    return {name: check(document[name], name) for name, check in _CHECKS.items() if name in document}


def _text(value: object, field: str, *, limit: int, empty: bool = True) -> str:
    if not isinstance(value, str):
        raise Malformed("wrong_type", "“{name}” must be text.", field=field, name=field)
    text = value.strip()
    if not all(letter.isprintable() for letter in text):
        raise Malformed("unprintable", "This text has control characters.", field=field)
    if len(text) > limit:
        raise Unacceptable("too_long", "This text has more than {limit} characters.", field=field, limit=limit)
    if not text and not empty:
        raise Unacceptable("empty", "This can't be empty.", field=field)
    return text


def _external_id(value: object, field: str) -> str:
    text = _text(value, field, limit=MAX_EXTERNAL_ID, empty=False)
    try:
        ids.decode("customer", text)
    except Refusal:
        return text
    raise Unacceptable(
        "external_id_is_an_id",
        "“{text}” looks like an id of Clearbill's own; use your own name for it.",
        field=field,
        text=text,
    )


def _name(value: object, field: str) -> str:
    return _text(value, field, limit=MAX_NAME, empty=False)


def _email(value: object, field: str) -> str:
    text = _text(value, field, limit=254)
    if text:
        try:
            validate_email(text)
        except ValidationError:
            raise Unacceptable(
                "email_malformed", "“{text}” is not an e-mail address.", field=field, text=text[:80]
            ) from None
    return text


@lru_cache(maxsize=1)
def countries() -> frozenset[str]:
    """The two-letter codes of ISO 3166-1, as CLDR knows them."""
    territories = Locale.parse("en").territories
    return frozenset(code for code in territories if re.fullmatch("[A-Z]{2}", code)) - _NOT_COUNTRIES


def _country(value: object, field: str) -> str:
    text = _text(value, field, limit=MAX_REGION)
    if text and text not in countries():
        raise Unacceptable(
            "unknown_country",
            "“{text}” is not a country of ISO 3166; write two capital letters, such as FR.",
            field=field,
            text=text,
        )
    return text


def _region(value: object, field: str) -> str:
    return _text(value, field, limit=MAX_REGION)


def _one_of(allowed: tuple[str, ...]) -> Callable[[object, str], str]:
    def check(value: object, field: str) -> str:
        if value not in allowed:
            raise Unacceptable(
                "unknown_value",
                "“{value}” is not allowed; it is one of {allowed}.",
                field=field,
                value=str(value)[:40],
                allowed=", ".join(allowed),
            )
        return str(value)

    return check


@lru_cache(maxsize=1)
def _timezones() -> frozenset[str]:
    return frozenset(name for name in available_timezones() if name == "UTC" or "/" in name)


def _timezone(value: object, field: str) -> str:
    text = _text(value, field, limit=64)
    if text and text not in _timezones():
        raise Unacceptable(
            "unknown_timezone",
            "“{text}” is not a time zone; write it like Europe/Paris.",
            field=field,
            text=text,
        )
    return text


def _currency(value: object, field: str) -> str:
    text = _text(value, field, limit=16, empty=False)
    try:
        money.exponent(text)
    except Unacceptable as refusal:
        raise Unacceptable(refusal.code, refusal.message, field=field, currency=text) from None
    return text


def _lines(limit: int, *, length: int) -> Callable[[object, str], list[str]]:
    def check(value: object, field: str) -> list[str]:
        if not isinstance(value, list | tuple):
            raise Malformed("wrong_type", "“{name}” must be a list of texts.", field=field, name=field)
        if len(value) > limit:
            raise Unacceptable("too_many", "There are more than {limit} of these.", field=field, limit=limit)
        return [_text(line, f"{field}[{index}]", limit=length) for index, line in enumerate(value)]

    return check


def _net_terms_days(value: object, field: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_NET_TERMS_DAYS:
        raise Unacceptable(
            "net_terms_days",
            "The days to pay are a whole number from 0 to {limit}.",
            field=field,
            limit=MAX_NET_TERMS_DAYS,
        )
    return value


def _policies(value: object, field: str) -> dict[str, str | int]:
    if not isinstance(value, Mapping):
        raise Malformed("wrong_type", "“{name}” must be an object.", field=field, name=field)
    return check_policies(value, field=field)


_CHECKS: Mapping[str, Callable[[object, str], object]] = {
    "external_id": _external_id,
    "name": _name,
    "email": _email,
    "country": _country,
    "region": _region,
    "kind": _one_of(KINDS),
    "timezone": _timezone,
    "locale": _one_of(LOCALES),
    "currency": _currency,
    "address": _lines(MAX_ADDRESS_LINES, length=MAX_ADDRESS_LINE),
    "tax_ids": _lines(MAX_TAX_IDS, length=MAX_TAX_ID),
    "net_terms_days": _net_terms_days,
    "policies": _policies,
}
FIELDS = tuple(_CHECKS)
