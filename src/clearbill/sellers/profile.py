"""What a seller's profile may say: each field with its check. Where it's stored is the actions' matter."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from zoneinfo import available_timezones

from babel import Locale
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from clearbill.core.errors import Malformed, Unacceptable
from clearbill.core.money import exponent
from clearbill.core.policy import check_policies
from clearbill.sellers.numbering import check_format

LOCALES = ("en", "zh-Hans")
MAX_ADDRESS_LINES = 8
MAX_ENTRIES = 10
MAX_LINE_LENGTH = 200
MAX_NET_TERMS_DAYS = 365
# CLDR's territories that ISO 3166 doesn't have, or has for other purposes than countries; XK is in general
# use
_NO_COUNTRIES = frozenset({"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"})
_PREFIX = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,31}")


@lru_cache(maxsize=1)
def countries() -> frozenset[str]:
    """ISO 3166 codes of countries."""
    codes = {code for code in Locale("en").territories if len(code) == 2 and code.isalpha()}
    return frozenset(codes) - _NO_COUNTRIES


@lru_cache(maxsize=1)
def timezones() -> frozenset[str]:
    """Names of the time-zone database that name a place, or UTC."""
    return frozenset(name for name in available_timezones() if "/" in name and not name.startswith("Etc/")) | {"UTC"}


def check_country(value: object, field: str = "country") -> str:
    """A country's code; Unacceptable ``unknown_country``."""
    text = _text(value, field, limit=MAX_LINE_LENGTH)
    if text not in countries():
        raise Unacceptable(
            "unknown_country",
            "“{value}” is not a country of ISO 3166; write two capital letters, such as FR or CN.",
            field=field,
            value=text[:16],
        )
    return text


def check_currency(value: object, field: str = "currency") -> str:
    """A currency's code; Unacceptable ``unknown_currency`` with the field."""
    text = _text(value, field, limit=MAX_LINE_LENGTH)
    try:
        exponent(text)
    except Unacceptable as refused:
        raise Unacceptable(refused.code, refused.message, **{**refused.params, "field": field}) from None
    return text


def check_timezone(value: object, field: str = "timezone") -> str:
    """A time zone's name; Unacceptable ``unknown_timezone``."""
    text = _text(value, field, limit=MAX_LINE_LENGTH)
    if text not in timezones():
        raise Unacceptable(
            "unknown_timezone",
            "“{value}” is not a time zone; write a name such as Europe/Paris, Asia/Shanghai or UTC.",
            field=field,
            value=text[:64],
        )
    return text


def check_locale(value: object, field: str = "locale") -> str:
    """A language of the product; Unacceptable ``unknown_locale``."""
    return _one_of(value, field, LOCALES, code="unknown_locale")


def check_email(value: object, field: str = "email") -> str:
    """An address in lower case; Unacceptable ``email_malformed``."""
    text = _text(value, field, limit=254).lower()
    try:
        validate_email(text)
    except ValidationError:
        raise Unacceptable(
            "email_malformed", "“{value}” is not a mail address.", field=field, value=text[:120]
        ) from None
    return text


def checked_profile(fields: Mapping[str, object]) -> dict[str, object]:
    """``fields`` with every value checked and normalised. Raises Malformed ``unknown_field`` or the field's
    own refusal.
    """
    checked = {}
    for name, value in fields.items():
        if name not in CHECKS:
            raise Malformed(
                "unknown_field",
                "“{name}” is not a field here. Known are {known}.",
                field=name,
                name=name[:64],
                known=", ".join(CHECKS),
            )
        checked[name] = CHECKS[name](value, name)
    return checked


def _text(value: object, field: str, *, limit: int) -> str:
    if not isinstance(value, str):
        raise Malformed("not_text", "This must be text.", field=field)
    text = value.strip()
    if not text or len(text) > limit or not text.isprintable():
        raise Unacceptable("text_length", "Write 1 to {limit} characters on one line.", field=field, limit=limit)
    return text


def _name(value: object, field: str) -> str:
    return _text(value, field, limit=MAX_LINE_LENGTH)


def _optional_email(value: object, field: str) -> str:
    return "" if value == "" else check_email(value, field)


def _one_of(value: object, field: str, allowed: tuple[str, ...], *, code: str = "unknown_choice") -> str:
    if value not in allowed or not isinstance(value, str):
        raise Unacceptable(
            code,
            "“{value}” is not allowed here. Allowed: {allowed}.",
            field=field,
            value=str(value)[:64],
            allowed=", ".join(allowed),
        )
    return value


def _address(value: object, field: str) -> list[str]:
    if not isinstance(value, list) or len(value) > MAX_ADDRESS_LINES:
        raise Malformed(
            "address_shape",
            "An address is a list of at most {limit} lines.",
            field=field,
            limit=MAX_ADDRESS_LINES,
        )
    return [_name(line, f"{field}[{index}]") for index, line in enumerate(value)]


def _labelled(value: object, field: str) -> list[dict[str, str]]:
    entries = value if isinstance(value, list) and len(value) <= MAX_ENTRIES else None
    if entries is None or any(not isinstance(e, dict) or set(e) != {"label", "value"} for e in entries):
        raise Malformed(
            "entries_shape",
            "This is a list of at most {limit} entries, each with label and value.",
            field=field,
            limit=MAX_ENTRIES,
        )
    return [
        {key: _name(entry[key], f"{field}[{index}].{key}") for key in ("label", "value")}
        for index, entry in enumerate(entries)
    ]


def _prefix(value: object, field: str) -> str:
    text = _text(value, field, limit=32)
    if not _PREFIX.fullmatch(text):
        raise Unacceptable(
            "number_prefix",
            "A prefix takes letters, digits and - . / _, and starts with a letter or digit.",
            field=field,
        )
    return text


def _net_terms(value: object, field: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_NET_TERMS_DAYS:
        raise Unacceptable(
            "net_terms_days",
            "Days to pay are a whole number from 0 to {limit}.",
            field=field,
            limit=MAX_NET_TERMS_DAYS,
        )
    return value


def _policies(value: object, field: str) -> dict[str, str | int]:
    if not isinstance(value, dict):
        raise Malformed("policies_shape", "Policies are written as an object of names and values.", field=field)
    return check_policies(value, field=field)


def _truth(value: object, field: str) -> bool:
    if not isinstance(value, bool):
        raise Malformed("not_truth", "This is either true or false.", field=field)
    return value


CHECKS: dict[str, Callable[[object, str], object]] = {
    "name": _name,
    "legal_name": _name,
    "country": check_country,
    "currency": check_currency,
    "timezone": check_timezone,
    "locale": check_locale,
    "email": _optional_email,
    "address": _address,
    "tax_ids": _labelled,
    "bank": _labelled,
    "tax_behavior": lambda value, field: _one_of(value, field, ("exclusive", "inclusive")),
    "policies": _policies,
    "mfa_required": _truth,
    "number_prefix": _prefix,
    "number_format": lambda value, field: check_format(_text(value, field, limit=200), field=field),
    "net_terms_days": _net_terms,
}
