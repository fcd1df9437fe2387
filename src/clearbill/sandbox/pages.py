"""The sandbox's hosted pages: card, wallet sheet, confirmation at the bank, and the phone that scans a code.

Payers come from a checkout and are sent back to it. Nothing they type is kept or logged but what a test number does.
"""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from babel.numbers import format_currency
from django.template import Context, Engine
from django.utils import translation
from django.utils.translation import gettext as _
from iso4217 import Currency
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from clearbill.sandbox.behaviors import CARDS
from clearbill.sandbox.engine import OPEN, Card, Refused, Row
from clearbill.sandbox.engine import Engine as Sandbox

_HERE = Path(__file__).resolve().parent
_STATIC = _HERE.parent / "web" / "static"
FILES = {"clearbill.css": "text/css", "logo.svg": "image/svg+xml", "icons.svg": "image/svg+xml"}
_TEMPLATES = Engine(dirs=[str(_HERE / "templates")], builtins=["django.templatetags.i18n"])
_LOCALES = {"en": "en", "zh-Hans": "zh_Hans_CN"}
_DIGITS = re.compile(r"[^0-9]")


def answer(sandbox: Sandbox, request: Request, endpoint: str, *, at: datetime, **values: str) -> Response:
    """The page, or what a form on it did."""
    if endpoint == "static":
        return _static(values["name"])
    try:
        with sandbox.store.transaction():
            row = sandbox.page(values["charge_id"], at=at)
    except Refused:
        return Response("Not found", status=404, mimetype="text/plain")
    with translation.override("zh-hans" if row["language"].lower().startswith("zh") else "en"):
        if request.method == "POST" and row["state"] == OPEN:
            return _act(sandbox, request, row, endpoint, at=at)
        if row["state"] != OPEN and endpoint == "pay":
            return _back(row)
        return _page(row, endpoint)


def _act(sandbox: Sandbox, request: Request, row: Row, endpoint: str, *, at: datetime) -> Response:
    try:
        with sandbox.store.transaction():
            row = _do(sandbox, request, row, endpoint, at=at)
    except Refused as refused:
        return _page(row, endpoint, problem=_problem(refused.code))
    return _page(row, endpoint) if row["state"] == OPEN or endpoint == "scan" else _back(row)


def _do(sandbox: Sandbox, request: Request, row: Row, endpoint: str, *, at: datetime) -> Row:
    wanted = request.form.get("do", "")
    if wanted == "cancel":
        return sandbox.give_up(row["id"], at=at)
    if endpoint == "scan" and row["page"] == "alipay":
        return sandbox.scan(row["id"], at=at)
    if row["page"] == "challenge":
        return sandbox.answer_challenge(row["id"], confirmed=wanted == "confirm", at=at)
    if row["page"] in ("apple_pay", "google_pay"):
        return sandbox.approve_wallet(row["id"], at=at)
    if row["page"] == "card":
        return sandbox.type_card(row["id"], _card(request), at=at)
    raise Refused(409, "charge_decided")


def _card(request: Request) -> Card:
    month, _slash, year = request.form.get("expiry", "").replace(" ", "").partition("/")
    if not (month.isascii() and month.isdigit() and year.isascii() and year.isdigit() and len(year) in (2, 4)):
        raise Refused(422, "expiry_wrong")
    return Card(
        number=_DIGITS.sub("", request.form.get("number", "")),
        expires_month=int(month),
        expires_year=int(year) + (2000 if len(year) == 2 else 0),
        cvc=request.form.get("cvc", "").strip(),
    )


def _problem(code: str) -> str:
    return {
        "number_wrong": _("This card number isn't right. Look at it again."),
        "number_unknown": _("The sandbox knows its own test numbers only; they're listed below."),
        "expiry_wrong": _("Write the expiry as month and year, such as 12/29."),
        "expiry_past": _("This card has expired."),
        "cvc_wrong": _("The security code has 3 or 4 digits."),
    }.get(code, _("This payment is over already. Go back to the shop."))


def _page(row: Row, endpoint: str, *, problem: str = "") -> Response:
    names = {"card": "card", "challenge": "challenge", "alipay": "scan", "apple_pay": "wallet", "google_pay": "wallet"}
    name = "phone" if endpoint == "scan" else names[row["page"]]
    context: dict[str, Any] = {
        "charge": row,
        "amount": shown_amount(row["amount"], row["currency"], language=row["language"]),
        "problem": problem,
        "language": translation.get_language(),
        "is_open": row["state"] == OPEN,
        "wallet": {"apple_pay": "Apple Pay", "google_pay": "Google Pay"}.get(row["page"], ""),
        "numbers": [(_grouped(number), _what(behavior.name)) for number, behavior in CARDS.items()],
    }
    return _html(_TEMPLATES.get_template(f"{name}.html").render(Context(context)), row)


def shown_amount(minor: int, currency: str, *, language: str) -> str:
    """An amount as people of the language write it."""
    digits = Currency(currency).exponent or 0
    locale = _LOCALES.get(language, "en")
    return format_currency(Decimal(minor).scaleb(-digits), currency, locale=locale)


def _back(row: Row) -> Response:
    """To where the payer came from."""
    target = row["return_url"]
    if urlsplit(target).scheme not in ("http", "https"):
        return _html(_TEMPLATES.get_template("done.html").render(Context({"charge": row})), row)
    response = redirect(target, code=303)
    response.headers["Cache-Control"] = "no-store"
    return response  # type: ignore[return-value]


def _html(text: str, row: Row) -> Response:
    origin = urlsplit(row["return_url"])
    back = f" {origin.scheme}://{origin.netloc}" if origin.scheme in ("http", "https") else ""
    policy = f"default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'{back}; base-uri 'none'"
    response = Response(text, mimetype="text/html")
    response.headers["Content-Security-Policy"] = f"{policy}; frame-ancestors 'none'"
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _what(name: str) -> str:
    """What a test number does."""
    return {
        "visa": _("Visa credit, paid"),
        "visa_debit": _("Visa debit, paid"),
        "mastercard": _("Mastercard credit, paid"),
        "mastercard_debit": _("Mastercard debit, paid"),
        "amex": _("American Express, paid"),
        "unionpay": _("UnionPay, paid"),
        "challenge": _("The bank asks for confirmation"),
        "challenge_once": _("The bank asks the first time only"),
        "challenge_always": _("The bank asks every time, also for renewals"),
        "fails_later": _("Paid now, declined at renewals"),
        "declined": _("Declined"),
        "no_funds": _("Declined: not enough money"),
        "lost": _("Declined: lost card"),
        "stolen": _("Declined: stolen card"),
        "expired": _("Declined: expired"),
        "wrong_cvc": _("Declined: wrong security code"),
        "busy": _("Declined: processing error"),
    }[name]


def _static(name: str) -> Response:
    folder = _HERE / "templates" if name == "sandbox.css" else _STATIC
    kind = {**FILES, "sandbox.css": "text/css"}.get(name)
    if kind is None:
        return Response("Not found", status=404, mimetype="text/plain")
    return Response((folder / name).read_bytes(), mimetype=kind)


def _grouped(number: str) -> str:
    return " ".join(number[place : place + 4] for place in range(0, len(number), 4))
